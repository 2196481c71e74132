"""The response fold's only input: everything that one tenant's desk hears, each with where it came from."""

from __future__ import annotations

from schemas.base import Message, Name, Origin
from schemas.centre import Centre, OpenCase
from schemas.decision import CommandResult, OperatorDecision
from schemas.health import ToolHealth
from schemas.signal import Load, Signal
from schemas.tick import Tick
from schemas.workforce import Workforce

DeskBody = Signal | Load | Tick | Workforce | ToolHealth | OperatorDecision | CommandResult | Centre | OpenCase


class DeskEntry(Message, frozen=True, kw_only=True):
    """One message on the desk, key = tenant. `origin` identifies it: the fold keeps the highest (offset, n) per
    (topic, partition) and drops repeats."""

    tenant: Name
    origin: Origin
    body: DeskBody
