from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from notice_examples import AT, climbed, incident, load_shift, published, resolved, staffing_alert, symptom

from schemas.incident import Cause, Incident
from schemas.notice import Told
from streams.notify.notices import Skipped, due
from streams.notify.sink import Notice, Subject
from streams.notify.subjects import step
from streams.sinks.file import LinesSink
from streams.sinks.grafana import GrafanaSink
from streams.sinks.pagerduty import PagerDutySink


def told(notice: Notice) -> Told:
    return Told(
        notice_id=notice.notice_id,
        what=notice.what,
        says=notice.says,
        at=AT,
        acknowledged=notice.acknowledged,
        step=notice.step,
    )


def story(sink: Any, *subjects: Subject) -> list[str]:
    """What a sink that takes everything is told of the successive states."""
    last: Told | None = None
    found = []
    for subject in subjects:
        while isinstance(notice := due(sink, subject, last, None), Notice):
            last = told(notice)
            found.append(notice.what)
        found += ["skipped"] if isinstance(notice, Skipped) else []
    return found


def quiet(subject: Incident) -> str:
    skipped = due(PagerDutySink, subject, None, None)
    assert isinstance(skipped, Skipped)
    return skipped.why


def test_an_incident_is_opened_and_resolved_once_however_often_it_is_revised() -> None:
    revisions = [incident(n, contacts_unusual=10.0 * n, title=f"voice, {n}") for n in range(1, 6)]

    for sink in (PagerDutySink, GrafanaSink, LinesSink):
        assert story(sink, *revisions, resolved(6), resolved(7)) == ["opened", "resolved"]


def test_a_new_cause_or_severity_is_told_and_a_new_symptom_only_where_nobody_is_woken() -> None:
    another = incident(2, cause=Cause(kind="chat-platform", sureness=0.5))
    wider = incident(2, symptoms=[symptom("chat"), symptom("email")])

    assert story(PagerDutySink, incident(), another, incident(3, severity="info")) == ["opened", "changed", "changed"]
    assert story(PagerDutySink, incident(), wider) == ["opened"]
    assert story(GrafanaSink, incident(), wider) == ["opened", "changed"]


def test_a_pending_incident_is_nobodys_business_yet() -> None:
    assert due(GrafanaSink, incident(phase="pending"), None, None) is None


def test_an_acknowledgement_is_told_and_what_changed_with_it_right_after() -> None:
    both = incident(2, acknowledged_by="ada", severity="error")

    assert story(PagerDutySink, incident(), both, resolved(3, acknowledged_by="ada")) == [
        "opened",
        "acknowledged",
        "changed",
        "resolved",
    ]


def test_an_incident_that_was_acknowledged_before_it_was_told_is_one_notice() -> None:
    assert story(LinesSink, incident(acknowledged_by="ada")) == ["opened"]


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"pages": False}, "does not page"),
        ({"muted_until": AT + timedelta(hours=1)}, "muted until 2026-11-24T15:05:00Z"),
        ({"acknowledged_by": "ada"}, "ada had acknowledged it"),
        ({"phase": "resolved"}, "over before anybody was told"),
    ],
)
def test_what_wakes_nobody_is_skipped_with_its_reason_and_still_shown(over: dict[str, Any], why: str) -> None:
    subject = incident(**over)

    assert why in quiet(subject)
    assert isinstance(due(GrafanaSink, subject, None, None), Notice)


def test_an_incident_that_may_page_after_all_pages_then() -> None:
    muted = incident(1, muted_until=AT + timedelta(minutes=5))
    later = incident(2, muted_until=AT + timedelta(minutes=5), at=AT + timedelta(minutes=6))

    assert story(PagerDutySink, muted, later) == ["skipped", "opened"]
    assert story(PagerDutySink, incident(1, pages=False), incident(2)) == ["skipped", "opened"]


def test_changes_of_a_muted_incident_wake_nobody_but_its_end_is_told() -> None:
    muted = incident(2, severity="error", muted_until=AT + timedelta(hours=1))

    assert story(PagerDutySink, incident(), muted, resolved(3)) == ["opened", "resolved"]


def test_each_step_of_an_escalation_is_told_once_and_none_after_somebody_took_it() -> None:
    taken = climbed(4, step=2, acknowledged_by="bob")

    assert story(PagerDutySink, incident(), climbed(2), climbed(3), climbed(4, step=2), resolved(5)) == [
        "opened",
        "escalated",
        "escalated",
        "resolved",
    ]
    assert story(PagerDutySink, incident(), taken)[:2] == ["opened", "acknowledged"]
    assert "escalated" not in story(PagerDutySink, incident(), taken, climbed(5, step=3, acknowledged_by="bob"))
    assert story(PagerDutySink, climbed(1)) == ["opened"]
    assert story(PagerDutySink, incident(), climbed(2, muted_until=AT + timedelta(hours=1))) == ["opened"]


def test_an_end_reaches_every_step_that_may_have_been_told() -> None:
    at_step_two = told(Notice(notice_id="n", what="escalated", subject=climbed(step=2), step=2))

    for subject in (resolved(5), climbed(5, step=3, phase="resolved"), climbed(5, step=1, acknowledged_by="bob")):
        notice = due(PagerDutySink, subject, at_step_two, None)
        assert isinstance(notice, Notice)
        assert (notice.step, notice.step_before) == (3 if step(subject) == 3 else 2, 2)


def test_what_was_done_is_told_once_to_those_who_hear_of_it() -> None:
    assert story(PagerDutySink, load_shift(), load_shift()) == ["opened"]
    assert story(LinesSink, published(3), published(3), published(4)) == ["opened", "changed"]
    assert story(GrafanaSink, load_shift(), published()) == []


def test_an_incident_that_comes_back_is_opened_again() -> None:
    assert story(PagerDutySink, incident(), resolved(2), incident(3)) == ["opened", "resolved", "opened"]


def test_staffing_alerts_go_to_the_sinks_that_hear_them_and_wake_nobody() -> None:
    closed = staffing_alert(2, state="closed")

    assert story(LinesSink, staffing_alert(), closed) == ["opened", "resolved"]
    assert story(LinesSink, closed) == []
    assert story(PagerDutySink, staffing_alert()) == []
    assert story(GrafanaSink, staffing_alert()) == []


def test_going_back_to_an_earlier_state_is_news_and_a_resend_after_a_crash_is_not() -> None:
    first = due(LinesSink, incident(), None, None)
    assert isinstance(first, Notice)
    resent = due(LinesSink, incident(2), None, None)
    assert isinstance(resent, Notice)
    assert resent.notice_id == first.notice_id

    worse = due(LinesSink, incident(2, severity="error"), told(first), None)
    assert isinstance(worse, Notice)
    back = due(LinesSink, incident(3), told(worse), None)
    assert isinstance(back, Notice)
    assert len({first.notice_id, worse.notice_id, back.notice_id}) == 3


def test_each_sink_has_its_own_ids_and_gets_its_own_reference_back() -> None:
    notices = [due(sink, incident(), None, sink.name) for sink in (PagerDutySink, GrafanaSink, LinesSink)]

    assert len({msgspec.to_builtins(n)["notice_id"] for n in notices if n}) == 3
    assert [n.reference for n in notices if isinstance(n, Notice)] == ["pagerduty", "grafana", "file"]
