"""Many settings on one source: read once, taped once for each way of counting panes; `jobs` judges them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from detectors.parameters import CountParams
from detectors.pipeline import DetectParams
from schemas.base import Origin
from schemas.centre import Centre
from schemas.errors import BadConfig
from schemas.pane import PaneRecord
from streams import learned
from streams.backtest.source import Heard, Source, Step
from streams.config import Settings
from streams.roles import params_of
from streams.sweep.grid import Setting, settings_of
from streams.sweep.jobs import Group
from streams.sweep.lanes import Lane
from streams.sweep.tape import Reel, Taping


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
