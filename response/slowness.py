"""When tools answered later than usual, by what a desk said of them: its states, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from response.latency import in_seconds
from schemas.status import DeskStatus, SlowTool


class Slowness(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch: said from `found_at` on, over at `until` (None: not as far as is known); `tool` at its slowest."""

    tool: SlowTool
    found_at: datetime
    until: datetime | None

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.tool.tool, self.tool.provider, self.tool.site) if part)

    @property
    def text(self) -> str:
        found, usual = in_seconds(self.tool.latency_seconds), in_seconds(self.tool.usual_seconds)
        return f"{self.name} answers in {found}, usually {usual}"


def slowness(said: Iterable[DeskStatus]) -> list[Slowness]:
    """Of one tenant, in the order in which they began. Where revisions are missing, as the bus keeps only the last of
    long ago, an end may be told late."""
    over: list[Slowness] = []
    running: dict[tuple[str, str, str, datetime], Slowness] = {}
    for status in sorted(said, key=lambda one: one.revision):
        now = {(one.tool, one.provider or "", one.site or "", one.since): one for one in status.slow}
        for key in running.keys() - now.keys():
            over.append(msgspec.structs.replace(running.pop(key), until=status.at))
        for key, tool in now.items():
            before = running.get(key)
            if before is None:
                running[key] = Slowness(tool=tool, found_at=status.at, until=None)
            elif tool.latency_seconds > before.tool.latency_seconds:
                running[key] = msgspec.structs.replace(before, tool=tool)
    return sorted([*over, *running.values()], key=lambda one: (one.tool.since, one.name, one.found_at))
