import numpy as np
import pytest

from benchmarks.detection import metrics


def test_neighbouring_half_hours_over_the_threshold_are_one_episode() -> None:
    peaks = np.array([[0, 5, 5, 0, 7, 0], [0, 0, 0, 0, 0, 9]], float).T
    assert metrics.episodes(peaks, 4.0).tolist() == [2, 1]
    assert metrics.episodes(peaks, 6.0).tolist() == [1, 1]


def test_the_calibrated_threshold_keeps_the_rate_and_a_lower_one_does_not() -> None:
    rng = np.random.default_rng(2)
    peaks = rng.exponential(1.0, (336, 60))
    bar = metrics.calibrate(peaks, 7.0)
    allowed = 60 * 7 / 30
    assert metrics.episodes(peaks, bar).sum() <= allowed
    below = np.unique(peaks[peaks < bar])[-2]
    assert metrics.episodes(peaks, below).sum() > allowed - 1


def test_a_score_that_saturates_cannot_be_calibrated() -> None:
    peaks = (np.random.default_rng(1).random((336, 30)) < 0.2).astype(float)
    bar = metrics.calibrate(peaks, 7.0)
    assert metrics.delays(np.ones((10, 30)), np.zeros(30), bar)[1].sum() == 0


def test_where_too_few_weeks_allow_no_episode_the_bar_lies_just_above_what_was_seen() -> None:
    peaks = np.random.default_rng(1).random((336, 2))
    bar = metrics.calibrate(peaks, 7.0)
    assert peaks.max() < bar < peaks.max() + 1e-9


def test_delay_is_one_in_the_first_bucket_and_capped_where_nothing_was_seen() -> None:
    running = np.array([[3.0, 0.0, 0.0, 9.0], [3.0, 2.5, 0.0, 9.0]])
    before = np.array([0.0, 0.0, 0.0, 8.0])
    taken, caught = metrics.delays(running, before, 2.0)
    assert taken[:3].tolist() == [1.0, 2.0, 2.0]
    assert caught[:3].tolist() == [1.0, 1.0, 0.0]
    assert np.isnan(taken[3])  # it was in alarm before anything changed


def test_intervals_hold_the_mean_and_narrow_with_more_series() -> None:
    values = np.random.default_rng(5).normal(10.0, 2.0, 400)
    widths = []
    for n in (25, 400):
        chosen = values[:n]
        low, high = metrics.interval(lambda drawn, chosen=chosen: float(chosen[drawn].mean()), n)
        assert low < chosen.mean() < high
        widths.append(high - low)
    assert widths[0] == pytest.approx(4 * widths[1], rel=0.4)
