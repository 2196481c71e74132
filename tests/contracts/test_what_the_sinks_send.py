"""Every payload that the sinks can build is accepted by the services' own descriptions, and keeps to their limits."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator, Draft202012Validator
from msgspec.structs import replace
from notice_examples import AT, incident, notices, published, resolved, subjects, symptom
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest
from openapi_core.validation.request.exceptions import InvalidRequestBody

from schemas import codec
from schemas.incident import Incident
from streams.config import Grafana, PagerDuty, Webhook
from streams.notify.links import Links
from streams.notify.sink import Notice, Request
from streams.notify.subjects import Published
from streams.sinks._event import SUBJECT_LENGTH_MAX
from streams.sinks.file import LinesSink
from streams.sinks.grafana import TAG_LENGTH_MAX, GrafanaSink
from streams.sinks.pagerduty import PagerDutySink
from streams.sinks.webhook import WebhookSink

ROOT = Path(__file__).parents[2]
SPECS = ROOT.parent / "shared" / "data" / "specs"
KEY = "0123456789abcdef0123456789abcdef"
LINKS = Links(
    status_url="https://status.example/",
    dashboard_url="https://grafana.example/d/breakwater-incident",
    playbook_url="https://wiki.example/playbooks/",
)

real_data = pytest.mark.real_data
thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@cache
def spec(name: str, address: str) -> OpenAPI:
    """The description, with the address that the test calls."""
    return OpenAPI.from_dict({**json.loads((SPECS / name).read_text()), "servers": [{"url": address}]})


@cache
def pagerduty() -> PagerDutySink:
    return PagerDutySink(PagerDuty(routing_key_file=Path("unused")), KEY, LINKS)


@cache
def grafana() -> GrafanaSink:
    return GrafanaSink(Grafana(url="http://grafana:3000", token_file=Path("unused")), "token", LINKS)


def accept(name: str, request: Request, **more: str) -> bytes:
    """The request's body. Raises what the description finds wrong with it."""
    raw = orjson.dumps({**request.body, **more})
    call = MockRequest(
        "http://service",
        request.method.lower(),
        f"/api{request.path}",
        headers={"Authorization": "Bearer token"},
        data=raw,
        content_type="application/json",
    )
    spec(name, "http://service/api").validate_request(call)
    return raw


@real_data
@thorough
@given(notices(subjects().filter(lambda subject: isinstance(subject, PagerDutySink.hears))))
def test_pagerduty_accepts_every_event(notice: Notice) -> None:
    for request in pagerduty().requests(notice):
        body = request.body

        raw = accept("pagerduty/events-v2.openapi.json", request, routing_key=KEY)

        # what the description does not state
        assert len(raw) < 512 * 1024
        assert request.path == "/change/enqueue" or 1 <= len(body["dedup_key"]) <= 255
        if "payload" in body:
            assert 1 <= len(body["payload"]["summary"]) <= 1024
            assert body["payload"]["summary"].isprintable()
            assert body["payload"]["source"]


@real_data
def test_the_description_would_refuse_what_is_wrong() -> None:
    body = pagerduty().request(Notice(notice_id="n", what="opened", subject=incident())).body
    wrong = Request("POST", "/enqueue", {**body, "payload": {**body["payload"], "severity": "fatal"}})

    with pytest.raises(InvalidRequestBody):
        accept("pagerduty/events-v2.openapi.json", wrong, routing_key=KEY)


@real_data
@thorough
@given(notices())
def test_grafana_accepts_every_annotation(notice: Notice) -> None:
    request = grafana().request(notice)

    accept("grafana/grafana-9.3.2-subset.openapi3.json", request)

    assert (request.method == "PATCH") == (notice.reference is not None)
    assert request.body["tags"][0] == "breakwater"
    assert all(len(tag) <= TAG_LENGTH_MAX for tag in request.body["tags"])
    assert request.body["time"] < request.body["timeEnd"]
    assert "<script" not in request.body["text"]


@real_data
@thorough
@given(notices(subjects()))
def test_the_webhook_and_the_file_hold_cloudevents_of_at_most_64_kilobytes(notice: Notice) -> None:
    sinks = (WebhookSink(Webhook(url="http://receiver/hook"), None), LinesSink(Path("/nowhere/notices.jsonl")))
    cloudevent = Draft7Validator(json.loads((SPECS / "cloudevents" / "cloudevents-1.0.2.schema.json").read_text()))

    for sink in sinks:
        body = sink.request(notice).body

        cloudevent.validate(body)
        assert len(orjson.dumps(body)) <= 64 * 1024
        assert len(body["subject"]) <= SUBJECT_LENGTH_MAX


@thorough
@given(notices(subjects()))
def test_the_data_of_a_cloudevent_is_the_message_as_our_own_schema_has_it(notice: Notice) -> None:
    body = WebhookSink(Webhook(url="http://receiver/hook"), None).request(notice).body
    kind = type(notice.subject.centre if isinstance(notice.subject, Published) else notice.subject)
    name = body["type"].removeprefix("breakwater.")

    read = codec.decode(kind, orjson.dumps(body["data"]))

    assert read.tenant == notice.subject.tenant
    schema = json.loads((ROOT / "schemas" / "json" / f"{name}.json").read_text())
    Draft202012Validator(schema).validate(body["data"])


def test_an_enormous_incident_still_fits() -> None:
    text = "\u0001" * 200_000
    enormous = incident(title=text, symptoms=[symptom(text=text)] * 300)

    body = (
        WebhookSink(Webhook(url="http://receiver/hook"), None)
        .request(Notice(notice_id="n", what="opened", subject=enormous))
        .body
    )

    assert len(orjson.dumps(body)) <= 64 * 1024
    assert len(body["data"]["symptoms"]) >= 1


def test_a_centre_of_thousands_of_routes_still_fits() -> None:
    routes = published().centre.routes * 10_000

    body = (
        WebhookSink(Webhook(url="http://receiver/hook"), None)
        .request(
            Notice(notice_id="n", what="opened", subject=Published(replace(published().centre, routes=routes), AT))
        )
        .body
    )

    assert len(orjson.dumps(body)) <= 64 * 1024
    assert body["type"] == "breakwater.centre.v1"
    assert body["data"]["routes"]


def test_an_ordinary_incident_is_told_whole() -> None:
    sink = WebhookSink(Webhook(url="http://receiver/hook"), None)

    body = sink.request(Notice(notice_id="n", what="resolved", subject=resolved())).body

    assert codec.decode(Incident, orjson.dumps(body["data"])) == resolved()
    assert body["time"] == codec.rfc3339(AT)
    assert body["what"] == "resolved"


def test_the_pager_shows_one_line_that_says_what_where_since_when_and_why() -> None:
    body = pagerduty().request(Notice(notice_id="n", what="opened", subject=incident())).body

    assert body["payload"]["summary"] == (
        "[acme] Telephony outage: voice is silent, chat +281 % since 14:02 UTC, likely telephony (92% sure)"
    )
    assert body["payload"]["severity"] == "critical"
    assert body["dedup_key"] == incident().incident_id
    assert body["client_url"] == body["links"][0]["href"]
    assert [link["href"].partition("?")[0] for link in body["links"]] == [
        "https://status.example/",
        "https://grafana.example/d/breakwater-incident",
    ]
    assert body["links"][0]["href"].endswith(f"?tenant=acme#incident-{incident().incident_id}")
    assert "381 seen, 100 expected" in body["payload"]["custom_details"]["evidence"][0]


def test_two_incidents_with_very_long_names_stay_two_alerts_and_two_annotations() -> None:
    first, second = (incident(incident_id="t" * 199 + end) for end in "ab")

    tags = [
        GrafanaSink.request(grafana(), Notice(notice_id="n", what="opened", subject=i)).body["tags"][1]
        for i in (first, second)
    ]

    assert tags[0] != tags[1]
