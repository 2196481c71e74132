"""One tenant of the detection fold: its channels, its model, and what it remembers itself."""

from __future__ import annotations

import msgspec

from detectors.channel import Channel
from detectors.load import ChannelLoad
from detectors.slots import LocalTime
from schemas.centre import Centre


class TenantEntry(msgspec.Struct):
    """A tenant's own facts. `before` is the model of channels that have not reached their next pane yet."""

    centre: Centre
    before: Centre | None = None
    released: bool = False
    met_at: float | None = None
    told_to: int = 0
    # by the end of the minute and channel, until all channels of short panes have passed it
    loads: dict[int, dict[str, ChannelLoad]] = {}


class ProgressEntry(msgspec.Struct):
    """The latest of all that progress records said. Unix seconds."""

    at: float = 0.0
    read_to: dict[str, dict[int, float]] = {}
    partitions: dict[str, int] = {}
    idle: dict[str, float] = {}


class Tenant:
    """One tenant's channels and model."""

    def __init__(self, entry: TenantEntry) -> None:
        self.entry = entry
        self.channels: dict[str, Channel] = {}
        self.local = local_of(entry.centre)
        self.rebudget = True

    @property
    def name(self) -> str:
        return self.entry.centre.tenant

    def live(self) -> list[Channel]:
        """The channels in which time passes, in order."""
        return [channel for _, channel in sorted(self.channels.items()) if not channel.is_gone()]

    def series(self) -> int:
        return sum(len(channel.names) for channel in self.channels.values())


def local_of(centre: Centre) -> LocalTime:
    return LocalTime(centre.time_zone, centre.calendar)
