"""What a pane makes of open alarms, many at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detectors import following
from detectors.alarms import Alarms
from detectors.bank import Bank, Closed
from detectors.evidence import DROP, SURGE
from detectors.following import CLOSES, NEWS, NOTHING, OVER, SILENCED, UNKNOWN, USUAL, Alarm, Sight, of_closed
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import LocalTime

MONDAY = 1_767_571_200  # 2026-01-05
PANE = 300
NAMES = ["", "surged", "dropped", "silent", "busier", "quiet"]
SHAPED = {"surged": 3.0, "dropped": 0.4, "silent": 0.0, "busier": 1.5}


def _watched() -> tuple[Bank, Alarms]:
    size = len(NAMES)
    bank = Bank(CountParams(), LocalTime())
    bank.grow(size, MONDAY)
    bank.fast.limit(np.full((2, size), 9.0))
    bank.slow.limit(np.full((2, size), 7.0))
    return bank, Alarms(bank, NAMES, {name: i for i, name in enumerate(NAMES)})


def _panes(bank: Bank, days: float) -> Iterator[tuple[Closed, Sight]]:
    """A learned week; then a day in which four queues are not as usual, each at its hours, and a source is away."""
    rng = np.random.default_rng(4)
    for n in range(int(days * DAY_SECONDS / PANE)):
        hour = n * PANE / 3600 - 7 * 24
        rate = np.array([0.0, 60.0, 60.0, 40.0, 80.0, 6.0])
        for i, name in enumerate(NAMES):
            lasts = 40 if name == "busier" else 5
            rate[i] *= SHAPED.get(name, 1.0) if 9 <= hour < 9 + lasts else 1.0
        if 10 <= hour < 11:
            rate[2] = 0.0  # what dropped falls silent too
        seen = rng.poisson(rate).astype(float)
        seen[0] = seen[1:].sum()
        known = np.array([not (i == 1 and 12 <= hour < 12.5) for i in range(len(NAMES))])
        closed = bank.close(MONDAY + n * PANE, PANE, seen, None if known.all() else known)
        yield closed, of_closed(closed, bank.without_closed(None if known.all() else known))


def test_alarms_that_are_moved_together_move_as_each_of_them_would_alone() -> None:
    bank, alarms = _watched()
    events, speeds = set[int](), set[str]()
    for closed, sight in _panes(bank, 9.2):
        open_now = alarms.following()
        moved = following.moves(bank, open_now, sight, closed.slow) if open_now else []
        assert moved == [following.moves(bank, [one], sight, closed.slow)[0] for one in open_now]
        events |= {one.event for one in moved}
        speeds |= {one.alarm.speed for one in moved}
        alarms.look(sight, closed.slow, moved=moved)
    assert events == {UNKNOWN, OVER, USUAL, SILENCED, NEWS, NOTHING}
    assert speeds == {"fast", "slow"}


def test_where_a_new_normal_is_accepted_the_other_direction_of_the_series_goes_on_from_what_was_told() -> None:
    bank, alarms = _watched()
    closed, sight = list(_panes(bank, 0.1))[-1]
    bank.facts.born[...] = MONDAY - 9 * DAY_SECONDS
    bank.fast.clear(NAMES.index("quiet"))
    for way, observed in ((SURGE, 1500.0), (DROP, 300.0)):
        alarms.open["quiet", way] = _alarm(way, observed, closed.start - 2 * DAY_SECONDS)
    bank.fast.walks[-1, -1], bank.fast.sums[:, -1, -1], bank.fast.since[-1, -1] = 9.0, (3.0, 9.0), closed.start
    (surge, drop) = following.moves(bank, alarms.following(), sight, None)
    assert (surge.event, drop.observed) == (USUAL, 3.0)
    said = alarms.look(sight, moved=[surge, drop], news=False)
    assert [(one.state, one.alarm.direction) for one in said] == [("cleared", SURGE)]
    assert alarms.open["quiet", DROP].observed == 300.0


def test_an_alarm_is_closed_with_its_queue_and_a_drop_is_not() -> None:
    bank, _ = _watched()
    closed, sight = list(_panes(bank, 0.1))[-1]
    bank.closed = np.array([name == "quiet" for name in NAMES])
    both = [(_alarm(way, 900.0, closed.start - 3600), NAMES.index("quiet")) for way in (SURGE, DROP)]
    events = [one.event for one in following.moves(bank, both, sight, None)]
    assert events[0] == CLOSES
    assert events[1] != CLOSES


def _alarm(way: int, observed: float, onset: int) -> Alarm:
    return Alarm(
        series="quiet",
        direction=way,
        kind="surge" if way == SURGE else "drop",
        speed="fast",
        opened=onset,
        pane_seconds=PANE,
        onset=onset,
        observed=observed,
        expected=1000.0,
        statistic=10.0,
        highest=10.0,
        said_at=onset,
        said_ratio=observed / 1000.0,
        said_statistic=10.0,
        said_onset=onset,
    )
