"""What a step of the detection fold says to the desks, numbered by tenant: signals, the minute's load, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from detectors.load import MINUTE, ChannelLoad
from detectors.merge import moment_of
from detectors.tenant import ProgressEntry, Tenant
from schemas.base import Origin
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.signal import Load, Signal
from schemas.tick import Tick
from schemas.topics import DESK

# A minute is told without the channels that are so far behind the others (seconds).
LOAD_WAIT_SECONDS = 120


class DeskLog:
    """Collects what a step says, numbered by tenant."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._said: Counter[str] = Counter()
        self.outputs: list[Output] = []

    def say(self, tenant: str, at: float, make: Callable[[Origin], Signal | Load | Tick]) -> None:
        place = self._origin
        origin = Origin(topic=place.topic, partition=place.partition, offset=place.offset, n=self._said[tenant])
        self._said[tenant] += 1
        entry = DeskEntry(tenant=tenant, origin=origin, body=make(origin))
        identity = f"{origin.topic}/{origin.partition}/{origin.offset}/{tenant}/{origin.n}"
        self.outputs.append(Output(topic=DESK, key=tenant, value=entry, id=identity, time=moment_of(at)))

    def load(self, tenant: Tenant) -> bool:
        """One load a minute for the whole tenant: what every channel says of it. Channels of longer panes speak in the
        minute in which a pane of theirs ends. Whether one was due."""
        waiting = tenant.entry.loads
        short = [c.head.closed_to for c in tenant.live() if c.head.closed_to and c.head.pane_seconds <= MINUTE]
        newest = max(waiting)
        border = max(min(short, default=newest), newest - LOAD_WAIT_SECONDS)
        due = sorted(minute for minute in waiting if minute <= border)
        for minute in due:
            self._load(tenant, minute, waiting.pop(minute))
        return bool(due)

    def _load(self, tenant: Tenant, minute: int, of_channels: dict[str, ChannelLoad]) -> None:
        seconds = max(min(load.seconds for load in of_channels.values()), float(MINUTE))
        rows = [row for _, load in sorted(of_channels.items()) for row in load.rows]
        name, at = tenant.name, moment_of(minute)
        self.say(name, minute, lambda origin: Load(tenant=name, at=at, seconds=seconds, loads=rows, origin=origin))

    def time(self, tenant: Tenant, at: int) -> bool:
        """How far a tenant is whose time is event time alone. Whether that is news."""
        if at <= tenant.entry.told_to:
            return False
        tenant.entry.told_to = at
        moment = moment_of(at)
        tick = Tick(tenant=tenant.name, at=moment, read_to=moment, complete_to=moment)
        self.say(tenant.name, at, lambda _: tick)
        return True

    def tick(self, tenant: Tenant, progress: ProgressEntry) -> None:
        """How far a tenant with the system's clock is, once a second."""
        live = [channel for channel in tenant.live() if channel.head.closed_to]
        if not live:
            return
        reads = [to for channel in live for to in progress.read_to.get(channel.topic, {}).values()]
        tick = Tick(
            tenant=tenant.name,
            at=moment_of(progress.at),
            read_to=moment_of(min(reads, default=progress.at)),
            complete_to=moment_of(min(channel.head.closed_to for channel in live)),
        )
        self.say(tenant.name, progress.at, lambda _: tick)
