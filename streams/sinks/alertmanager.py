"""Prometheus Alertmanager, API v2: an alert an incident, routed, grouped and silenced by the site's own rules.

An alert's labels are its identity, and the severity must be among them or no rule could route by it: when it changes,
the alert of the old one is ended in the same request. Alertmanager forgets its alerts with a restart and ends by itself
what nobody repeats, so an open incident is sent again every `repeat_seconds`, each time to end `keep_seconds` later.
What climbed to the next rota is one more alert, with the label `step`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Self

from schemas.codec import rfc3339
from schemas.incident import Incident
from streams import clock
from streams.config import Alertmanager, Notify, read_secret
from streams.notify.links import Links
from streams.notify.sink import (
    Delivered,
    Notice,
    Outcome,
    Refused,
    Request,
    Sink,
    incident_of,
    secret,
    shorten_id,
    steps_left,
)
from streams.notify.subjects import is_over
from streams.sinks import _http, _words

SETTING = "notify.alertmanager"
ALERT_NAME = "BreakwaterIncident"
LABEL_LENGTH_MAX = 256


class AlertmanagerSink(Sink):
    """Wakes people, by the site's own rules."""

    name: ClassVar[str] = "alertmanager"
    hears: ClassVar[tuple[type, ...]] = (Incident,)
    wakes: ClassVar[bool] = True

    def __init__(self, section: Alertmanager, token: str | None, links: Links) -> None:
        self._section = section
        self._url = _http.checked_url(f"{SETTING}.url", section.url)
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._links = links
        self.repeat_seconds = section.repeat_seconds

    @classmethod
    def build(cls, section: Alertmanager, notify: Notify) -> Self:
        path = section.token_file
        token = None if path is None else secret(f"{SETTING}.token_file", lambda: read_secret(path))
        return cls(section, token, Links.of(notify))

    def request(self, notice: Notice) -> Request:
        """What is over has its end; what goes on gets one when it is sent."""
        return Request("POST", "/api/v2/alerts", _alerts(notice, self._links))

    def send(self, notice: Notice) -> Outcome:
        request = self.request(notice)
        lasts_to = rfc3339(max(clock.now(), incident_of(notice).onset) + timedelta(seconds=self._section.keep_seconds))
        body = [{"endsAt": lasts_to, **alert} for alert in request.body]

        def call(attempt: _http.Attempt) -> Outcome:
            answer = _http.post(attempt, self._url + request.path, body, self._ca_file, self._headers)
            return Delivered(incident_of(notice).severity) if answer.status == 200 else _failed(answer)

        return _http.contained(f"{SETTING}.url", self._section.deadline_seconds, call)


def _failed(answer: _http.Answer) -> Outcome:
    if answer.status in (401, 403):
        return Refused(f"{SETTING}.token_file: the token is not accepted ({answer.status})")
    if answer.status < 300:
        return Refused(
            f"{SETTING}.url: answers {answer.status} where Alertmanager answers 200: is it the right address?"
        )
    return _http.judge(f"{SETTING}.url", *answer)


def _alerts(notice: Notice, links: Links) -> list[dict[str, Any]]:
    incident = incident_of(notice)
    common = {"startsAt": rfc3339(incident.onset), "annotations": _annotations(notice, links)}
    page = links.status(incident.tenant, incident.incident_id)
    if page:
        common["generatorURL"] = page
    ended = {"endsAt": rfc3339(max(incident.resolved_at or incident.at, incident.onset))}
    steps = sorted({0, notice.step})
    before = notice.reference
    # said again is what was said: what changed in between may have had its reason not to be told
    severity = before if before is not None and notice.what == "repeated" else incident.severity
    alerts = [{"labels": labels(incident, severity, step), **common} for step in steps]
    if is_over(incident):
        alerts = [alert | ended for alert in alerts]
    over = [(severity, step) for step in steps_left(notice)]
    if before is not None and before != severity:
        over += [(before, step) for step in sorted({0, *steps_left(notice), notice.step_before})]
    return alerts + [{"labels": labels(incident, was, step), **common, **ended} for was, step in over]


def labels(incident: Incident, severity: str, step: int = 0) -> dict[str, str]:
    """What identifies the alert: nothing in it may change while it goes on."""
    named = {
        "alertname": ALERT_NAME,
        "tenant": incident.tenant,
        "incident_id": incident.incident_id,
        "severity": severity,
        "drill": incident.drill or "",
        "step": str(step) if step else "",
    }
    return {name: shorten_id(text, LABEL_LENGTH_MAX) for name, text in named.items() if text}


def _annotations(notice: Notice, links: Links) -> dict[str, str]:
    incident = incident_of(notice)
    named = {
        "summary": _words.headline(incident),
        "description": "\n".join(_words.evidence(incident)),
        "cause": _words.cause(incident),
        "reach": _words.reach(incident),
        "plan": "\n".join(_words.plan(incident)),
        "acknowledged_by": _words.brief(incident.acknowledged_by or ""),
        "called": _words.what_now(notice) if notice.what == "escalated" else "",
        "dashboard": links.dashboard(incident) or "",
        "runbook_url": links.playbook(incident) or "",
    }
    return {name: text for name, text in named.items() if text}
