"""Grafana: a region annotation an incident, of the whole organisation, found by its tags.

Tags and text are sent with every update: a PATCH without tags wipes them.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from schemas.incident import Incident
from streams.config import Grafana, Notify, read_secret
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
)
from streams.sinks import _http
from streams.sinks._grafana import SETTING, GrafanaClient

NEEDS = "write annotations: role Editor, or the permissions annotations:read, annotations:create, annotations:write"
TAG = "breakwater"
# the columns that Grafana keeps tags in
TAG_LENGTH_MAX = 100
TEXT_LENGTH_MAX = 300
LISTED_MAX = 10


class GrafanaSink(Sink):
    """Shows every incident as a band on every dashboard that asks for the tag `breakwater`."""

    name: ClassVar[str] = "grafana"
    hears: ClassVar[tuple[type, ...]] = (Incident,)

    def __init__(self, section: Grafana, token: str, links: Links) -> None:
        self._section = section
        self._url = _http.checked_url(f"{SETTING}.url", section.url)
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)
        self._token = token
        self._links = links

    @classmethod
    def build(cls, section: Grafana, notify: Notify) -> Self:
        token = secret(f"{SETTING}.token_file", lambda: read_secret(section.token_file))
        return cls(section, token, Links.of(notify))

    def request(self, notice: Notice) -> Request:
        """POST of a new annotation, or PATCH of the one that `reference` names."""
        body = _annotation(incident_of(notice), self._links)
        if notice.reference is None:
            return Request("POST", "/annotations", body)
        return Request("PATCH", f"/annotations/{notice.reference}", body)

    def send(self, notice: Notice) -> Outcome:
        return _http.contained(
            f"{SETTING}.url", self._section.deadline_seconds, lambda attempt: self._tell(attempt, notice)
        )

    def _tell(self, attempt: _http.Attempt, notice: Notice) -> Outcome:
        client = GrafanaClient(self._url, self._token, attempt, self._ca_file, needs=NEEDS)
        body = self.request(notice).body
        if notice.reference is not None:
            gone = _update(client, notice.reference, body)
            if not (isinstance(gone, Refused) and client.status == 404):
                return gone
        # An attempt whose answer was lost may have made it: look before making another.
        found = _find(client, body["tags"])
        if isinstance(found, Retry | Refused):
            return found
        return _update(client, found, body) if found is not None else _create(client, body)


def _find(client: GrafanaClient, tags: list[str]) -> str | Retry | Refused | None:
    """The id of the annotation that bears the incident's tag."""
    wanted = tags[1]
    query = urlencode([("tags", TAG), ("tags", wanted), ("type", "annotation"), ("limit", 10)])
    answer = client.call("GET", f"/annotations?{query}")
    if isinstance(answer, Retry | Refused):
        return answer
    if not isinstance(answer, list):
        return Refused(f"{SETTING}.url: answers {client.status} without a list of annotations: is it a Grafana?")
    ours = [one for one in answer if isinstance(one, dict) and wanted in (one.get("tags") or ())]
    return min((number for one in ours if (number := _id(one)) is not None), key=int, default=None)


def _create(client: GrafanaClient, body: dict[str, Any]) -> Outcome:
    answer = client.call("POST", "/annotations", body)
    if isinstance(answer, Retry | Refused):
        return answer
    made = _id(answer) if isinstance(answer, dict) else None
    if made is not None:
        return Delivered(made)
    # It may have been made: the next attempt looks for it first.
    return Retry(f"{SETTING}.url: answers {client.status} without the annotation's id")


def _update(client: GrafanaClient, reference: str, body: dict[str, Any]) -> Outcome:
    answer = client.call("PATCH", f"/annotations/{reference}", body)
    return answer if isinstance(answer, Retry | Refused) else Delivered(reference)


def _id(annotation: dict[str, Any]) -> str | None:
    number = annotation.get("id")
    return str(number) if isinstance(number, int) else None


def _annotation(incident: Incident, links: Links) -> dict[str, Any]:
    start = _milliseconds(incident.onset)
    return {
        "time": start,
        "timeEnd": max(start + 1, _milliseconds(incident.resolved_at or incident.at)),
        "tags": tags(incident),
        "text": _text(incident, links),
    }


def tags(incident: Incident) -> list[str]:
    """The second one identifies the incident."""
    named = {
        "incident_id": incident.incident_id,
        "tenant": incident.tenant,
        "severity": incident.severity,
        "cause": incident.cause.kind,
        "phase": incident.phase,
    }
    if incident.drill:
        named["drill"] = incident.drill
    return [TAG, *(shorten_id(f"{name}={one_line(text)}", TAG_LENGTH_MAX) for name, text in named.items())]


def _text(incident: Incident, links: Links) -> str:
    """HTML, as Grafana shows it: everything that came from outside is escaped."""
    lines = [f"{'DRILL ' if incident.drill else ''}{incident.title} ({incident.phase})"]
    lines.append(f"cause {incident.cause.kind}, {incident.cause.sureness:.0%} sure")
    lines += [symptom.text for symptom in incident.symptoms[:LISTED_MAX]]
    if incident.acknowledged_by:
        lines.append(f"acknowledged by {incident.acknowledged_by}")
    if incident.merged_into:
        lines.append(f"merged into {incident.merged_into}")
    escaped = [html.escape(one_line(line, TEXT_LENGTH_MAX)) for line in lines]
    escaped += [f'<a href="{html.escape(link.href)}">{html.escape(link.text)}</a>' for link in links.about(incident)]
    return "<br>".join(escaped)


def _milliseconds(moment: datetime) -> int:
    return max(0, int(moment.timestamp() * 1000))
