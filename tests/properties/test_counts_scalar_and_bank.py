"""The scalar count detector and the bank give the same numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import budget
from detectors.bank import Bank
from detectors.baseline import Season
from detectors.evidence import DROP, SURGE
from detectors.methods.counts import Counts, Params
from detectors.one_season import OneSeason
from detectors.parameters import CountParams
from detectors.singles import Singles
from detectors.slots import SLOT_SECONDS, WEEK_SLOTS, LocalTime

# the night on which Berlin's clocks go back lies in it, and another on which they go forward
STARTS = [int(datetime(2026, 10, 23, tzinfo=UTC).timestamp()), int(datetime(2026, 3, 27, tzinfo=UTC).timestamp())]


class Pair:
    """One series, told to both. The bank hears of alarms from the scalar detector, as it does from `alarms`."""

    def __init__(self, start: int, step: int, false_a_month: float = 1.0) -> None:
        self.step = step
        self.scalar = Counts(Params(pane_seconds=step, time_zone="Europe/Berlin", false_a_month=false_a_month))
        self.bank = Bank(CountParams(), LocalTime("Europe/Berlin"))
        self.bank.grow(1, start)
        self.bank.fast.limit(np.full((2, 1), budget.threshold(false_a_month / 4, step)))
        slow = budget.slow_threshold(false_a_month / 4, self.bank.params.slow_seconds)
        self.bank.slow.limit(np.full((2, 1), slow))
        self.opened = self.ended = self.slow = self.shifts = 0

    def close(self, at: int, seen: float, known: bool) -> float:
        """The difference of S, over both directions."""
        before = list(self.scalar.state.alarms)
        self.bank.alarmed[0] = any(before)
        self.bank.far[0] = any(alarm is not None and alarm.far for alarm in before)
        scale = self.scalar.state.scale[0]
        x = {"at": at, "value": seen if known else math.nan}
        reading = self.scalar.read(x)
        closed = self.bank.close(at, self.step, np.array([seen]), np.array([known]))
        assert float(closed.expected[0]) == pytest.approx(reading.expected, rel=1e-9, abs=1e-12)
        self.scalar.learn(x, reading)
        if self.scalar.state.scale[0] != scale:
            self.bank.accept(0, (1 + self.scalar.state.scale[0]) / (1 + scale))
        for way in (SURGE, DROP):
            if before[way] is not None and self.scalar.state.alarms[way] is None:
                self.bank.clear(0, way)
                self.ended += 1
            self.opened += before[way] is None and self.scalar.state.alarms[way] is not None
        assert (closed.slow is None) == (reading.slow is None)
        shift = reading.shift
        self.shifts += shift is not None and shift.statistic >= self.scalar.line > reading.fast[SURGE]
        pairs = [*zip(closed.statistic[:, 0], reading.ways, strict=True)]
        if closed.slow is not None and reading.slow is not None:
            pairs += zip(closed.slow[:, 0], reading.slow.ways, strict=True)
            self.slow += bool(reading.slow.gains)
        return max(abs(float(bank) - round(one * 1e6) / 1e6) for bank, one in pairs)


def day(seed: int, start: int, step: int, count: int, busy: float) -> list[tuple[int, float, bool]]:
    """Start, count, whether it is known: a day's wave with a surge, an outage, gaps and unknown panes."""
    rng = np.random.default_rng(seed)
    made, at = [], start
    for i in range(count):
        at += step * (1 if rng.random() > 0.003 else int(rng.integers(2, 300)))
        part = i / count
        factor = 4 if 0.55 < part < 0.6 else 0 if 0.8 < part < 0.83 else 1
        mean = step / 60 * busy * (1 + 0.8 * math.sin(at / 86_400 * 2 * math.pi)) * factor
        made.append((at, float(rng.negative_binomial(20, 20 / (20 + mean))), rng.random() > 0.02))
    return made


def glimpsed(pair: Pair, at: int, seen: float, known: bool, shares: tuple[float, float]) -> float:
    """The difference of S of an open pane, over both directions."""
    pair.bank.alarmed[0] = any(pair.scalar.state.alarms)
    statistic, means, gains = pair.bank.score(at, pair.step, np.array([seen]), *shares, np.array([known]))
    before = pair.scalar.snapshot()
    shown = pair.scalar.open({"at": at, "value": seen if known else math.nan}, *shares)
    assert pair.scalar.snapshot() == before
    assert means[:, 0].tolist() == pytest.approx(shown.means, rel=1e-9, abs=1e-12)
    assert gains[:, 0].tolist() == pytest.approx(shown.gains, rel=1e-9, abs=1e-9)
    return max(abs(float(statistic[way, 0]) - round(shown.ways[way] * 1e6) / 1e6) for way in (SURGE, DROP))


@pytest.mark.parametrize("step", [10, 300])
def test_an_open_pane_shows_the_same_at_every_share_of_it(step: int) -> None:
    pair, rng, judged = Pair(STARTS[0] + step, step), np.random.default_rng(5), 0
    for at, seen, known in day(5, STARTS[0], step, 1500, 40.0):
        low = float(rng.random())
        shares = min(low + float(rng.random()) / 4, 1.0), low
        assert glimpsed(pair, at, float(rng.binomial(int(seen), low)), known, shares) <= 1e-9
        assert pair.close(at, seen, known) <= 1e-9
        judged += any(pair.scalar.open({"at": at + step, "value": 1.0}, *shares).gains)
    assert judged > 500
    assert pair.opened >= 1, "while an alarm was open too"


@settings(max_examples=3, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    start=st.sampled_from(STARTS),
    step=st.sampled_from([10, 60, 60, 300]),
    busy=st.sampled_from([0.3, 4.0, 40.0]),
)
def test_one_series_of_the_bank_is_the_scalar_detector(seed: int, start: int, step: int, busy: float) -> None:
    pair = Pair(start + step, step)
    panes = day(seed, start, step, 1800, busy)
    assert max(pair.close(*pane) for pane in panes) <= 1e-9
    state, bank = pair.scalar.state, pair.bank
    for name, kept in (
        ("counts", bank.season.counts),
        ("level", bank.level.sums),
        ("walks", bank.fast.walks),
        ("dispersion", bank.dispersion.sums),
        ("tracking", bank.tracking.sums),
        ("visit_sums", bank.meters.visit),
    ):
        assert np.allclose(np.array(getattr(state, name)), kept[:, 0], rtol=1e-6, atol=1e-9), name
    for name, kept in (
        ("sums", bank.meters.quarter),
        ("variance", bank.slow_variance.sums),
        ("walks", bank.slow.walks),
        ("observed", bank.slow.sums[0]),
        ("expected", bank.slow.sums[1]),
        ("since", bank.slow.since),
    ):
        assert np.allclose(np.array(getattr(state.slow, name)), kept[:, 0], rtol=1e-6, atol=1e-9), name


def test_alarms_of_a_busy_series_open_and_end_alike() -> None:
    pair = Pair(STARTS[0] + 60, 60)
    assert max(pair.close(*pane) for pane in day(3, STARTS[0], 60, 2600, 40.0)) <= 1e-9
    assert pair.opened >= 2, "the surge and the outage"
    assert pair.ended >= 2, "and both were over"


def test_a_day_that_is_busy_from_end_to_end_is_found_by_the_slow_speed_of_both() -> None:
    pair, rng = Pair(STARTS[0], 300), np.random.default_rng(8)
    found = set[bool]()
    for n in range(9 * 288):
        at = STARTS[0] + 300 * n
        ramp = 1 + 2 * min(max(n - 7.6 * 288, 0) / 288, 1.0)
        seen = rng.poisson(40.0 * (1 + 0.8 * math.sin(at / 86_400 * 2 * math.pi)) * ramp)
        assert pair.close(at, float(seen), True) <= 1e-9
        found |= {alarm.slow for alarm in pair.scalar.state.alarms if alarm is not None}
    assert True in found
    assert pair.slow > 300


def test_a_small_shift_that_lasts_is_taken_back_from_the_level_by_both() -> None:
    pair, rng = Pair(STARTS[0], 60, false_a_month=400.0), np.random.default_rng(9)
    onset = STARTS[0] + 8 * 86_400 + 10 * 3600
    for at in range(STARTS[0], onset + 4 * 3600, 60):
        mean = 30.0 * (1 + 0.5 * math.sin(at / 86_400 * 2 * math.pi)) * (1.4 if at >= onset else 1.0)
        before = pair.shifts
        assert pair.close(at, float(rng.negative_binomial(60, 60 / (60 + mean))), True) <= 1e-9
        if pair.shifts > before:
            alarm = pair.scalar.state.alarms[SURGE]
            assert alarm is not None
            assert alarm.ratio == pytest.approx(1.4, abs=0.12)
            assert alarm.onset == pytest.approx(onset, abs=900)
            assert float(pair.bank.level_now[0]) == pytest.approx(1.0, abs=0.12)
    state, bank = pair.scalar.state, pair.bank
    assert pair.shifts == 1, "and it was not found before"
    for name, kept in (
        ("day", bank.shifts.busy[0]),
        ("hour", bank.shifts.busy[1]),
        ("known", bank.shifts.known),
        ("ratios", bank.shifts.ratios),
        ("seen", bank.shifts.blocks[0]),
        ("expected", bank.shifts.blocks[1]),
        ("before", bank.shifts.before),
    ):
        assert np.allclose(np.array(getattr(state.shift, name)), kept[:, 0], rtol=1e-6, atol=1e-9), name
    assert np.allclose(np.array(state.walks), bank.fast.walks[:, 0], rtol=1e-6, atol=1e-9)


def test_the_comparison_would_see_a_difference() -> None:
    pair = Pair(STARTS[0] + 60, 60)
    panes = day(3, STARTS[0], 60, 900, 40.0)
    for pane in panes[:800]:
        pair.close(*pane)
    pair.scalar.state.dispersion[0] += 50.0
    with pytest.raises(AssertionError):
        assert max(pair.close(*pane) for pane in panes[800:]) <= 1e-9


def tables(rng: np.random.Generator, known: float, busy: float) -> tuple[list[float], list[float]]:
    """Counts and exposures of a week of which a part is known, with days off and incidents."""
    visits = np.where(rng.random(WEEK_SLOTS) < known, rng.uniform(0.02, 4.6, WEEK_SLOTS), 0.0)
    visits *= np.repeat(rng.random(7) < 0.8, 48)
    factor = np.where(rng.random(WEEK_SLOTS) < 0.1, rng.choice([0.0, 0.2, 5.0], WEEK_SLOTS), 1.0)
    counts = rng.poisson(busy * factor * visits * (1 + 0.9 * np.sin(np.arange(WEEK_SLOTS) / 48 * 2 * np.pi)))
    return [float(count) for count in counts], [float(each) * SLOT_SECONDS for each in visits]


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    known=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    busy=st.sampled_from([0.2, 20.0, 4000.0]),
    robust=st.booleans(),
)
def test_a_season_in_plain_floats_is_the_banks_before_and_after_it_has_learned(
    seed: int, known: float, busy: float, robust: bool
) -> None:
    rng, params = np.random.default_rng(seed), CountParams(robust=robust)
    counts, exposure = (Singles(column) for column in tables(rng, known, busy))
    many, one = Season(params), OneSeason(params, counts, exposure)
    many.grow(1)
    many.counts[:, 0], many.exposure[:, 0] = counts, exposure
    for _ in range(3):
        everything = tuple(range(WEEK_SLOTS))
        rates, variances = many.rates(everything, many.totals())
        assert np.allclose([one.rate(slot) for slot in everything], np.hstack([rates, variances]), rtol=1e-11, atol=0)
        slot, seen = int(rng.integers(WEEK_SLOTS)), float(rng.poisson(busy))
        visit = (seen, busy, float(rng.uniform(1, SLOT_SECONDS)), float(rng.choice([0.05, 0.5])))
        many.learn(slot, *(np.array([number]) for number in visit))
        one = one.learned(slot, *visit, (Singles(one.counts), Singles(one.exposure)))
        assert list(one.counts) == many.counts[:, 0].tolist()
        assert list(one.exposure) == many.exposure[:, 0].tolist()
