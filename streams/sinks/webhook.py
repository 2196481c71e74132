"""A signed HTTP POST of a CloudEvent, for whatever a site has of its own.

Signed as the Standard Webhooks specification says, so that a receiver can use any of its libraries: the headers
`webhook-id`, `webhook-timestamp` and `webhook-signature` = "v1," + base64(HMAC-SHA256(secret, id.timestamp.body)). A
secret that begins with `whsec_` is base64 after it; any other is taken as it is. A resend has the same id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import ClassVar, Self

import orjson

from schemas.errors import BadConfig
from streams import clock
from streams.config import Notify, Webhook, read_secret
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Request, Sink, secret
from streams.sinks import _http
from streams.sinks._event import event

SETTING = "notify.webhook"
PREFIX = "whsec_"


class WebhookSink(Sink):
    """Tells everything."""

    name: ClassVar[str] = "webhook"

    def __init__(self, section: Webhook, key: bytes | None) -> None:
        self._section = section
        self._url = _http.checked_url(f"{SETTING}.url", section.url)
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)
        self._key = key

    @classmethod
    def build(cls, section: Webhook, notify: Notify) -> Self:
        del notify
        path = section.secret_file
        return cls(
            section, None if path is None else key_of(secret(f"{SETTING}.secret_file", lambda: read_secret(path)))
        )

    def request(self, notice: Notice) -> Request:
        return Request("POST", "", event(notice))

    def send(self, notice: Notice) -> Outcome:
        raw = orjson.dumps(self.request(notice).body)
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        if self._key is not None:
            headers |= signature(self._key, notice.notice_id, int(clock.now().timestamp()), raw)

        def call(attempt: _http.Attempt) -> Outcome:
            answer = _http.post(attempt, self._url, raw, self._ca_file, headers)
            return Delivered() if 200 <= answer.status < 300 else _judged(answer)

        return _http.contained(f"{SETTING}.url", self._section.deadline_seconds, call)


def _judged(answer: _http.Answer) -> Outcome:
    if answer.status in (401, 403):
        return Refused(f"{SETTING}.secret_file: the signature was not accepted ({answer.status})")
    return _http.judge(f"{SETTING}.url", *answer)


def key_of(text: str) -> bytes:
    """The bytes to sign with. Raises BadConfig."""
    if not text.startswith(PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise BadConfig([(f"{SETTING}.secret_file", f"begins with {PREFIX} but is not base64 after it")]) from None


def signature(key: bytes, notice_id: str, at_seconds: int, body: bytes) -> dict[str, str]:
    """The three headers; `at_seconds` since 1970."""
    signed = hmac.new(key, f"{notice_id}.{at_seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
