"""The oracle of shares, and what shares and backlogs are asked."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection import backlogs, share_oracle


def test_the_oracle_of_shares_agrees_with_a_simulation_of_its_own_cusum() -> None:
    mean, usual, changed, run_length = 10.0, 0.1, 0.3, 100.0
    expected = share_oracle.delay(mean, usual, changed, run_length)
    rng = np.random.default_rng(5)
    a, b = np.log(changed / usual), np.log((1 - usual) / (1 - changed))

    def delays(share: float, line: float) -> float:
        walk, found = np.zeros(800), np.full(800, np.nan)
        for bucket in range(600):
            y, z = rng.poisson(mean * share, 800), rng.poisson(mean * (1 - share), 800)
            walk = np.maximum(walk + a * y - b * z, 0)
            hit = np.isnan(found) & (walk >= line)
            found[hit] = bucket + 1
            if not np.isnan(found).any():
                break
        return float(np.nanmean(found))

    lines = np.linspace(2.0, 4.5, 6)
    line = lines[np.argmin([abs(delays(usual, float(line)) - run_length) for line in lines])]
    assert expected == pytest.approx(delays(changed, float(line)), rel=0.15)


def test_a_larger_change_and_more_contacts_are_found_sooner() -> None:
    small = share_oracle.delay(5.0, 0.03, 0.06, 43_200)
    assert share_oracle.delay(5.0, 0.03, 0.09, 43_200) < small
    assert share_oracle.delay(20.0, 0.03, 0.06, 43_200) < small


def test_a_queue_loses_nobody_and_answers_no_more_than_it_has_people_for() -> None:
    queue, draw = backlogs.Queue(3), np.random.default_rng(1)
    people = np.array([10.0, 50.0, 200.0])
    came = answered = np.zeros(3)
    for _ in range(50):
        more = draw.poisson(20, 3).astype(float)
        came = came + more
        answered = answered + queue.minute(more, people, draw)
        assert (queue.worked_on <= people).all()
        assert (came == answered + queue.waiting).all()
    assert queue.waiting[0] > 500
    assert queue.waiting[2] == 0
