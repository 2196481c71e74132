"""`Evidence` for one series in plain floats: what a pane adds for each ratio, the statistic, the best run."""

from __future__ import annotations

import math

from detectors.evidence import DOWNS, DROP, SURGE, UPS
from detectors.parameters import RATIOS
from detectors.singles import Singles

Sums = tuple[int, float, float]  # since (Unix seconds), observed, expected
ROWS = (range(UPS), range(UPS, UPS + DOWNS))  # by direction
_DIRECTION = [SURGE] * UPS + [DROP] * DOWNS
_TINY = 1e-300
# ln 0 as a number, as the bank has it
_LOG_RATIO = [math.log(ratio) if ratio > 0 else -1e9 for ratio in RATIOS]


def gains(
    seen: float, means: tuple[float, float], edges: tuple[float, float], shape: float, most: float
) -> list[float]:
    """l_j by ratio, no more than `most`; `means` and `edges` of the usual band by direction."""
    log, all_of = math.log, seen + shape
    near = [log(shape + mean * edge) for mean, edge in zip(means, edges, strict=True)]
    found = []
    for ratio, log_ratio, way in zip(RATIOS, _LOG_RATIO, _DIRECTION, strict=True):
        far = log(shape + means[way] * (edges[way] * ratio)) - near[way]
        gain = seen * log_ratio - far * all_of
        found.append(gain if gain < most else most)
    return found


def grown(runs: Singles, added: list[float], cap: float) -> list[float]:
    """R_j with these gains."""
    exp = math.exp
    found = [(run + 1.0) * exp(gain) for run, gain in zip(runs, added, strict=True)]
    return found if max(found) <= cap else [min(run, cap) for run in found]


def statistic(runs: list[float] | Singles) -> tuple[float, float]:
    """S by direction."""
    up, down = sum(runs[:UPS]) / UPS, sum(runs[UPS:]) / DOWNS
    return math.log(max(up, _TINY)), math.log(max(down, _TINY))


def rounded(ways: tuple[float, float]) -> tuple[float, float]:
    """To 1e-6, as the bank says it."""
    up, down = ways
    return round(up * 1e6) / 1e6, round(down * 1e6) / 1e6


def uncut(runs: Singles, added: list[float]) -> float:
    """The larger S, however large the numbers are."""
    logs = [math.log(run + 1.0) + gain for run, gain in zip(runs, added, strict=True)]
    return max(_log_mean([logs[j] for j in rows]) for rows in ROWS)


def _log_mean(logs: list[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


def best(walks: Singles | list[float], direction: int) -> int:
    """The ratio (row) that the run speaks most for."""
    return max(ROWS[direction], key=lambda j: walks[j])
