"""The scalar share detectors and the bank of shares give the same numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import budget
from detectors.methods import backlog, ratio
from detectors.parameters import CountParams
from detectors.share_bank import ShareBank
from detectors.slots import LocalTime

# the night on which Berlin's clocks go back lies in it
START = int(datetime(2026, 10, 22, 6, tzinfo=UTC).timestamp())
MINUTE = 60


def panes(seed: int, count: int) -> list[tuple[int, float, float, bool]]:
    """Start, y, n, whether it is known: shares with an outbreak, gaps, quiet hours, unknown panes."""
    rng = np.random.default_rng(seed)
    made, at = [], START
    for i in range(count):
        at += MINUTE * (int(rng.integers(2, 200)) if rng.random() < 0.01 else 1)
        share = 0.35 if count * 0.7 < i < count * 0.8 else rng.uniform(0.03, 0.12)
        n = 0.0 if rng.random() < 0.05 else float(rng.poisson(rng.choice([1, 8, 40])))
        made.append((at, float(rng.binomial(int(n), share)), n, rng.random() > 0.03))
    return made


def both(method: Any, rows: list[dict[str, float]], counted: list[tuple[int, float, float, bool]]) -> float:
    """The largest difference of S; everything kept must be equal to 1e-6 of itself."""
    local = LocalTime("Europe/Berlin")
    bank = ShareBank(method.params.share, CountParams())
    bank.grow(np.array([getattr(method.params, "falling", False)]))
    bank.limit(np.array([budget.threshold(1.0, MINUTE)]))
    worst = 0.0
    # the scalar detector learns from its first pane how long panes are
    method.learn_one({**rows[0], "at": START - MINUTE})
    for x, (at, y, n, known) in zip(rows, counted, strict=True):
        if method.state.step == 0:
            method.state.step = float(MINUTE)
        reading = method.read(x)
        moment = local.moment(at + MINUTE / 2)
        y, n = (y, n) if known else (0.0, 0.0)
        before = method.state.alarm
        bank.alarmed[0] = before is not None
        statistic = bank.close(at, MINUTE, moment, np.array([y]), np.array([n]), np.array([known]))
        worst = max(worst, abs(float(statistic[0]) - round(reading.kept * 1e6) / 1e6))
        method.learn(x, reading)
        if before is not None and method.state.alarm is None:
            bank.clear(0)
    for name, column in (("walks", bank.runs.walks), ("expected", bank.runs.sums[2]), ("hits", bank.usual.hits)):
        assert np.allclose(np.array(getattr(method.state, name)), column[:, 0], rtol=1e-6), name
    return worst


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_ratio_is_a_row_of_the_bank(seed: int, falling: bool) -> None:
    counted = panes(seed, 2500)
    method = ratio.Ratio(ratio.Params(time_zone="Europe/Berlin", falling=falling))
    rows = [
        {"at": at, "part": (n - y if falling else y) if known else float("nan"), "whole": n}
        for at, y, n, known in counted
    ]
    assert both(method, rows, counted) <= 1e-9
    assert method.state.exposure[0] > 0


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10_000))
def test_a_backlog_is_a_row_of_the_bank(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counted, rows = [], []
    for i in range(2500):
        at = START + MINUTE * i
        came, left = float(rng.poisson(30 if 1900 < i < 1960 else 12)), float(rng.poisson(12))
        counted.append((at, came, came + left, True))
        rows.append({"at": at, "arrivals": came, "completions": left})
    method = backlog.Backlog(backlog.Params(time_zone="Europe/Berlin"))
    assert both(method, rows, counted) <= 1e-9


def test_the_comparison_would_see_a_difference() -> None:
    counted = panes(1, 3000)
    rows = [{"at": at, "part": y, "whole": n if known else -1.0} for at, y, n, known in counted]
    rows[2000]["part"] = 0.0 if counted[2000][1] else 1.0
    with pytest.raises(AssertionError):
        assert both(ratio.Ratio(ratio.Params(time_zone="Europe/Berlin")), rows, counted) <= 1e-9
