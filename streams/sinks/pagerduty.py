"""PagerDuty Events API v2: one alert an incident, its dedup key the incident's id.

Limits of the service that its OpenAPI file does not state: summary 1,024, dedup key 255, body 512 KB, about 120 calls a
minute a key. A trigger under an open key updates the alert and wakes nobody again.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec
import orjson

from schemas.codec import rfc3339
from schemas.errors import BadConfig
from schemas.incident import Incident, Symptom
from streams.config import Notify, PagerDuty, read_secret
from streams.sink import (
    Delivered,
    Notice,
    Outcome,
    Refused,
    Request,
    Retry,
    Sink,
    incident_of,
    one_line,
    secret,
    shorten_id,
    status_link,
)
from streams.sinks import _http

SETTING = "notify.pagerduty"
KEY_LENGTH = 32
SUMMARY_LENGTH_MAX = 1024
DEDUP_LENGTH_MAX = 255
TEXT_LENGTH_MAX = 200
LISTED_MAX = 20
# The service names no time; its advice is three tries 30 s apart.
TOO_MANY_SECONDS = 30.0
ACTIONS = {"opened": "trigger", "changed": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}


class PagerDutySink(Sink):
    """Wakes people."""

    name: ClassVar[str] = "pagerduty"
    hears: ClassVar[tuple[type, ...]] = (Incident,)
    wakes: ClassVar[bool] = True

    def __init__(self, section: PagerDuty, routing_key: str, status_url: str | None) -> None:
        self._section = section
        self._base_url = _http.checked_url(f"{SETTING}.base_url", section.base_url)
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)
        self._routing_key = routing_key
        self._status_url = status_url

    @classmethod
    def build(cls, section: PagerDuty, notify: Notify) -> Self:
        setting = f"{SETTING}.routing_key_file"
        key = secret(setting, lambda: read_secret(section.routing_key_file))
        if len(key) != KEY_LENGTH:
            raise BadConfig(
                [(setting, f"holds {len(key)} characters, an Events API v2 integration key has {KEY_LENGTH}")]
            )
        return cls(section, key, notify.status_url)

    def request(self, notice: Notice) -> Request:
        """The event without its routing key."""
        incident = incident_of(notice)
        action = ACTIONS[notice.what]
        body: dict[str, Any] = {
            "event_action": action,
            "dedup_key": shorten_id(incident.incident_id, DEDUP_LENGTH_MAX),
        }
        if action == "trigger":
            body |= {"payload": _payload(incident), "client": "Breakwater"}
            page = status_link(self._status_url, incident.tenant)
            if page:
                body |= {"client_url": page, "links": [{"href": page, "text": "Status page: timeline, evidence, plan"}]}
        return Request("POST", "/enqueue", body)

    def send(self, notice: Notice) -> Outcome:
        request = self.request(notice)
        raw = orjson.dumps({**request.body, "routing_key": self._routing_key})

        def call(attempt: _http.Attempt) -> Outcome:
            with (
                _http.session(attempt, self._ca_file) as session,
                session.post(
                    self._base_url + request.path,
                    data=raw,
                    headers={"Content-Type": "application/json"},
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return _outcome(response.status_code, response.headers, _http.text_of(response), request)

        return _http.contained(f"{SETTING}.base_url", self._section.deadline_seconds, call)


def _outcome(status: int, headers: Any, text: str, request: Request) -> Outcome:
    if status == 202:
        return Delivered(request.body["dedup_key"])
    if status in (400, 401, 403):
        said = one_line(text, 160)
        return Refused(f"{SETTING}.routing_key_file: the event was not accepted ({status}): {said}")
    if status < 300:
        return Refused(
            f"{SETTING}.base_url: answers {status} where Events API v2 answers 202: is it the right address?"
        )
    outcome = _http.judge(f"{SETTING}.base_url", status, headers, text)
    if isinstance(outcome, Retry) and status == 429 and outcome.after_seconds is None:
        return msgspec.structs.replace(outcome, after_seconds=TOO_MANY_SECONDS)
    return outcome


def summary(incident: Incident) -> str:
    """One line that a sleepy person understands: what, where, since when, likely why."""
    drill = f"DRILL {incident.drill}: " if incident.drill else ""
    cause = incident.cause.kind.replace("-", " ")
    why = "" if incident.cause.kind == "unknown" else f", likely {cause} ({incident.cause.sureness:.0%} sure)"
    text = f"{drill}[{incident.tenant}] {incident.title} since {incident.onset:%H:%M} UTC{why}"
    return one_line(text, SUMMARY_LENGTH_MAX)


def _payload(incident: Incident) -> dict[str, Any]:
    return {
        "summary": summary(incident),
        "source": one_line(f"breakwater/{incident.tenant}", TEXT_LENGTH_MAX),
        "severity": incident.severity,
        "timestamp": rfc3339(incident.opened_at),
        "component": one_line(", ".join(incident.scope.channels[:LISTED_MAX]), TEXT_LENGTH_MAX),
        "group": one_line(incident.tenant, TEXT_LENGTH_MAX),
        "class": incident.cause.kind,
        "custom_details": _details(incident),
    }


def _details(incident: Incident) -> dict[str, Any]:
    """Bounded, so that the body stays far under 512 KB whatever the incident holds."""
    symptoms = sorted(incident.symptoms, key=lambda symptom: (symptom.state == "cleared", symptom.detected_at))
    return {
        "incident_id": incident.incident_id,
        "phase": incident.phase,
        "since": rfc3339(incident.onset),
        "opened": rfc3339(incident.opened_at),
        "cause": incident.cause.kind,
        "cause_sureness": round(incident.cause.sureness, 3),
        "because": [one_line(text, TEXT_LENGTH_MAX) for text in incident.cause.because[:LISTED_MAX]],
        "reaches": incident.scope.level,
        "channels": [one_line(name, TEXT_LENGTH_MAX) for name in incident.scope.channels[:LISTED_MAX]],
        "queues": [one_line(str(queue), TEXT_LENGTH_MAX) for queue in incident.scope.queues[:LISTED_MAX]],
        "sites": [one_line(site, TEXT_LENGTH_MAX) for site in incident.scope.sites[:LISTED_MAX]],
        "contacts_unusual": round(incident.contacts_unusual),
        "playbook": incident.playbook or "none",
        "symptoms": len(incident.symptoms),
        "evidence": [_evidence(symptom) for symptom in symptoms[:LISTED_MAX]],
        "last_moves": [one_line(f"{m.phase}: {m.reason.text}", TEXT_LENGTH_MAX) for m in incident.moves[-5:]],
    }


def _evidence(symptom: Symptom) -> str:
    ratio = "" if symptom.ratio is None else f" = {symptom.ratio:.2f} of usual"
    text = (
        f"{symptom.series} {symptom.signal_kind} ({symptom.state}) since {symptom.onset:%H:%M} UTC: "
        f"{symptom.observed:.0f} seen, {symptom.expected:.0f} expected{ratio}. {symptom.text}"
    )
    return one_line(text, TEXT_LENGTH_MAX)
