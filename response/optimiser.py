"""Which share of which route loses the fewest contacts: a linear programme, solved by HiGHS.

A queue's loss is a convex curve of its excess work (erlangs offered less slots): next to nothing far below zero, all of
the excess far above, bent in between by the chance of waiting. The curve is Garnett, Mandelbaum and Reiman's (2002)
for callers who give up; its tangents make the programme linear. What the programme proposes is checked by the exact
book afterwards: it decides what is worth doing, never what is allowed.

Huangfu and Hall, Mathematical Programming Computation 10 (2018), for the dual simplex of HiGHS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog as linprog

Numbers = NDArray[np.float64]
_BETAS = np.array([-4.0, -2.0, -1.0, -0.4, 0.2, 0.8, 1.5, 2.5])
_STEP = 1e-3


class Need(msgspec.Struct, kw_only=True):
    """One queue that may be relieved. Excess = `work` + what is moved in - what is moved away - slots got + slots lent,
    in erlangs. `size` is its scale, `patience` its mean patience in handle times. Loss counts `weight` contacts a
    second for each erlang. `stuck`: contacts a second that cannot come, all lost unless a way in is opened."""

    work: float
    slots: float
    size: float
    patience: float
    weight: float
    deferred: bool = False
    stuck: float = 0.0


class Way(msgspec.Struct, kw_only=True):
    """One route. At a share of 1 it takes `relief` erlangs from `need` and `freed` of its stuck contacts, puts `burden`
    erlangs on the queues named there, and costs `effort` contacts a second by itself."""

    need: int
    relief: float
    burden: dict[int, float]
    freed: float
    effort: float
    share_max: float
    share_min: float = 0.0
    running: float = 0.0


class Limit(msgspec.Struct, kw_only=True):
    """A bound on the sum of what ways take: `parts` by way, at a share of 1, at most `most` together."""

    parts: dict[int, float]
    most: float


def solve(
    needs: Sequence[Need], ways: Sequence[Way], limits: Sequence[Limit], change_cost: float
) -> list[float] | None:
    """The shares that lose fewest, by way. None where the solver finds no answer, which a plan of nothing always is."""
    n, q = len(ways), len(needs)
    rows: list[Numbers] = []
    most: list[float] = []
    for i, need in enumerate(needs):
        for slope, offset in _tangents(need):
            row, at_rest = _loss_row(i, need, ways, slope, offset, n, q)
            rows.append(row)
            most.append(at_rest)
    for limit in limits:
        row = np.zeros(2 * n + q)
        for j, part in limit.parts.items():
            row[j] = part
        rows.append(row)
        held = sum(part * ways[j].share_min for j, part in limit.parts.items())
        most.append(max(0.0, limit.most, held))
    for j, way in enumerate(ways):  # what is changed: up_j >= share_j - running_j, and the same downwards
        for sign in (1.0, -1.0):
            row = np.zeros(2 * n + q)
            row[j], row[n + j] = sign, -1.0
            rows.append(row)
            most.append(sign * way.running)
    effort = np.array([way.effort for way in ways])
    cost = np.concatenate([effort, change_cost * np.maximum(effort, 1e-9), np.ones(q)])
    bounds = [(way.share_min, max(way.share_min, way.share_max)) for way in ways] + [(0.0, None)] * (n + q)
    found = linprog(cost, A_ub=np.array(rows), b_ub=np.array(most), bounds=bounds, method="highs-ds")
    if found.status != 0:
        return None
    return [float(value) for value in found.x[:n]]


def _loss_row(
    i: int, need: Need, ways: Sequence[Way], slope: float, offset: float, n: int, q: int
) -> tuple[Numbers, float]:
    """loss_i >= weight (offset + slope excess(shares)) + stuck contacts, as a row of <=."""
    row = np.zeros(2 * n + q)
    pull = need.weight * slope
    for j, way in enumerate(ways):
        if way.need == i:
            row[j] -= pull * way.relief + way.freed
        row[j] += pull * way.burden.get(i, 0.0)
    row[2 * n + i] = -1.0
    return row, -need.stuck - need.weight * (offset + slope * (need.work - need.slots))


def _tangents(need: Need) -> list[tuple[float, float]]:
    """Lines (slope, offset) under the curve of erlangs lost by excess; deferred work is lost only as it is too much."""
    if need.deferred:
        return [(0.0, 0.0), (0.05, 0.05 * 0.2 * need.size), (1.0, 0.0)]
    scale = math.sqrt(max(need.size, 1.0))
    lost = scale * loss_curve(_BETAS, need.patience)
    ahead = scale * loss_curve(_BETAS + _STEP, need.patience)
    slopes = np.clip((lost - ahead) / (scale * _STEP), 0.0, 1.0)
    excess = -_BETAS * scale
    lines = [(float(s), float(y - s * x)) for s, y, x in zip(slopes, lost, excess, strict=True)]
    return [(0.0, 0.0), (1.0, 0.0), *lines]


def loss_curve(beta: Numbers, patience: float) -> Numbers:
    """Erlangs lost for each square root of the load, with `beta` square roots of slots to spare.

    Garnett, Mandelbaum, Reiman, M&SOM 4 (2002), theorem 2: P(wait) = 1 / (1 + r h(b/r) / h(-b)), and of those who wait
    r (h(b/r) - b/r) give up for each root, r = sqrt(handle time / patience).
    """
    r = math.sqrt(1.0 / max(patience, 1e-6))
    far = _hazard(beta / r)
    waits = 1.0 / (1.0 + r * far / _hazard(-beta))
    lost: Numbers = waits * r * (far - beta / r)
    return lost


def _hazard(x: Numbers) -> Numbers:
    """The normal law's density over its tail; by its asymptote where both are too small for floats."""
    tail = np.array([0.5 * math.erfc(value / math.sqrt(2.0)) for value in x])
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return np.where(tail > 1e-300, density / np.maximum(tail, 1e-300), x + 1.0 / np.maximum(x, 1.0))
