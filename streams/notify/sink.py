"""What a sink is: one way to tell somebody. The members are the files of `streams/sinks`.

A sink says what it would send (`request`, pure) and tries once (`send`). It never sleeps, retries or remembers: the
notifier does. Whatever the other side does, `send` comes back within the sink's own deadline with an Outcome.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self, get_args

import msgspec

from schemas.errors import BadConfig
from schemas.fold import digest
from schemas.incident import Incident
from streams.config import Notify
from streams.notify.subjects import Subject

STEPS_MAX = 8
What = Literal["opened", "changed", "escalated", "acknowledged", "resolved", "repeated"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell one sink. A resend after a crash has the same `notice_id`.

    `says`, `acknowledged` and `step` are what the sink will know once it has it (see schemas.notice.Told);
    `step_before` is the step that it knows. `reference` is what the sink called the thing it made when it was first
    told, None until then. `trace` is the W3C trace context of what caused it.
    """

    notice_id: str
    what: What
    subject: Subject
    says: str = ""
    acknowledged: bool = False
    step: int = 0
    step_before: int = 0
    reference: str | None = None
    trace: str | None = None


class Delivered(msgspec.Struct, frozen=True):
    """The other side has it. `reference` is its own name for what was made."""

    reference: str | None = None


class Retry(msgspec.Struct, frozen=True):
    """Not now. `after_seconds` is the other side's wish, for all notices to it; None leaves it to the back-off."""

    why: str
    after_seconds: float | None = None


class Refused(msgspec.Struct, frozen=True):
    """Trying the same again cannot help."""

    why: str


Outcome = Delivered | Retry | Refused


class Request(msgspec.Struct, frozen=True):
    """What would be sent, without any secret."""

    method: str
    path: str
    body: Any


class Sink(ABC):
    """One configured sink. `name` is its file's and its settings section's name.

    `hears` is what it is told of; `wakes` says that it wakes a person, so that it is told only what may. One that
    forgets what it is not told again is told so every `repeat_seconds` while it lasts.
    """

    name: ClassVar[str]
    hears: ClassVar[tuple[type, ...]] = get_args(Subject)
    wakes: ClassVar[bool] = False
    repeat_seconds: float | None = None

    @classmethod
    @abstractmethod
    def build(cls, section: Any, notify: Notify) -> Self:
        """From its settings section `notify.<name>`. Raises BadConfig."""

    @abstractmethod
    def request(self, notice: Notice) -> Request:
        """What is sent for the notice."""

    @abstractmethod
    def send(self, notice: Notice) -> Outcome:
        """One attempt; blocks up to the sink's deadline. Called by one thread at a time."""


def steps_left(notice: Notice) -> list[int]:
    """The steps above 0 and below the notice's own that may still be open: the one told last, and those that may have
    been tried since. Of these only the last few: what climbs for days asks its last rota again and again."""
    told = [notice.step_before] if 0 < notice.step_before < notice.step else []
    return [*told, *range(max(notice.step_before + 1, notice.step - STEPS_MAX), notice.step)]


def incident_of(notice: Notice) -> Incident:
    """The subject of a notice to a sink that hears of incidents only."""
    assert isinstance(notice.subject, Incident), "told of something that it does not hear"
    return notice.subject


def shorten(text: str, length: int) -> str:
    """At most `length` characters; what is cut ends in an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def shorten_id(text: str, length: int) -> str:
    """At most `length` characters and still different for different texts."""
    return text if len(text) <= length else f"{text[: length - 21]}~{digest(text)}"


def one_line(text: str, length: int = 300) -> str:
    """For logs and titles: no line ends, no control characters, no half of a surrogate pair."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    return shorten(" ".join(words), length)


def secret(setting: str, read: Any) -> str:
    """The secret that `read()` gives. Raises BadConfig that names the setting, and what is wrong, never the secret."""
    try:
        text: str = read()
    except BadConfig as error:
        raise BadConfig([(setting, f"{path}: {problem}") for path, problem in error.problems]) from None
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise BadConfig([(setting, "holds more than one word of plain characters: is it the right file?")])
    return text
