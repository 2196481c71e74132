"""Panes of a topic's partitions come one behind the other: how far one was read says nothing of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schemas.base import Origin
from schemas.centre import Centre
from schemas.pane import PaneRecord, QueuePane
from streams.backtest.source import Hear, Heard, Step
from streams.config import Settings
from streams.sweep import run as sweep
from streams.sweep.grid import grid
from streams.sweep.tape import Pane, read
from tests.properties.pane_logs import centre_log


class Topic:
    """Two tenants with the system's clock, each on a partition of its own."""

    contacts = False
    zone: ZoneInfo | None = None

    def __init__(self, partitions: tuple[int, ...]) -> None:
        self.partitions = partitions

    def models(self, centre: Centre | None) -> dict[str, Centre]:
        del centre
        return {}

    def tell(self, settings: Settings, centre: Centre | None, hear: Hear, step: Step) -> Heard:
        del settings, centre, step
        for partition in self.partitions:
            for offset, record in enumerate(centre_log(4, 90, partitions=2)):
                told: Any = record
                if isinstance(record, QueuePane):
                    told = msgspec.structs.replace(record, tenant=f"tenant-{partition}")
                hear(told, Origin(topic="queue-panes", partition=partition, offset=offset))
        return Heard(0.0, 5400.0, frozenset({"chat", "voice"}), frozenset())

    def weeks(self, settings: Settings, step: Step) -> Mapping[str, Iterator[PaneRecord]]:
        del settings, step
        return {}


def panes(folder: Path, partitions: tuple[int, ...]) -> dict[tuple[str, str], list[Pane]]:
    folder.mkdir()
    points = grid(["budget=1,4"])
    taped = sweep.taped(Topic(partitions), Settings(), None, points, folder, lambda _what, _n: None)
    reels = taped.groups[0].reels
    return {(reel.tenant, reel.channel): [op for op in read(reel.path) if isinstance(op, Pane)] for reel in reels}


def test_what_is_taped_of_a_tenant_does_not_depend_on_the_partition_before_its_own(tmp_path: Path) -> None:
    alone = panes(tmp_path / "alone", (1,))
    both = panes(tmp_path / "both", (0, 1))
    assert set(both) == {(f"tenant-{n}", channel) for n in (0, 1) for channel in ("chat", "voice")}
    for place, found in alone.items():
        assert both[place] == found
        assert len(found) == 90
