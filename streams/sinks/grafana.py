"""Grafana: a region annotation an incident, of the whole organisation, found by its tags.

Through grafana-api, whose faults are contained here: its client and connections live for one attempt (deadline), no
redirect is followed (it would turn a POST into a GET and call it success), tags and text are sent with every update (a
PATCH without tags wipes them), bodies are built by us (its own send nulls and unescaped tags), and what it raises over
odd answers (TypeError, JSONDecodeError) is judged by the answer's status, which a hook notes before it sees it.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any, ClassVar, Self
from urllib.parse import urlencode, urlsplit

import requests
from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from schemas.incident import Incident
from streams.config import Grafana, Notify, read_secret
from streams.links import Links
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
)
from streams.sinks import _http

SETTING = "notify.grafana"
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
        client = _Client(self._url, self._token, attempt, self._ca_file)
        body = self.request(notice).body
        if notice.reference is not None:
            gone = client.update(notice.reference, body)
            if not (isinstance(gone, Refused) and client.status == 404):
                return gone
        # An attempt whose answer was lost may have made it: look before making another.
        found = client.find(body["tags"])
        if isinstance(found, Retry | Refused):
            return found
        return client.update(found, body) if found is not None else client.create(body)


class _Client:
    """grafana-api for one attempt; every call gives an outcome or raises a requests error."""

    def __init__(self, url: str, token: str, attempt: _http.Attempt, ca_file: Any) -> None:
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        face = GrafanaFace(
            token, host=parts.netloc, protocol=parts.scheme, url_path_prefix=f"{prefix}/" if prefix else ""
        )
        self._api = face.api
        if ca_file is not None:
            self._api.verify = str(ca_file)
        _http.prepare(self._api.s, attempt, ca_file).max_redirects = 0
        self._api.s.hooks["response"].append(self._note)
        self.status = 0
        self._headers: Any = {}

    def _note(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        self.status, self._headers = response.status_code, response.headers

    def find(self, tags: list[str]) -> str | Retry | Refused | None:
        """The id of the annotation that bears the incident's tag."""
        wanted = tags[1]
        query = urlencode([("tags", TAG), ("tags", wanted), ("type", "annotation"), ("limit", 10)])
        answer = self._call("GET", f"/annotations?{query}")
        if isinstance(answer, Retry | Refused):
            return answer
        if not isinstance(answer, list):
            return Refused(f"{SETTING}.url: answers {self.status} without a list of annotations: is it a Grafana?")
        ours = [a for a in answer if isinstance(a, dict) and wanted in (a.get("tags") or ())]
        return min((number for a in ours if (number := _id(a)) is not None), key=int, default=None)

    def create(self, body: dict[str, Any]) -> Outcome:
        answer = self._call("POST", "/annotations", body)
        if isinstance(answer, Retry | Refused):
            return answer
        made = _id(answer) if isinstance(answer, dict) else None
        if made is not None:
            return Delivered(made)
        # It may have been made: the next attempt looks for it first.
        return Retry(f"{SETTING}.url: answers {self.status} without the annotation's id")

    def update(self, reference: str, body: dict[str, Any]) -> Outcome:
        answer = self._call("PATCH", f"/annotations/{reference}", body)
        return answer if isinstance(answer, Retry | Refused) else Delivered(reference)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON, None where a success has none, or why there is none."""
        self.status = 0
        try:
            return getattr(self._api, method)(path, json=body)
        except requests.exceptions.TooManyRedirects:
            return _http.judge(f"{SETTING}.url", self.status, self._headers, "")
        except GrafanaException as error:
            return _failed(self.status, self._headers, str(error.message))
        except (TypeError, ValueError) as error:
            if isinstance(error, requests.exceptions.RequestException) and not 200 <= self.status < 300:
                raise
            return self._odd(method)

    def _odd(self, method: str) -> Any:
        """An answer that the library cannot read: judged by its status alone."""
        if self.status in (204, 205) and method != "GET":
            return None
        if 200 <= self.status < 300:
            return Refused(f"{SETTING}.url: answers {self.status} without JSON: is it a Grafana?")
        return _failed(self.status, self._headers, "")


def _id(annotation: dict[str, Any]) -> str | None:
    number = annotation.get("id")
    return str(number) if isinstance(number, int) else None


def _failed(status: int, headers: Any, text: str) -> Retry | Refused:
    said = one_line(text, 120)
    if status == 401:
        return Refused(f"{SETTING}.token_file: the token is not accepted (401): {said}")
    if status == 403:
        return Refused(
            f"{SETTING}.token_file: the token may not write annotations (403): give its service account the role "
            f"Editor or the permissions annotations:read, annotations:create, annotations:write: {said}"
        )
    if status == 404:
        return Refused(f"{SETTING}.url: answers 404: is it the address of a Grafana, with its path? {said}")
    return _http.judge(f"{SETTING}.url", status, headers, text)


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
