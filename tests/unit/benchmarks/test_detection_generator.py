from itertools import pairwise

import numpy as np
import pytest

from benchmarks.detection.generator import DAY_SECONDS, Traffic


def traffic(rates: list[float], noise: str, *, learn_days: int = 0, seed: int = 4, seconds: int = 60) -> Traffic:
    return Traffic(np.array(rates), [noise] * len(rates), seed, seconds=seconds, learn_days=learn_days)


def business(rows: np.ndarray, seconds: int = 60) -> np.ndarray:
    return rows[9 * 3600 // seconds : 17 * 3600 // seconds]


def test_the_same_seed_gives_the_same_traffic_and_another_seed_another() -> None:
    days = [list(traffic([5.0, 1.0], "real", learn_days=1, seed=seed).days(2)) for seed in (4, 4, 5)]
    assert np.array_equal(days[0][1].counts, days[1][1].counts)
    assert not np.array_equal(days[0][1].counts, days[2][1].counts)


def test_business_hours_of_clean_weekdays_have_the_stated_rate() -> None:
    day = next(traffic([0.2, 5.0, 100.0], "clean").days(1))
    assert business(day.means).mean(axis=0) == pytest.approx([0.2, 5.0, 100.0])


def test_a_bucket_of_ten_seconds_holds_a_sixth_of_a_minute() -> None:
    day = next(traffic([30.0], "clean", seconds=10).days(1))
    assert day.counts.shape == (DAY_SECONDS // 10, 1)
    assert business(day.means, 10).mean() == pytest.approx(5.0)


def test_nights_and_weekends_are_quieter() -> None:
    days = list(traffic([20.0] * 30, "clean").days(6))
    weekday, saturday = days[4].means, days[5].means
    assert (weekday[:240].mean(axis=0) < 0.35 * business(weekday).mean(axis=0)).all()
    share = saturday.sum(axis=0) / weekday.sum(axis=0)
    assert share.min() > 0.14
    assert share.max() < 0.75


def test_nothing_jumps_at_midnight() -> None:
    days = [day.means for day in traffic([20.0] * 30, "clean").days(7)]
    for evening, morning in pairwise(days):
        assert morning[0] == pytest.approx(evening[-1], rel=0.03)


@pytest.mark.parametrize(("noise", "shape"), [("mild", 50.0), ("real", 20.0), ("hard", 8.0)])
def test_counts_are_as_wide_as_their_shape_says(noise: str, shape: float) -> None:
    drawn = traffic([100.0], noise).draw(np.full((60_000, 1), 100.0), np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(100.0, rel=0.01)
    assert drawn.var() == pytest.approx(100.0 + 100.0**2 / shape, rel=0.05)


def test_busy_days_and_hours_have_the_stated_size() -> None:
    n = 300
    clean = [business(day.means).mean(axis=0) for day in traffic([20.0] * n, "clean").days(5)]
    real = [business(day.means).mean(axis=0) for day in traffic([20.0] * n, "real").days(5)]
    # over eight hours an hour's busyness of 8 % with a memory of an hour leaves about 4 %
    spread = np.log(np.array(real) / np.array(clean)).std()
    assert spread == pytest.approx(np.hypot(0.12, 0.037), rel=0.1)


def test_incidents_happen_about_weekly_and_only_while_learning() -> None:
    n = 200
    calm = list(traffic([20.0] * n, "clean").days(14))
    past = list(traffic([20.0] * n, "clean", learn_days=7).days(14))
    factors = [after.means / before.means for before, after in zip(calm, past, strict=True)]
    hit = np.array([(factor > 1.5).any(axis=0) for factor in factors])
    assert hit[:7].sum() / n == pytest.approx(1.0, abs=0.25)
    assert not hit[7:].any()
    assert max(factor.max() for factor in factors) <= 5.0
