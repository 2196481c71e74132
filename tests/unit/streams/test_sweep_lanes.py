"""Many settings abreast in one bank: each says what the detection fold says under it alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detectors.pipeline import DetectionFold
from schemas.base import Origin
from schemas.centre import Centre, CentreChannel
from schemas.desk import DeskEntry
from schemas.pane import PaneRecord
from schemas.signal import Signal
from streams.sweep.abreast import run
from streams.sweep.lanes import Fired, Lane
from streams.sweep.tape import Taping
from tests.properties.pane_logs import pane, progress

START = datetime(2025, 3, 3, tzinfo=UTC)  # a Monday
PANE_SECONDS = 1800
PANES = 48
DAYS = 9
LANES = (Lane(), Lane(400.0, 1.1))
WEEK = 1 + 7 * (2 * PANES + 1)  # records of the first seven days
QUEUES = {"chat": ("billing", "orders", "late"), "voice": ("desk",)}


def model(lane: Lane = Lane()) -> Centre:  # noqa: B008
    return Centre(
        tenant="acme",
        time_zone="Europe/Berlin",
        budget_false_incidents_per_month=4.0 if lane.budget is None else lane.budget,
        ignore_within_ratio=lane.tolerance or 1.0,
        channels={"voice": CentreChannel(opening_hours={"daily": "06:00-22:00"})},
    )


def log() -> Iterator[PaneRecord]:
    """Nine days of two channels: surges, an outage, a queue that comes late, an hour that nobody delivered."""
    draw = random.Random(5)
    for n in range(DAYS * PANES):
        at = START + timedelta(seconds=n * PANE_SECONDS)
        day, hour = divmod(n / 2, 24)
        if hour == 0:
            yield progress(at, QUEUES)
        for channel, names in QUEUES.items():
            counts = {}
            for i, name in enumerate(names):
                mean = 12 * (i + 1) * (1.2 if 7 <= hour < 20 else 0.2)
                mean *= (
                    2.2 if day in (7, 8) and 11 <= hour < 13 and i != 1 else 0 if day == 7 and 18 <= hour < 20 else 1
                )
                mean *= 0.6 if day == 8 and channel == "chat" else 1
                counts[name] = (
                    0 if name == "late" and day < 3 else round(draw.gauss(mean, (mean + mean**2 / 40) ** 0.5))
                )
            counts = {name: max(count, 0) for name, count in counts.items()}
            heard = not (day == 5 and 12 <= hour < 13)
            yield pane(at, counts if heard else {}, channel=channel, seconds=PANE_SECONDS, covers=heard, clock="event")


def signals(lane: Lane, settled: bool) -> list[tuple[object, ...]]:
    """By the fold that works live: id, when it was decided, onset, end, sums, revisions."""
    fold, found = DetectionFold(), dict[str, Signal]()
    ends: dict[str, datetime | None] = {}
    opened: dict[str, datetime] = {}
    for n, record in enumerate([model(lane), *log()]):
        if settled and n == WEEK:
            entries = history(fold)
            fold = DetectionFold()
            fold.restore(entries)
            found.clear()
        for output in fold.step(record, Origin(topic="queue-panes", partition=0, offset=n)):
            assert isinstance(output.value, DeskEntry)
            said = output.value.body
            if isinstance(said, Signal) and said.series.measure == "offered":
                opened.setdefault(said.signal_id, said.at)
                found[said.signal_id] = said
                ends[said.signal_id] = said.at if said.state == "cleared" else None
    return [
        (name, opened[name], said.onset, ends[name], said.observed, said.expected, said.revision)
        for name, said in found.items()
    ]


def history(fold: DetectionFold) -> dict[str, bytes]:
    fold.settle()
    return {name: raw for name, raw in fold.changes().items() if raw is not None}


def tape(folder: Path, settled: bool = False) -> Taping:
    taping = Taping(folder)
    for n, record in enumerate([model(), *log()]):
        if settled and n == WEEK:
            taping.settle()
        taping.step(record, Origin(topic="queue-panes", partition=0, offset=n))
    taping.close()
    return taping


def told(fired: Fired) -> tuple[object, ...]:
    def moment(at: int) -> datetime:
        return datetime.fromtimestamp(at, UTC)

    ended = None if fired.ended is None else moment(fired.ended)
    sums = float(f"{fired.observed:.6g}"), float(f"{fired.expected:.6g}")
    return fired.signal_id, moment(fired.at), moment(fired.onset), ended, *sums, fired.revisions


@pytest.mark.parametrize(
    ("settled", "lanes"), [(False, LANES), (True, LANES[1:])], ids=["from nothing", "after a week that was learned"]
)
def test_each_setting_says_to_the_number_what_the_fold_says_under_it_alone(
    tmp_path: Path, settled: bool, lanes: tuple[Lane, ...]
) -> None:
    taping = tape(tmp_path, settled)
    tapes = [reel.tape for reel in taping.reels.values()]
    by_lane = [[told(one) for one in fired] for fired in run(tapes, lanes)]
    for lane, mine in zip(lanes, by_lane, strict=True):
        assert sorted(mine) == sorted(signals(lane, settled)), lane
    many = [len(mine) for mine in by_lane]
    assert min(many) >= 1
    assert len(set(many)) >= 2 or settled, f"the settings differ in what they say: {many}"


def test_channels_that_are_judged_in_one_bank_fire_to_the_bit_what_each_fires_by_itself(tmp_path: Path) -> None:
    tapes = [reel.tape for reel in tape(tmp_path).reels.values()]
    judged: list[int] = []
    together = run(tapes, LANES, judged.append)
    alone = [run([one], LANES) for one in tapes]
    assert together == [[fired for part in alone for fired in part[lane]] for lane in range(len(LANES))]
    assert sum(judged) == sum(one.series * one.panes for one in tapes) * len(LANES)
