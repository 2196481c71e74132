"""Where most counts lie: for a sentence, and for a minute's rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma

from detectors import load, wording


@pytest.mark.parametrize("expected", [0.5, 1.0, 5.0, 20.0, 412.0])
@pytest.mark.parametrize("variance", [0.0, 0.02, 0.1])
def test_it_is_that_of_the_gamma_law_with_the_same_moments(expected: float, variance: float) -> None:
    shape = expected**2 / (expected + expected**2 * variance)
    law = gamma(shape, scale=expected / shape)
    low, high = wording.usual_range(expected, variance)
    assert low == pytest.approx(law.ppf(0.005), rel=0.03, abs=0.1)
    assert high == pytest.approx(law.ppf(0.995), rel=0.03)


@pytest.mark.parametrize("expected", [1e-9, 0.001, 0.05, 0.5, 3.0, 1000.0])
def test_it_holds_what_is_expected_however_little_that_is(expected: float) -> None:
    low, high = wording.usual_range(expected, 0.05)
    assert 0 <= low <= expected <= high
    lows, highs = load._usual(np.array([expected]), np.array([expected**2 * 0.05]))
    assert (lows[0], highs[0]) == pytest.approx((low, high))
