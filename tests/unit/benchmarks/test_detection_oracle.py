import math

import numpy as np
import pytest

from benchmarks.detection import oracle

MONTH = 43_200.0  # buckets of 60 s in 30 days
RATIOS = (1.5, 2.0, 3.8, 10.0, 0.0, 0.5)
# the exact worst-case mean delays at one false alarm in 30 days
KNOWN = {
    0.2: (265, 89.8, 19.1, 4.0, 44.8, 209),
    1.0: (68.0, 22.3, 4.8, 1.2, 10.2, 51.9),
    5.0: (16.7, 5.5, 1.3, 1.0, 2.1, 12.4),
    20.0: (5.0, 1.7, 1.0, 1.0, 1.0, 3.6),
    100.0: (1.3, 1.0, 1.0, 1.0, 1.0, 1.1),
}


@pytest.mark.parametrize("mean", KNOWN)
def test_the_oracle_gives_the_known_table(mean: float) -> None:
    for ratio, known in zip(RATIOS, KNOWN[mean], strict=True):
        digits = 0 if known >= 200 else 1  # of the table
        unit = 10.0**-digits
        assert oracle.delay(mean, ratio, MONTH) == pytest.approx(known, abs=0.55 * unit + 1e-9), (mean, ratio)


@pytest.mark.parametrize(("mean", "ratio", "shape"), [(2.0, 2.0, math.inf), (2.0, 2.0, 20.0), (30.0, 1.5, 20.0)])
@pytest.mark.parametrize("changed", [True, False])
def test_the_chain_agrees_with_playing_the_cusum(mean: float, ratio: float, shape: float, changed: bool) -> None:
    rng = np.random.default_rng(3)
    run_length = 300.0
    walk = oracle._Walk(mean, ratio, run_length, shape)
    steps = walk.threshold(run_length)
    kappa, bar = walk._kappa / walk._fine, steps / walk._fine
    now = mean * ratio if changed else mean
    exact = walk.length(steps, now)
    state, taken, done = np.zeros(8000), np.zeros(8000), np.zeros(8000, bool)
    while not done.all():
        busy = 1.0 if math.isinf(shape) else rng.gamma(shape, 1 / shape, len(state))
        state = np.maximum(0.0, state + rng.poisson(now * busy, len(state)) - kappa)
        taken += ~done
        done |= state >= bar - 1e-9
    assert taken.mean() == pytest.approx(exact, rel=0.03)


def test_counts_that_spread_more_are_slower_to_tell_and_a_large_shape_is_poisson() -> None:
    for mean, ratio in ((5.0, 2.0), (20.0, 1.5), (5.0, 0.0), (20.0, 0.5)):
        poisson = oracle.delay(mean, ratio, MONTH)
        assert oracle.delay(mean, ratio, MONTH, 8.0) > oracle.delay(mean, ratio, MONTH, 20.0) > poisson
        assert oracle.delay(mean, ratio, MONTH, 1e7) == pytest.approx(poisson, rel=0.01)


def test_no_run_of_silence_is_longer_than_what_chance_brings_once_a_month() -> None:
    none = (1 + 5.0 / 20.0) ** -20.0  # of 5 expected, shape 20
    run = oracle.delay(5.0, 0.0, MONTH, 20.0)
    assert (none**-run - 1) / (1 - none) == pytest.approx(MONTH)


def test_delays_between_solved_means_are_read_within_three_per_cent() -> None:
    for ratio in (2.0, 3.8):
        read = oracle.delays(ratio, MONTH)
        for mean in (0.7, 3.0, 8.0):
            assert float(read(np.array([mean]))[0]) == pytest.approx(oracle.delay(mean, ratio, MONTH), rel=0.03)


def test_on_a_constant_path_the_delay_is_that_of_its_mean() -> None:
    means = np.full((180, 2), 5.0)
    read = float(oracle.delays(2.0, MONTH)(np.array([5.0]))[0])
    assert oracle.path_delay(means, 2.0, MONTH) == pytest.approx([read, read])


def test_a_change_that_cannot_be_seen_in_time_has_the_length_of_the_path() -> None:
    assert oracle.path_delay(np.full((60, 1), 0.2), 1.5, MONTH) == pytest.approx([60.0])


def test_where_traffic_rises_the_oracle_is_faster_than_at_the_first_mean() -> None:
    rising = np.linspace(2.0, 8.0, 60)[:, None]
    steady = np.full((60, 1), 2.0)
    assert oracle.path_delay(rising, 2.0, MONTH)[0] < oracle.path_delay(steady, 2.0, MONTH)[0]
