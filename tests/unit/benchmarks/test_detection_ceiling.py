import numpy as np
import pytest

from benchmarks.detection import aims, cells, musts, runs
from benchmarks.detection.ceiling import Ceiling
from benchmarks.detection.generator import DAY_SECONDS, START, Traffic


def real(series: int) -> Traffic:
    return Traffic(np.full(series, 20.0), ["real"] * series, 3, seconds=1800, learn_days=1)


def test_what_is_usual_of_a_day_is_the_average_of_many() -> None:
    traffic = real(4000)
    for day in traffic.days(7):
        ratio = day.means / traffic.usual(day.number)
        quiet_of_incidents = np.median(ratio, axis=1) if day.number < 1 else ratio.mean(axis=1)
        assert quiet_of_incidents == pytest.approx(1.0, abs=0.02)


def test_where_nothing_began_the_odds_sum_up_to_the_buckets_seen() -> None:
    """E R = n is what its statistic stands on."""
    traffic = real(20_000)
    ceiling = Ceiling(traffic, 1.2)
    _, day = traffic.days(2)
    start = START + DAY_SECONDS
    ceiling._begins = start
    for n in range(6):
        scores = ceiling.step(start + 1800 * n, day.counts[n])
    assert np.exp(scores[0]).mean() == pytest.approx(6, rel=0.1)
    assert (scores[1] < -1e6).all()


def test_it_finds_a_surge_and_a_fork_goes_on_as_itself() -> None:
    traffic = real(200)
    ceiling = Ceiling(traffic, 1.5)
    first, second = traffic.days(2)
    for n, seen in enumerate([*first.counts, *second.counts[:20]]):
        usual = ceiling.step(START + 1800 * n, seen)
    forked, at = ceiling.fork(2), START + 1800 * 68
    for n, seen in enumerate(second.counts[20:26]):
        both = forked.step(at + 1800 * n, np.concatenate([seen, 1.5 * seen]))
        alone = ceiling.step(at + 1800 * n, seen)
    assert np.array_equal(both[:, :200], alone)
    assert np.median(usual[0]) < 3
    assert np.median(both[0, 200:] - alone[0]) > 4


def test_a_missed_aim_is_told_with_what_limits_it_and_a_reached_one_is_not() -> None:
    row = musts.DELAYS[1]
    cell = cells.Cell("ceiling of 2x", "real", 2, 60, 5.0, "2x", "calibrated", 9.0, 7.5, 1.2, 1, 2, 3, 0.0, 10)
    late, soon = musts.Must(row.name, row.goal, 1.8), musts.Must(row.name, row.goal, 1.3)
    [told] = aims.missed([late], [cell, cell._replace(rate=0.2, multiple=9.0)])
    assert (told.got, told.aim, told.ceiling) == (1.8, 1.4, 1.2)
    assert told.limit
    assert aims.missed([soon], [cell]) == []


def test_every_row_of_delays_has_an_aim_below_its_must() -> None:
    for row in musts.DELAYS:
        assert aims.AIMS[row.name][0] < row.goal
    assert set(runs.CEILINGS) == {"ceiling of 1.5x", "ceiling of 2x", "ceiling of 3.8x"}
