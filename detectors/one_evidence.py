"""`Evidence` for one series in plain floats: what a pane adds for each ratio, the statistic, the best run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from detectors.evidence import DOWNS, UPS
from detectors.parameters import RATIOS

Sums = tuple[int, float, float]  # since (Unix seconds), observed, expected
ROWS = (slice(0, UPS), slice(UPS, UPS + DOWNS))  # by direction
MEMBERS = (range(UPS), range(UPS, UPS + DOWNS))
# by direction: the edge of what is usual, and for each ratio its logarithm and the edge times it
Band = tuple[tuple[float, list[tuple[float, float]]], ...]
_TINY = 1e-300
# ln 0 as a number, as the bank has it
_LOGS = [math.log(ratio) if ratio > 0 else -1e9 for ratio in RATIOS]


def band(up: float, down: float) -> Band:
    """Of the half-widths of what is usual, upwards and downwards."""
    edges = 1 + up, 1 / (1 + down)
    return tuple(
        (edge, [(_LOGS[j], edge * RATIOS[j]) for j in rows]) for edge, rows in zip(edges, MEMBERS, strict=True)
    )


def gains(seen: float, means: tuple[float, float], edges: Band, shape: float, most: float) -> list[float]:
    """l_j by ratio, no more than `most`; `means` by direction."""
    log, all_of = math.log, seen + shape
    (up, ups), (down, downs) = edges
    of_up, of_down = means
    near = log(shape + of_up * up)
    found = [seen * word - (log(shape + of_up * far) - near) * all_of for word, far in ups]
    near = log(shape + of_down * down)
    found += [seen * word - (log(shape + of_down * far) - near) * all_of for word, far in downs]
    return found if max(found) <= most else [min(gain, most) for gain in found]


def grown(runs: Iterable[float], added: list[float], cap: float) -> list[float]:
    """R_j with these gains."""
    exp = math.exp
    found = [(run + 1.0) * exp(gain) for run, gain in zip(runs, added)]  # noqa: B905  # as many by construction
    return found if max(found) <= cap else [min(run, cap) for run in found]


def statistic(runs: Sequence[float]) -> tuple[float, float]:
    """S by direction."""
    return log_mean_of(runs[:UPS]), log_mean_of(runs[UPS:])


def log_mean_of(runs: Sequence[float]) -> float:
    """S over all ratios."""
    return math.log(max(sum(runs) / len(runs), _TINY))


def uncut(runs: Iterable[float], added: list[float]) -> float:
    """S over all ratios, however large the numbers are."""
    logs = [math.log(run + 1.0) + gain for run, gain in zip(runs, added, strict=True)]
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


def best(walks: Sequence[float], direction: int) -> int:
    """The ratio (row) that the run speaks most for."""
    return max(MEMBERS[direction], key=lambda j: walks[j])
