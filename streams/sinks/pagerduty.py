"""PagerDuty Events API v2: one alert an incident, its dedup key the incident's id; a change event a load shift.

Limits of the service that its OpenAPI file does not state: summary 1,024, dedup key 255, body 512 KB, about 120 calls a
minute a key. A trigger under an open key updates the alert and wakes nobody again, so an incident that climbs to the
next rota opens one more alert, under a key of that step, which ends the one of the step before; acknowledging and
resolving reach all that may be open. What is not cannot be acknowledged or resolved: the service drops it in silence.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from schemas.codec import rfc3339
from schemas.command import LoadShiftCommand
from schemas.errors import BadConfig
from schemas.incident import Incident
from streams.config import Notify, PagerDuty, read_secret
from streams.notify.links import Links
from streams.notify.sink import (
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
    steps_left,
)
from streams.notify.subjects import Change, Published
from streams.sinks import _http, _words
from streams.sinks._words import LISTED_MAX, brief

SETTING = "notify.pagerduty"
KEY_LENGTH = 32
SUMMARY_LENGTH_MAX = 1024
DEDUP_LENGTH_MAX = 255
# The service names no time; its advice is three tries 30 s apart.
TOO_MANY_SECONDS = 30.0
CHANGE = "/change/enqueue"
ACTIONS = {"acknowledged": "acknowledge", "resolved": "resolve"}


class PagerDutySink(Sink):
    """Wakes people."""

    name: ClassVar[str] = "pagerduty"
    hears: ClassVar[tuple[type, ...]] = (Incident, LoadShiftCommand, Published)
    wakes: ClassVar[bool] = True

    def __init__(self, section: PagerDuty, routing_key: str, links: Links, escalation_key: str | None = None) -> None:
        self._section = section
        self._base_url = _http.checked_url(f"{SETTING}.base_url", section.base_url)
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)
        self._routing_key = routing_key
        self._escalation_key = escalation_key
        self._links = links

    @classmethod
    def build(cls, section: PagerDuty, notify: Notify) -> Self:
        second = section.escalation_routing_key_file
        return cls(
            section,
            _key(f"{SETTING}.routing_key_file", section.routing_key_file),
            Links.of(notify),
            None if second is None else _key(f"{SETTING}.escalation_routing_key_file", second),
        )

    def request(self, notice: Notice) -> Request:
        """The first event without its routing key: all of them but where an incident climbed."""
        return self.requests(notice)[0]

    def requests(self, notice: Notice) -> list[Request]:
        """The events without their routing keys, in order."""
        return [request for _, request in self._events(notice)]

    def _events(self, notice: Notice) -> list[tuple[int, Request]]:
        """Each with the step that it goes to: 0 is who is paged first."""
        if isinstance(notice.subject, Change):
            return [(0, Request("POST", CHANGE, _change(notice.subject, self._links)))]
        incident, left = incident_of(notice), steps_left(notice)
        match notice.what:
            case "acknowledged" | "resolved":
                every = {0, *left, notice.step}
                return [(step, _ending(ACTIONS[notice.what], incident, step)) for step in sorted(every)]
            case "escalated":
                return [*((step, _ending("resolve", incident, step)) for step in left), self._page(notice, notice.step)]
            case _:
                return [self._page(notice, 0)]

    def _page(self, notice: Notice, step: int) -> tuple[int, Request]:
        incident = incident_of(notice)
        body = {
            "event_action": "trigger",
            "dedup_key": _dedup_key(incident, step),
            "payload": _payload(notice, incident),
            "client": "Breakwater",
            "links": [{"href": link.href, "text": link.text} for link in self._links.about(incident)],
        }
        page = self._links.status(incident.tenant, incident.incident_id)
        return step, Request("POST", "/enqueue", body | ({"client_url": page} if page else {}))

    def send(self, notice: Notice) -> Outcome:
        def call(attempt: _http.Attempt) -> Outcome:
            outcome: Outcome = Delivered()
            for step, request in self._events(notice):
                outcome = self._post(attempt, request, second_line=step > 0)
                if not isinstance(outcome, Delivered):
                    break
            return outcome

        return _http.contained(f"{SETTING}.base_url", self._section.deadline_seconds, call)

    def _post(self, attempt: _http.Attempt, request: Request, *, second_line: bool) -> Outcome:
        key, setting = self._routing_key, "routing_key_file"
        if second_line and self._escalation_key is not None:
            key, setting = self._escalation_key, "escalation_routing_key_file"
        answer = _http.post(attempt, self._base_url + request.path, {**request.body, "routing_key": key}, self._ca_file)
        return _outcome(answer, request, f"{SETTING}.{setting}")


def _key(setting: str, path: Any) -> str:
    key = secret(setting, lambda: read_secret(path))
    if len(key) != KEY_LENGTH:
        raise BadConfig([(setting, f"holds {len(key)} characters, an Events API v2 integration key has {KEY_LENGTH}")])
    return key


def _ending(action: str, incident: Incident, step: int) -> Request:
    return Request("POST", "/enqueue", {"event_action": action, "dedup_key": _dedup_key(incident, step)})


def _dedup_key(incident: Incident, step: int) -> str:
    """The incident's id; of a later step also the step."""
    own = shorten_id(incident.incident_id, DEDUP_LENGTH_MAX - 20)
    return f"{own}~step-{step}" if step else own


def _outcome(answer: _http.Answer, request: Request, setting: str) -> Outcome:
    status, headers, text = answer
    if status == 202:
        return Delivered(request.body.get("dedup_key"))
    if status in (400, 401, 403):
        return Refused(f"{setting}: the event was not accepted ({status}): {one_line(text, 160)}")
    if status < 300:
        return Refused(
            f"{SETTING}.base_url: answers {status} where Events API v2 answers 202: is it the right address?"
        )
    outcome = _http.judge(f"{SETTING}.base_url", status, headers, text)
    if isinstance(outcome, Retry) and status == 429 and outcome.after_seconds is None:
        return msgspec.structs.replace(outcome, after_seconds=TOO_MANY_SECONDS)
    return outcome


def _payload(notice: Notice, incident: Incident) -> dict[str, Any]:
    climbed = f"{_words.what_now(notice)}. " if notice.what == "escalated" else ""
    return {
        "summary": one_line(climbed + _words.headline(incident), SUMMARY_LENGTH_MAX),
        "source": brief(f"breakwater/{incident.tenant}"),
        "severity": incident.severity,
        "timestamp": rfc3339(incident.opened_at),
        "component": brief(", ".join(incident.scope.channels[:LISTED_MAX])),
        "group": brief(incident.tenant),
        "class": incident.cause.kind,
        "custom_details": _details(incident),
    }


def _details(incident: Incident) -> dict[str, Any]:
    """Bounded, so that the body stays far under 512 KB whatever the incident holds."""
    details = {
        "incident_id": incident.incident_id,
        "phase": incident.phase,
        "since": rfc3339(incident.onset),
        "opened": rfc3339(incident.opened_at),
        "cause": incident.cause.kind,
        "cause_sureness": round(incident.cause.sureness, 3),
        "because": [brief(text) for text in incident.cause.because[:LISTED_MAX]],
        "reaches": incident.scope.level,
        "channels": [brief(name) for name in incident.scope.channels[:LISTED_MAX]],
        "queues": [brief(str(queue)) for queue in incident.scope.queues[:LISTED_MAX]],
        "sites": [brief(site) for site in incident.scope.sites[:LISTED_MAX]],
        "contacts_unusual": round(incident.contacts_unusual),
        "playbook": incident.playbook or "none",
        "plan": _words.plan(incident),
        "symptoms": len(incident.symptoms),
        "evidence": _words.evidence(incident),
        "last_moves": [brief(f"{move.phase}: {move.reason.text}") for move in incident.moves[-5:]],
        "notes": [brief(note.text) for note in incident.notes[-5:]],
    }
    if incident.merged_into:
        details["merged_into"] = incident.merged_into
    return details


def _change(subject: Change, links: Links) -> dict[str, Any]:
    """A change event: it wakes nobody, and stands beside the alerts of the service as what was done."""
    if isinstance(subject, Published):
        centre = subject.centre
        details: dict[str, Any] = {
            "version": centre.version,
            "mode": centre.mode,
            "channels": [brief(name) for name in sorted(centre.channels)[:LISTED_MAX]],
            "queues": len(centre.queues),
            "routes": len(centre.routes),
        }
        at, found = subject.at, links.status(subject.tenant)
    else:
        details = {
            "command_id": subject.command_id,
            "incident_id": subject.incident_id,
            "action": subject.action,
            "from": brief(str(subject.from_queue)),
            "to": brief(str(subject.to_queue)),
            "share": subject.share,
            "share_before": subject.share_before,
            "mode": subject.mode,
            "approved_by": subject.approved_by or "nobody had to",
            "expires": rfc3339(subject.expires_at),
            "taken_back_by": subject.inverse.command_id,
            "takes_back": subject.reverts or "nothing",
        }
        at, found = subject.issued_at, links.status(subject.tenant, subject.incident_id)
    return {
        "payload": {
            "summary": _words.headline(subject, SUMMARY_LENGTH_MAX),
            "source": brief(f"breakwater/{subject.tenant}"),
            "timestamp": rfc3339(at),
            "custom_details": details,
        },
        "links": [{"href": found, "text": "Status page"}] if found else [],
    }
