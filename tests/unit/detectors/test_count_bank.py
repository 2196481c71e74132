"""What the bank of counts expects, how wide its band is, and what it makes of surges, silence and gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bank import Bank
from detectors.baseline import Season
from detectors.columns import Numbers
from detectors.evidence import DROP, SILENCE, SURGE, UPS, Evidence
from detectors.parameters import DAY_SECONDS, RATIOS, CountParams
from detectors.slots import DAY_SLOTS, SLOT_SECONDS, WEEK_SLOTS, LocalTime

MONDAY = 1_767_571_200  # 5 January 2026, 00:00 UTC


def _bank(series: int = 1, **params: object) -> Bank:
    bank = Bank(CountParams(**{"siblings": False, **params}), LocalTime())  # type: ignore[arg-type]
    bank.grow(series, MONDAY)
    bank.fast.limit(np.full((2, series), 12.0))
    bank.slow.limit(np.full((2, series), 10.0))
    return bank


def _season(visits: int, rates: Numbers, incident: tuple[int, int, float] | None = None) -> tuple[Season, CountParams]:
    """A season that was learned for so many weeks from `rates` (contacts a half hour, by slot)."""
    params = CountParams(siblings=False)
    season = Season(params)
    season.grow(1)
    exposure, unsure = np.array([float(SLOT_SECONDS)]), np.array([1.0])
    for week in range(visits):
        for slot in range(WEEK_SLOTS):
            seen = rates[slot]
            if incident and incident[0] == week and slot == incident[1]:
                seen = seen * incident[2]
            season.learn(slot, np.array([float(round(seen))]), np.array([rates[slot]]), exposure, unsure)
    return season, params


def _rate(season: Season, slot: int) -> tuple[float, float]:
    rates, variances = season.rates((slot, slot), season.totals())
    return float(rates[0, 0]) * SLOT_SECONDS, float(variances[0, 0])


def _shape(weekend: float = 1.0) -> Numbers:
    day = 100 + 80 * np.sin(np.arange(DAY_SLOTS) / DAY_SLOTS * 2 * math.pi)
    return np.concatenate([day * (weekend if number >= 5 else 1.0) for number in range(7)])


def test_a_season_of_two_weeks_is_what_was_seen() -> None:
    rates = _shape(0.3)
    season, _ = _season(2, rates)
    for slot in (5, 60, 5 * DAY_SLOTS + 20, 6 * DAY_SLOTS + 47):
        assert _rate(season, slot)[0] == pytest.approx(rates[slot], rel=0.05)


@pytest.mark.parametrize("day", [1, 5])
@pytest.mark.parametrize("factor", [0.0, 4.0])
def test_an_incident_of_the_first_week_is_forgotten_once_the_second_has_none(day: int, factor: float) -> None:
    rates, slot = _shape(0.3), day * DAY_SLOTS + 25
    moved, _ = _season(2, rates, (0, slot, factor))
    assert _rate(moved, slot)[0] == pytest.approx(rates[slot], rel=0.2)
    told_twice, _ = _season(1, np.where(np.arange(WEEK_SLOTS) == slot, rates * factor, rates))
    for _ in range(2):
        seen = np.array([rates[slot] * factor])
        told_twice.learn(slot, seen, rates[slot : slot + 1], np.array([float(SLOT_SECONDS)]), np.array([1.0]))
    shown = float(told_twice.counts[slot, 0] / told_twice.exposure[slot, 0]) * SLOT_SECONDS
    assert shown == pytest.approx(rates[slot] * factor, rel=0.05)  # what comes again is no incident


@pytest.mark.parametrize("day", [1, 5])
def test_an_incident_moves_a_season_by_less_than_half_and_widens_its_band_there(day: int) -> None:
    rates, slot = _shape(0.3), day * DAY_SLOTS + 25
    quiet, _ = _season(2, rates)
    moved, _ = _season(2, rates, (1, slot, 4.0))
    usual, sure = _rate(quiet, slot)
    found, unsure = _rate(moved, slot)
    shown = float(moved.counts[slot, 0] / moved.exposure[slot, 0]) * SLOT_SECONDS
    assert shown > 2 * usual
    assert abs(found - usual) < 0.45 * (shown - usual)
    assert unsure > 3 * sure


def test_what_four_weeks_show_is_usual_however_odd() -> None:
    rates, slot = _shape(), 2 * DAY_SLOTS + 25
    rates[slot] *= 4
    season, _ = _season(4, rates)
    assert _rate(season, slot)[0] == pytest.approx(rates[slot], rel=0.15)


@settings(max_examples=20, deadline=None)
@given(
    day=st.integers(0, 6),
    first=st.integers(0, 40),
    long=st.integers(1, 48),
    factor=st.sampled_from([0.0, 0.1, 3.0, 6.0]),
    busy=st.sampled_from([0.3, 1.0, 30.0]),
)
def test_what_a_day_of_the_first_week_alone_has_shown_is_not_taken_for_usual(
    day: int, first: int, long: int, factor: float, busy: float
) -> None:
    """An outage or a crowd of hours, or of the whole day; a Saturday with less than a weekday may be usual at once."""
    if day >= 5 and factor < 1:
        return
    usual, odd = _shape() * busy, _shape() * busy
    low, high = day * DAY_SLOTS + first, min(day * DAY_SLOTS + first + long, (day + 1) * DAY_SLOTS)
    odd[low:high] *= factor
    season, _ = _season(1, odd)
    for slot in {low, (low + high) // 2, high - 1}:
        found, unsure = _rate(season, slot)
        assert usual[slot] / 2.4 < found < 2.4 * usual[slot], (slot, found, usual[slot])
        assert unsure > 0.03


def test_a_day_that_came_empty_twice_is_an_empty_day() -> None:
    rates = _shape()
    rates[2 * DAY_SLOTS : 3 * DAY_SLOTS] = 0.0
    once, twice = (_season(weeks, rates)[0] for weeks in (1, 3))
    slot = 2 * DAY_SLOTS + 20
    assert _rate(once, slot)[0] > 50
    assert _rate(once, slot)[1] > 5, "either"
    assert _rate(twice, slot)[0] < 2


def test_a_quiet_monday_morning_is_not_taken_for_a_tuesday() -> None:
    rates = _shape()
    rates[:12] *= np.linspace(0.2, 1.0, 12)
    season, _ = _season(2, rates)
    assert _rate(season, 2)[0] == pytest.approx(rates[2], rel=0.35)
    assert _rate(season, DAY_SLOTS + 2)[0] == pytest.approx(rates[DAY_SLOTS + 2], rel=0.05)


def test_a_shape_that_one_day_has_shown_is_doubted_more_than_one_of_two_weeks() -> None:
    rates = _shape()
    known, _ = _season(2, rates)
    one = Season(CountParams(siblings=False))
    one.grow(1)
    for slot in range(DAY_SLOTS):
        one.learn(slot, np.array([rates[slot]]), np.array([1.0]), np.array([1800.0]), np.array([1.0]))
    assert _rate(one, DAY_SLOTS + 20)[1] > 4 * _rate(known, DAY_SLOTS + 20)[1]


def test_a_new_queue_has_the_shape_of_its_channel_at_its_own_scale() -> None:
    rates = _shape(0.3)
    season = Season(CountParams())
    season.grow(1)
    hour = np.array([float(SLOT_SECONDS)])
    for _ in range(2):
        for slot in range(WEEK_SLOTS):
            season.learn(slot, np.array([rates[slot]]), np.array([rates[slot]]), hour, np.array([0.01]))
    season.grow(1)
    for slot in range(16):
        seen = np.array([rates[slot], rates[slot] / 10])
        season.learn(slot, seen, seen, np.full(2, 1800.0), np.array([0.01, 1.0]))
    season.forget()
    found, _ = season.rates((30, 5 * DAY_SLOTS + 30), season.totals())
    assert found[:, 1] * SLOT_SECONDS == pytest.approx([rates[30] / 10, rates[5 * DAY_SLOTS + 30] / 10], rel=0.5)


def test_the_mean_gain_of_evidence_is_never_above_one_inside_the_band() -> None:
    """E[exp(l_j)] <= 1: what the promise on false alarms rests on."""
    evidence = Evidence(CountParams())
    evidence.grow(1)
    evidence.limit(np.full((2, 1), 12.0))
    mean, shape, width = 8.0, 20.0, 0.2
    evidence.band(np.array([width]), np.array([width]), np.array([shape]))
    counts = np.arange(400)
    logs = np.cumsum(np.concatenate([[0.0], np.log((shape + counts[:-1]) / counts[1:])]))
    gains = np.concatenate([evidence.gains(np.array([float(x)]), np.array([mean])) for x in counts], axis=1)
    for true in (mean, mean * (1 + width), mean / (1 + width)):
        law = np.exp(logs + counts * math.log(true / (shape + true)) - shape * math.log1p(true / shape))
        expected = np.exp(gains) @ law
        assert law.sum() == pytest.approx(1.0)
        up = [row for row in range(len(RATIOS)) if (row < UPS) == (true >= mean)]
        assert (expected[up] <= 1 + 1e-9).all()


def test_the_gain_of_silence_is_that_of_no_contact_and_one_contact_takes_it_all() -> None:
    evidence = Evidence(CountParams())
    evidence.grow(1)
    evidence.limit(np.full((2, 1), 12.0))
    evidence.band(np.array([0.1]), np.array([0.1]), np.array([20.0]))
    edge = 3.0 / 1.1
    none = evidence.gains(np.array([0.0]), np.array([3.0]))[SILENCE, 0]
    assert none == pytest.approx(20 * math.log1p(edge / 20))
    evidence.update(np.array([0.0]), np.array([3.0]), 0, None)
    assert evidence.runs[SILENCE, 0] > 1
    evidence.update(np.array([1.0]), np.array([3.0]), 60, None)
    assert evidence.runs[SILENCE, 0] == 0


def test_a_series_that_is_not_known_keeps_all_it_has() -> None:
    params = CountParams()
    both, alone = Evidence(params), Evidence(params)
    for evidence, size in ((both, 2), (alone, 1)):
        evidence.grow(size)
        evidence.limit(np.full((2, size), 12.0))
        evidence.band(np.full(size, 0.1), np.full(size, 0.1), np.full(size, 20.0))
    for pane, (seen, known) in enumerate([(9.0, True), (50.0, False), (7.0, True)]):
        both.update(np.array([4.0, seen]), np.full(2, 3.0), 60 * pane, np.array([True, known]))
        if known:
            alone.update(np.array([seen]), np.array([3.0]), 60 * pane, None)
    for name in both.columns:
        assert getattr(both, name)[..., 1].tolist() == getattr(alone, name)[..., 0].tolist(), name


def _play(bank: Bank, days: float, rate: float, rng: np.random.Generator, begin: int = MONDAY) -> int:
    at = begin
    while at < begin + days * DAY_SECONDS:
        bank.close(at, 300, rng.poisson(5 * rate, bank.size).astype(float))
        at += 300
    return at


def test_a_surge_of_ratio_1_5_is_not_taken_for_a_busy_hour_by_the_level() -> None:
    rng = np.random.default_rng(1)
    bank = _bank()
    at = _play(bank, 7.4, 40.0, rng)
    before = float(bank.level_now[0])
    found = None
    for minute in range(60):
        statistic = bank.close(at + 60 * minute, 60, rng.poisson([60.0]).astype(float)).statistic
        if found is None and statistic[SURGE, 0] >= 12:
            found = minute
    assert found is not None and found < 25
    assert float(bank.level_now[0]) < 1.25 * before
    assert statistic[DROP, 0] < 5


def test_what_lies_far_beyond_the_band_moves_the_level_no_further_than_the_band_is_wide() -> None:
    rng = np.random.default_rng(2)
    bank = _bank(freeze_up=1e9)
    at = _play(bank, 7.4, 40.0, rng)
    room = 1 + float(bank.meters.room[0])
    for minute in range(20):
        bank.close(at + 60 * minute, 60, np.array([4000.0]))
    assert float(bank.level_now[0]) < 1.5 * room


def test_a_band_is_wider_where_hours_are_busier_than_the_level_foresees() -> None:
    rng = np.random.default_rng(3)
    steady, restless = _bank(), _bank()
    walk = 0.0
    for pane in range(4 * 288):
        walk = walk * math.exp(-1 / 12) + rng.standard_normal() * 0.15 * math.sqrt(1 - math.exp(-1 / 6))
        steady.close(MONDAY + 300 * pane, 300, rng.poisson([300.0]).astype(float))
        restless.close(MONDAY + 300 * pane, 300, rng.poisson([300.0 * math.exp(walk)]).astype(float))
    assert float(restless.tolerance[SURGE][0]) > 1.05 * float(steady.tolerance[SURGE][0])


def test_an_open_pane_is_scored_by_the_share_of_it_that_was_seen() -> None:
    rng = np.random.default_rng(4)
    bank = _bank()
    at = _play(bank, 7.4, 120.0, rng)
    known = np.array([True])
    state = [part.pack(0, 1) for part in bank.parts.values()]
    usual, _, _ = bank.score(at, 60, np.array([8.0]), 4 / 60, 4 / 60, known)
    surge, _, _ = bank.score(at, 60, np.array([45.0]), 4 / 60, 4 / 60, known)
    whole, _, _ = bank.score(at, 60, np.array([45.0]), 1.0, 1.0, known)
    assert usual[SURGE, 0] < 5 < surge[SURGE, 0]
    assert whole[SURGE, 0] < usual[SURGE, 0] < surge[SURGE, 0]
    assert [part.pack(0, 1) for part in bank.parts.values()] == state


def test_a_series_takes_at_most_4096_bytes() -> None:
    bank = _bank()
    assert sum(part.bytes_a_series() for part in bank.parts.values()) <= 4096
