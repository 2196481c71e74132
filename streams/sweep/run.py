"""Many settings on one source: read once, taped once for each way of counting panes, judged abreast on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from detectors.parameters import CountParams
from detectors.pipeline import DetectParams
from schemas.base import Origin
from schemas.centre import Centre
from schemas.errors import BadConfig
from schemas.pane import PaneRecord
from streams import learned, processes
from streams.backtest.source import Heard, Source, Step
from streams.config import Settings
from streams.roles import params_of
from streams.sweep import lanes as sweep_lanes
from streams.sweep.grid import Setting, settings_of
from streams.sweep.lanes import Fired, Lane
from streams.sweep.tape import Reel, Taping

Done = Callable[[int, int], None]  # so many of so many: series x settings x panes


class Group(NamedTuple):
    """Settings that share their panes, with their places in the grid, and where the panes are taped."""

    lanes: dict[Lane, list[int]]
    reels: tuple[Reel, ...]


class Job(NamedTuple):
    """Some settings on one channel's tape, for one process. `rows` of the bank: settings x series; `group` is whose it
    is."""

    path: Path
    channel: str
    lanes: tuple[Lane, ...]
    group: int
    rows: int
    panes: int

    @property
    def cost(self) -> int:
        return self.rows * self.panes


class Taped(NamedTuple):
    """A source's panes, and what was heard of it."""

    groups: tuple[Group, ...]
    heard: Heard

    @property
    def series(self) -> int:
        return sum(reel.series for reel in self.groups[0].reels)

    @property
    def cost(self) -> int:
        """Series x settings x panes."""
        return sum(reel.series * reel.panes * len(group.lanes) for group in self.groups for reel in group.reels)


def taped(
    source: Source, settings: Settings, centre: Centre | None, points: Sequence[Setting], folder: Path, step: Step
) -> Taped:
    """The panes of each way of counting them that the grid names, on tapes in `folder`. Raises BadConfig for a source
    without any."""
    # how long is waited for late contacts changes when something is told, and of what came in order not what
    ways = list(dict.fromkeys(point.pane_seconds for point in points))
    groups, heard = [], []
    for n, pane_seconds in enumerate(ways):
        of = settings_of(settings, Setting(pane_seconds=pane_seconds))
        place = folder / str(n)
        place.mkdir()
        reels, one = _tape(source, of, centre, place, step)
        lanes: dict[Lane, list[int]] = {}
        for at, point in enumerate(points):
            if point.pane_seconds == pane_seconds:
                lanes.setdefault(point.lane, []).append(at)
        groups.append(Group(lanes, reels))
        heard.append(one)
    whole = heard[0]._replace(first=min(one.first for one in heard), last=max(one.last for one in heard))
    return Taped(tuple(groups), whole)


def _tape(
    source: Source, settings: Settings, centre: Centre | None, folder: Path, step: Step
) -> tuple[tuple[Reel, ...], Heard]:
    tapings = _Tapings(settings, folder)
    models = source.models(centre)
    for tenant, records in source.weeks(settings, step).items():
        place = _place(tenant)
        for record in (models[tenant], *records):
            tapings.hear(record, place)
    tapings.settle()
    if centre is not None:
        tapings.hear(centre, _place(centre.tenant))

    def hear(record: PaneRecord, origin: Origin) -> None:
        mine = isinstance(record, Centre) and centre is not None and record.tenant == centre.tenant
        tapings.hear(centre if mine and centre else record, origin)

    heard = source.tell(settings, centre, hear, step)
    reels = tapings.reels()
    if not reels:
        raise BadConfig([("SOURCE", "holds no pane in that range of which anything is known")])
    return reels, heard


class _Tapings:
    """A taping for each partition of the log, as live a fold: how far one was read says nothing of another."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        params = params_of(DetectParams, settings.detect)
        self._params = msgspec.structs.replace(params, counts=CountParams(looks_ahead=False))
        self._folder = folder
        self._of: dict[int, Taping] = {}

    def hear(self, record: PaneRecord, origin: Origin) -> None:
        if origin.partition not in self._of:
            place = self._folder / str(origin.partition)
            place.mkdir()
            self._of[origin.partition] = Taping(place, self._params)
        self._of[origin.partition].step(record, origin)

    def settle(self) -> None:
        for taping in self._of.values():
            taping.settle()

    def reels(self) -> tuple[Reel, ...]:
        """Those with panes, done."""
        for taping in self._of.values():
            taping.close()
        return tuple(reel for _, taping in sorted(self._of.items()) for reel in taping.reels.values() if reel.panes)


def _place(tenant: str) -> Origin:
    """Where on the log a tenant's records are; of which offset does not matter."""
    source = learned.source_of(tenant)
    return Origin(topic=source.topic, partition=source.partition, offset=0)


def judge(
    groups: Sequence[Group], points: int, done: Done = lambda _n, _of: None, at_once: int | None = None
) -> list[list[Fired]]:
    """What each point of the grid fires; by so many processes, or as many as there are cores."""
    at_once = at_once or os.cpu_count() or 1
    jobs = split(groups, at_once)
    of = sum(job.cost for job in jobs)
    found: list[list[Fired]] = [[] for _ in range(points)]
    for job, fired in processes.run(work, jobs, at_once, lambda n: done(n, of)):
        for lane, said in zip(job.lanes, fired, strict=True):
            for at in groups[job.group].lanes[lane]:
                found[at] += said
    return found


def work(job: Job, progress: Callable[[int], None]) -> list[list[Fired]]:
    """What each of a job's settings fires."""
    return sweep_lanes.run(job.path, job.channel, job.lanes, lambda panes: progress(panes * job.rows))


def split(groups: Sequence[Group], at_once: int) -> list[Job]:
    """Jobs of about one size, as large as keeps all processes busy: a bank is the quicker the more rows it has."""
    whole = [
        (n, reel, tuple(group.lanes), reel.series * reel.panes * len(group.lanes))
        for n, group in enumerate(groups)
        for reel in group.reels
    ]
    share = sum(cost for *_, cost in whole) / at_once
    jobs = []
    for n, reel, lanes, cost in whole:
        parts = min(max(round(cost / share), 1), len(lanes)) if share else 1
        for part in range(parts):
            mine = lanes[part::parts]
            jobs.append(Job(reel.path, reel.channel, mine, n, reel.series * len(mine), reel.panes))
    return jobs
