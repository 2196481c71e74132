"""Small shifts that last: found, told as surges, and the level as it is without them."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.alarms import Alarms, Statement
from detectors.bank import Bank
from detectors.columns import Flags, Numbers
from detectors.evidence import SURGE
from detectors.following import of_closed
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.shifts import Block, Shifts
from detectors.slots import SLOT_SECONDS, LocalTime

MONDAY = 1_767_571_200  # 5 January 2026, 00:00 UTC
TEN = MONDAY + 15 * DAY_SECONDS + 10 * 3600
RATE = 20.0  # contacts a minute
NOTHING = -600.0


class Watch:
    """A queue whose season is known; its days are as busy as ever, and alike from end to end."""

    def __init__(self, *, seed: int = 0, shape: float = 20.0, **params: object) -> None:
        self.bank = Bank(CountParams(**{"siblings": False, **params}), LocalTime())  # type: ignore[arg-type]
        self.bank.grow(2, MONDAY)
        self.bank.fast.limit(np.full((2, 2), 8.0))
        self.bank.slow.limit(np.full((2, 2), 40.0))
        season = self.bank.season
        season.exposure[...] = 4 * SLOT_SECONDS
        season.counts[...] = RATE / 60 * 4 * SLOT_SECONDS
        self.bank.refresh()
        self.alarms = Alarms(self.bank, ["", "billing"], {"": 0, "billing": 1})
        self.rng, self.shape = np.random.default_rng(seed), shape

    def go(self, start: int, minutes: int, ratio: float, known: Flags | None = None) -> list[tuple[int, Statement]]:
        """Of the queue; its channel goes on as ever."""
        said = []
        for at in range(start, start + 60 * minutes, 60):
            means = np.array([RATE, RATE * ratio])
            seen = self.rng.negative_binomial(self.shape, self.shape / (self.shape + means)).astype(float)
            closed = self.bank.close(at, 60, seen, known)
            said += [(at, one) for one in self.alarms.look(of_closed(closed, known), closed.slow)]
        return said

    @property
    def evidence(self) -> float:
        return float(self.bank.shifts.ratios[:, 1].max())


@pytest.mark.parametrize("seed", range(4))
def test_half_as_many_again_is_told_since_when_it_is_so(seed: int) -> None:
    watch = Watch(seed=seed)
    assert watch.go(TEN - 4 * 3600, 240, 1.0) == []
    opened = [(at, one.alarm) for at, one in watch.go(TEN, 150, 1.45) if one.state == "opened"]
    assert [(alarm.series, alarm.kind) for _, alarm in opened] == [("billing", "surge")]
    at, alarm = opened[0]
    assert at < TEN + 100 * 60
    assert alarm.onset == pytest.approx(TEN, abs=1200)
    assert watch.alarms.open["billing", SURGE].ratio == pytest.approx(1.45, abs=0.15)
    assert float(watch.bank.level_now[1]) == pytest.approx(1.0, abs=0.12)


def test_without_them_the_level_hides_what_they_find() -> None:
    found = []
    for shifts in (True, False):
        many = 0
        for seed in range(12):
            watch = Watch(seed=seed, shifts=shifts)
            watch.go(TEN - 4 * 3600, 240, 1.0)
            many += any(one.state == "opened" for _, one in watch.go(TEN, 120, 1.4))
        found.append(many)
    assert found[0] >= found[1] + 4


def test_what_a_person_has_said_is_no_matter_is_none() -> None:
    watch = Watch()
    watch.bank.floor = np.array([1.0, 1.6])
    watch.go(TEN - 4 * 3600, 240, 1.0)
    most = 0.0
    for at in range(TEN, TEN + 7200, 300):
        assert watch.go(at, 5, 1.45) == []
        most = max(most, watch.evidence)
    assert most > np.exp(8.0), "it is seen all the same"


def test_when_it_is_over_the_alarm_is_and_nothing_is_left_that_speaks_for_it() -> None:
    watch = Watch()
    watch.go(TEN - 4 * 3600, 240, 1.0)
    watch.go(TEN, 120, 1.45)
    states = [one.state for _, one in watch.go(TEN + 7200, 90, 1.0)]
    assert states[-1] == "cleared"
    assert watch.evidence < 10


def test_what_is_not_known_is_no_evidence_and_ends_what_there_was() -> None:
    watch = Watch()
    watch.go(TEN - 3600, 60, 1.0)
    watch.go(TEN, 25, 1.3)
    assert watch.evidence > 5
    watch.go(TEN + 1500, 10, 1.3, np.array([True, False]))
    assert watch.evidence == 0
    assert float(watch.bank.shifts.ratios[:, 0].max()) > 0


def block(number: int, seen: Numbers, expected: Numbers, *, passed: int = 1, judged: bool = True) -> Block:
    many = len(seen)
    return Block(number, passed, seen, expected, np.full(many, judged), np.full(many, 0.01), np.full(many, 0.004))


def test_few_contacts_tell_nothing_and_leave_nothing() -> None:
    shifts = Shifts(CountParams())
    shifts.grow(1)
    for number in range(30):
        assert shifts.look(block(number, np.array([30.0]), np.array([20.0])))[0] < NOTHING
    assert not shifts.busy.any()
    assert not shifts.ratios.any()


def test_a_gap_leaves_out_the_blocks_that_nobody_saw() -> None:
    shifts, usual = Shifts(CountParams()), np.array([100.0])
    shifts.grow(1)
    for number in range(30):
        shifts.look(block(number, usual * 1.5, usual))
    assert np.count_nonzero(shifts.ratios) == 24
    known = float(shifts.known[1, 0])
    shifts.look(block(39, usual * 1.5, usual, passed=10))
    assert np.count_nonzero(shifts.ratios) == 15
    assert 0 < shifts.known[1, 0] < known
    shifts.look(block(9_000_000, usual * 1.5, usual, passed=8_999_961))
    assert np.count_nonzero(shifts.ratios) == 1
    found = shifts.found(0, 9_000_000)
    assert (found.blocks, found.seen) == (1, 150.0)


@pytest.mark.parametrize("odd", [0.0, 1e12])
def test_an_absurd_block_leaves_numbers_behind_and_the_others_as_they_are(odd: float) -> None:
    rng = np.random.default_rng(1)
    both, alone = Shifts(CountParams()), Shifts(CountParams())
    both.grow(2)
    alone.grow(1)
    for number in range(60):
        seen = float(rng.poisson(100))
        two = both.look(block(number, np.array([seen, odd if number == 40 else seen]), np.array([100.0, 100.0])))
        one = alone.look(block(number, np.array([seen]), np.array([100.0])))
        assert two[0] == one[0]
        assert np.isfinite(two).all()
    assert np.isfinite(both.busy).all()
    assert np.isfinite(both.ratios).all()
    assert abs(float(both.busy[:, 0, 1].sum())) < 0.3


def test_a_day_that_is_busy_from_the_night_on_is_no_shift() -> None:
    said = []
    for seed in range(6):
        watch = Watch(seed=seed)
        ramp = [watch.go(TEN - 6 * 3600 + n * 1800, 30, 1 + 0.025 * n) for n in range(12)]
        said += [one for part in ramp for _, one in part if one.alarm.direction == SURGE]
    assert said == []
