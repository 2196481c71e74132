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
    """A signal of a playbook's example: `after_seconds` after the break, against `expected` contacts since onset;
    cleared `lasts_seconds` later, if it is over within the example."""

    channel: str
    signal_kind: SignalKind
    ratio: float | None
    after_seconds: float
    queue: str | None = None
    measure: str = "offered"
    expected: float = 60.0
    lasts_seconds: float | None = None


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """One outage class: it answers causes, or (`waves`) what an outage leaves behind once it is over. `actions` are
    the load shifts it allows, `messages` the file its bulletins come from, `example` an outage of this class, in order
    of detection, with the tools that say they are down: the tests play it and expect this playbook."""

    answers: tuple[CauseKind, ...]
    text: str
    steps: tuple[Step, ...]
    actions: tuple[str, ...]
    messages: str
    example: tuple[Sign, ...]
    example_tools_down: tuple[str, ...] = ()
    waves: tuple[SignalKind, ...] = ()


@cache
def playbook_of(cause: CauseKind) -> tuple[str, Playbook] | None:
    """The playbook that answers a cause, by its file's name."""
    for name, playbook in drawer.members(playbooks, Playbook).items():
        if cause in playbook.answers:
            return name, playbook
    return None


@cache
def playbook_against(wave: SignalKind) -> tuple[str, Playbook] | None:
    """The playbook for a wave that an outage leaves behind, by its file's name."""
    for name, playbook in drawer.members(playbooks, Playbook).items():
        if wave in playbook.waves:
            return name, playbook
    return None
