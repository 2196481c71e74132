"""The playbooks' contract: what a file in `playbooks/` provides."""

from __future__ import annotations

from functools import cache

import msgspec

from response import drawer, playbooks
from schemas.incident import CauseKind
from schemas.signal import SignalKind


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do: who does it, who answers for it, by when after the opening, and what, by language."""

    role: str
    owner: str
    within_minutes: int
    text: dict[str, str]


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """A signal of a playbook's example: `after_seconds` after the break, against `expected` contacts since onset."""

    channel: str
    signal_kind: SignalKind
    ratio: float | None
    after_seconds: float
    queue: str | None = None
    measure: str = "offered"
    expected: float = 60.0


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """One outage class. `actions` are the load shifts it allows, `messages` the file its bulletins come from, `example`
    an outage of this class, in order of detection: the tests play it and expect this playbook."""

    answers: tuple[CauseKind, ...]
    text: str
    steps: tuple[Step, ...]
    actions: tuple[str, ...]
    messages: str
    example: tuple[Sign, ...]


@cache
def playbook_of(cause: CauseKind) -> tuple[str, Playbook] | None:
    """The playbook that answers a cause, by its file's name."""
    for name, playbook in drawer.members(playbooks, Playbook).items():
        if cause in playbook.answers:
            return name, playbook
    return None
