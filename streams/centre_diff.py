"""What changed between two versions of a centre's model, in a line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.centre import (
    BenchPerson,
    Bot,
    CalendarDay,
    Centre,
    CentreQueue,
    CriticalReason,
    Partner,
    Provider,
    Rota,
    Route,
    Team,
)

Fields = dict[str, Any]
WHOLE = ""


def changes(before: Centre | None, after: Centre) -> list[str]:
    """`+` is new, `-` is gone, `~` changed; the version itself is left out."""
    was, now = _parts(before or Centre(tenant=after.tenant)), _parts(after)
    return list(_lines(was, now))


def _lines(was: dict[str, Fields], now: dict[str, Fields]) -> Iterator[str]:
    for name in [*now, *(name for name in was if name not in now)]:
        if name not in now:
            yield f"- {name}"
        elif name not in was:
            yield f"+ {name}"
        else:
            yield from _changed(name, was[name], now[name])


def _changed(name: str, was: Fields, now: Fields) -> Iterator[str]:
    for field, value in now.items():
        if was[field] != value:
            yield f"~ {name + ': ' if name else ''}{field} {_said(was[field])} -> {_said(value)}"


def _parts(centre: Centre) -> dict[str, Fields]:
    """The model's parts by the name that a person knows them by; the model's own fields under no name."""
    parts = {WHOLE: _fields(centre, "tenant", "version", "schema_version", *PARTS)}
    parts |= {f"modes {action}": {"mode": mode} for action, mode in centre.modes.items()}
    parts |= {f"channel {name}": _fields(channel) for name, channel in centre.channels.items()}
    for field in PARTS[2:]:
        parts |= {_name(part): _fields(part) for part in getattr(centre, field)}
    return parts


PARTS = (
    "modes",
    "channels",
    "queues",
    "routes",
    "providers",
    "calendar",
    "on_call",
    "critical",
    "bots",
    "bench",
    "partners",
    "teams",
)


def _name(part: msgspec.Struct) -> str:
    match part:
        case CentreQueue():
            return f"queue {part.at}"
        case Route():
            return f"route {part.action} {part.from_queue} -> {part.to_queue}"
        case Provider():
            return f"provider {part.name}"
        case CalendarDay():
            return f"calendar {part.date} {part.name}"
        case Rota():
            return f"rota {part.name}"
        case CriticalReason():
            return f"critical reason {part.reason}"
        case Bot():
            return f"bot {part.at}"
        case BenchPerson():
            return f"bench {part.person}"
        case Partner():
            return f"partner {part.name}"
        case Team():
            return f"team {part.name}"
    raise TypeError(f"{type(part).__name__} has no name in a model")


def _fields(part: msgspec.Struct, *without: str) -> Fields:
    return {name: getattr(part, name) for name in part.__struct_fields__ if name not in without}


def _said(value: Any) -> str:
    if value is None or value == () or value == []:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
