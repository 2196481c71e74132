from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from notice_examples import AT, incident, notice, resolved, symptom
from standing import Running

from streams.config import Grafana, Notify
from streams.notify.links import Links
from streams.notify.sink import Delivered, Refused, Retry
from streams.sinks.grafana import GrafanaSink
from streams.stand_in import Fault

MINUTE_MS = 60_000
AT_MS = int(AT.timestamp() * 1000)


@pytest.fixture
def sink(stand_in: Running, token_file: Path) -> GrafanaSink:
    section = Grafana(url=stand_in.address, token_file=token_file, deadline_seconds=5)
    return GrafanaSink.build(section, Notify())


def only(stand_in: Running) -> dict[str, Any]:
    (annotation,) = stand_in.grafana.annotations.values()
    return annotation


def test_an_incident_is_a_region_that_grows_and_is_closed(sink: GrafanaSink, stand_in: Running) -> None:
    opened = sink.send(notice())
    assert opened == Delivered("1")
    assert (only(stand_in)["time"], only(stand_in)["timeEnd"]) == (AT_MS - 3 * MINUTE_MS, AT_MS)

    sink.send(notice(incident(2, severity="error"), "changed", reference="1"))
    assert "severity=error" in only(stand_in)["tags"]

    assert sink.send(notice(resolved(), "resolved", reference="1")) == Delivered("1")
    assert only(stand_in)["timeEnd"] == AT_MS + 50 * MINUTE_MS
    assert {"breakwater", f"incident_id={incident().incident_id}", "phase=resolved"} <= set(only(stand_in)["tags"])
    assert "resolved" in only(stand_in)["text"]


def test_an_annotation_whose_answer_was_lost_is_found_by_its_tag(sink: GrafanaSink, stand_in: Running) -> None:
    sink.send(notice(incident(incident_id="another")))
    stand_in.faults = [Fault(status=0), Fault(status=0)]
    assert isinstance(sink.send(notice()), Retry)  # the look-up
    stand_in.faults = []
    sink.send(notice())
    before = len(stand_in.grafana.annotations)

    outcome = sink.send(notice(incident(2)))

    assert outcome == Delivered("2")
    assert len(stand_in.grafana.annotations) == before == 2


def test_an_annotation_that_somebody_deleted_is_made_again(sink: GrafanaSink, stand_in: Running) -> None:
    sink.send(notice())
    stand_in.grafana.annotations.clear()

    assert sink.send(notice(resolved(), "resolved", reference="1")) == Delivered("2")


def test_a_patch_answered_with_204_is_delivered_and_a_post_is_not_until_it_is_found(
    sink: GrafanaSink, stand_in: Running
) -> None:
    stand_in.faults = [Fault(status=204)]
    assert sink.send(notice(reference="7")) == Delivered("7")

    sink.send(notice())
    stand_in.grafana.annotations.clear()
    stand_in.faults = [Fault(status=200, body="[]", content_type="application/json"), Fault(status=204)]
    outcome = sink.send(notice())
    assert isinstance(outcome, Retry)
    assert "without the annotation's id" in outcome.why


def test_a_page_in_place_of_json_is_no_grafana(sink: GrafanaSink, stand_in: Running) -> None:
    for body in ("<html>please log in</html>", '"text"', '{"id": 1}'):
        stand_in.faults = [Fault(status=200, body=body, content_type="application/json")]

        outcome = sink.send(notice())

        assert isinstance(outcome, Refused)
        assert "is it a Grafana?" in outcome.why


def test_a_wrong_token_and_a_missing_permission_name_the_setting(sink: GrafanaSink, stand_in: Running) -> None:
    stand_in.grafana.may_write = False
    forbidden = sink.send(notice())
    stand_in.grafana.token = "another"
    unknown = sink.send(notice())

    assert isinstance(forbidden, Refused)
    assert forbidden.why.startswith(
        "notify.grafana.token_file: the token lacks rights (403): it must be allowed to write annotations"
    )
    assert "annotations:create" in forbidden.why
    assert isinstance(unknown, Refused)
    assert unknown.why == "notify.grafana.token_file: the token is not accepted (401): Unauthorized"


def test_a_wrong_path_names_the_address(stand_in: Running, token_file: Path) -> None:
    section = Grafana(url=f"{stand_in.address}/grafana", token_file=token_file)

    outcome = GrafanaSink.build(section, Notify()).send(notice())

    assert isinstance(outcome, Refused)
    assert outcome.why.startswith("notify.grafana.url: answers 404")
    assert stand_in.requests[0][1].startswith("/grafana/api/annotations?")


def test_tags_that_need_escaping_find_their_annotation(sink: GrafanaSink, stand_in: Running) -> None:
    odd = incident(incident_id="a&b=c d/ü+%")

    sink.send(notice(odd))
    sink.send(notice(odd))

    assert len(stand_in.grafana.annotations) == 1


def test_what_came_from_outside_is_escaped() -> None:
    sink = GrafanaSink(Grafana(url="http://g", token_file=Path("t")), "token", Links(status_url='http://s/"><script>'))

    text = sink.request(notice(incident(title="<b>&", symptoms=[symptom(text="<script>x</script>")]))).body["text"]

    assert "<script" not in text
    assert "&lt;b&gt;&amp;" in text
