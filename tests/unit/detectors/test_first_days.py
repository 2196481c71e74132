"""A channel of which nothing is known: its first days are judged, and no night is taken for a surge."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import budget
from detectors.alarms import Alarms
from detectors.bank import Bank
from detectors.columns import Numbers
from detectors.evidence import DROP, SURGE
from detectors.following import of_closed
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import LocalTime

MONDAY = 1_767_571_200  # 5 January 2026, 00:00 UTC
HOUR = 3600
# as if a level learned beside a guess said how busy it is, too
OFF: dict[str, object] = {"level_known_ratio": 0.0, "guess_variance": math.inf}


class Fresh:
    """Queues that nobody has seen before, of so many contacts a minute; by day they get ten times what they get at
    night."""

    def __init__(self, rates: list[float], seed: int = 0, **params: object) -> None:
        self.rates = np.array(rates)
        self.bank = Bank(CountParams(**{"siblings": False, **params}), LocalTime())  # type: ignore[arg-type]
        many = len(rates)
        self.bank.grow(many, MONDAY)
        self.bank.fast.limit(np.full((2, many), budget.threshold(1 / 4, 60)))
        self.bank.slow.limit(np.full((2, many), budget.slow_threshold(1 / 4, 900)))
        names = [str(number) for number in range(many)]
        self.alarms = Alarms(self.bank, names, {name: number for number, name in enumerate(names)})
        self.rng = np.random.default_rng(seed)

    def go(self, start: int, end: int, ratio: float = 1.0) -> list[tuple[int, str, int]]:
        """When, of which queue and in which direction alarms opened."""
        said = []
        for at in range(start, end, 60):
            seen = self.seen(at, ratio)
            closed = self.bank.close(at, 60, seen)
            looked = self.alarms.look(of_closed(closed, None), closed.slow)
            said += [(at, one.alarm.series, one.alarm.direction) for one in looked if one.state == "opened"]
        return said

    def seen(self, at: int, ratio: float = 1.0) -> Numbers:
        hour = at % DAY_SECONDS / HOUR
        means = self.rates * (1 + 0.82 * math.sin((hour - 8) / 24 * 2 * math.pi)) * ratio
        return self.rng.negative_binomial(20, 20 / (20 + means)).astype(float)


def night_alarms(seed: int, **params: object) -> int:
    return len(Fresh([5.0, 20.0, 20.0, 100.0], seed, **params).go(MONDAY, MONDAY + 3 * DAY_SECONDS + 6 * HOUR))


def test_the_nights_of_the_first_days_are_no_surges() -> None:
    assert sum(night_alarms(seed) for seed in range(3)) == 0
    assert sum(night_alarms(seed, **OFF) for seed in range(3)) > 3, "what the level has learned beside a guess"


@pytest.mark.parametrize("rate", [20.0, 100.0])
def test_nearly_four_times_as_much_on_the_first_day_is_found(rate: float) -> None:
    onset = MONDAY + 13 * HOUR
    fresh = Fresh([rate] * 4)
    assert fresh.go(MONDAY, onset) == []
    found = fresh.go(onset, onset + HOUR, 3.8)
    assert len(found) == 4
    assert all(at < onset + 20 * 60 for at, _, _ in found)
    assert {direction for _, _, direction in found} == {SURGE}


def test_silence_on_the_first_day_is_found() -> None:
    onset = MONDAY + 15 * HOUR
    fresh = Fresh([20.0, 100.0])
    assert fresh.go(MONDAY, onset) == []
    found = fresh.go(onset, onset + 20 * 60, 0.0)
    assert {(series, direction) for _, series, direction in found} == {("0", DROP), ("1", DROP)}


@pytest.mark.parametrize("seed", range(3))
def test_where_the_season_becomes_known_the_level_is_forgotten_and_an_open_pane_is_no_surge(seed: int) -> None:
    fresh, midnight = Fresh([20.0, 100.0], seed), MONDAY + DAY_SECONDS
    fresh.go(MONDAY, midnight)
    assert (fresh.bank.level_now < 0.6).all(), "a night beside the mean of a day"
    seen = fresh.seen(midnight)
    statistic, _, _ = fresh.bank.score(midnight, 60, seen, 1.0, 1.0, np.ones(2, bool))
    assert (statistic < 0).all()
    fresh.bank.close(midnight, 60, seen)
    assert fresh.bank.level_now == pytest.approx(np.ones(2), abs=0.1)
