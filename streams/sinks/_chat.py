"""What Slack and Teams have in common: a message a notice, to a webhook whose address is the secret."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self

from schemas.command import LoadShiftCommand
from schemas.incident import Incident
from streams.config import Chat, Notify
from streams.notify.links import Links
from streams.notify.sink import Notice, Outcome, Sink
from streams.sinks import _http


class ChatSink(Sink):
    """Tells a channel."""

    hears: ClassVar[tuple[type, ...]] = (Incident, LoadShiftCommand)

    def __init__(self, section: Chat, url: str, links: Links) -> None:
        self._section = section
        self._url = url
        self._ca_file = _http.checked_file(f"notify.{self.name}.ca_file", section.ca_file)
        self._links = links

    @classmethod
    def build(cls, section: Chat, notify: Notify) -> Self:
        return cls(section, _http.secret_url(f"notify.{cls.name}.url_file", section.url_file), Links.of(notify))

    @staticmethod
    @abstractmethod
    def judge(answer: _http.Answer) -> Outcome:
        """What the service's answer means."""

    def send(self, notice: Notice) -> Outcome:
        body = self.request(notice).body

        def call(attempt: _http.Attempt) -> Outcome:
            return self.judge(_http.post(attempt, self._url, body, self._ca_file))

        return _http.contained(f"notify.{self.name}.url_file", self._section.deadline_seconds, call)
