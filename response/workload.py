"""How many agents a load needs, and what happens with fewer: Erlang B, C and A, and the draining of a backlog.

Rates are contacts a second, times seconds, loads erlangs (arrival rate x handle time). Erlang A (M/M/n+M: callers give
up) is stable for any load, so it is the one to use during a surge, where Erlang C says infinity.

Sources: Erlang 1917; Palm 1957; Baccelli and Hebuterne 1981 (waiting time with impatience); Whitt, Management Science
51 (2005), whose exact figures are in the tests.
"""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

AGENTS_MAX = 100_000


def erlang_b(agents: int, load: float) -> float:
    """The share of contacts lost when `agents` are all there is and nobody waits."""
    blocked = 1.0
    for k in range(1, agents + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


class ErlangC(msgspec.Struct, frozen=True, kw_only=True):
    """M/M/n: everybody waits for ever. Only true while `load < agents`."""

    agents: int
    load: float
    handle_seconds: float
    waiting_share: float

    def service_level(self, seconds: float) -> float:
        """Answered within `seconds` over offered; nobody abandons."""
        slack = self.agents - self.load
        return 1.0 - self.waiting_share * math.exp(-slack * seconds / self.handle_seconds)

    @property
    def wait_seconds(self) -> float:
        return self.waiting_share * self.handle_seconds / (self.agents - self.load)

    @property
    def occupancy(self) -> float:
        return self.load / self.agents


def erlang_c(agents: int, arrivals_per_second: float, handle_seconds: float) -> ErlangC:
    """Raises ValueError where the queue would grow without end."""
    load = arrivals_per_second * handle_seconds
    if load >= agents:
        raise ValueError(f"{load:.1f} erlangs are too much for {agents} agents without abandonment: use erlang_a")
    blocked = erlang_b(agents, load)
    waiting = agents * blocked / (agents - load * (1.0 - blocked))
    return ErlangC(agents=agents, load=load, handle_seconds=handle_seconds, waiting_share=waiting)


class ErlangA(msgspec.Struct, frozen=True, kw_only=True):
    """M/M/n+M in its steady state. `log_all_busy` is the logarithm of P(exactly n contacts, none waiting)."""

    agents: int
    arrivals_per_second: float
    handle_seconds: float
    patience_seconds: float
    no_wait_share: float
    abandoned_share: float
    waiting_mean: float
    waiting_variance: float
    present_mean: float
    log_all_busy: float

    @property
    def wait_seconds(self) -> float:
        """Mean over all contacts, served or not (Little's law)."""
        return self.waiting_mean / self.arrivals_per_second if self.arrivals_per_second > 0 else 0.0

    @property
    def occupancy(self) -> float:
        if self.agents == 0:
            return 0.0
        return (self.present_mean - self.waiting_mean) / self.agents

    def served_within(self, seconds: float) -> float:
        """The share of all contacts that is answered within `seconds`."""
        served, _ = _waits(self, seconds)
        return min(1.0, self.no_wait_share + served)

    def abandoned_within(self, seconds: float) -> float:
        """The share of all contacts that gives up within `seconds`."""
        served, due = _waits(self, seconds)
        longer = max(0.0, 1.0 - self.no_wait_share - due)
        return min(1.0, max(0.0, due - served) + longer * (1.0 - math.exp(-seconds / self.patience_seconds)))

    def service_level(self, seconds: float) -> float:
        """Answered within `seconds` over offered, those who gave up within it left out."""
        asked = 1.0 - self.abandoned_within(seconds)
        return min(1.0, self.served_within(seconds) / asked) if asked > 1e-12 else 0.0


@lru_cache(maxsize=4096)
def _waits(queue: ErlangA, seconds: float) -> tuple[float, float]:
    """Of all contacts, the shares whose turn would come within (0, seconds]: those still there then, and all of them.

    The density of the offered wait at x is n mu pi_n exp((lambda/theta)(1 - exp(-theta x)) - n mu x); kept as a
    logarithm, for in a heavy overload pi_n is far below the smallest float. Simpson's rule, with steps of an eighth of
    the density's width.
    """
    rate, theta, capacity = queue.arrivals_per_second, 1.0 / queue.patience_seconds, queue.agents / queue.handle_seconds
    if queue.agents == 0 or seconds <= 0.0 or rate <= 0.0:
        return 0.0, 0.0
    width = 1.0 / math.sqrt(rate * theta + 1e-12)
    fall = 1.0 / max(abs(capacity - rate), 1e-9)
    steps = 2 * min(4000, max(100, math.ceil(8 * seconds / min(width, fall))))
    x = np.arange(steps + 1) * (seconds / steps)
    stays = np.exp(-theta * x)
    exponent = queue.log_all_busy + math.log(capacity) + rate / theta * (1.0 - stays) - capacity * x
    density = _simpson(steps) * np.exp(np.minimum(exponent, 700.0))
    third = seconds / steps / 3.0
    return float((density * stays).sum()) * third, float(density.sum()) * third


@lru_cache(maxsize=64)
def _simpson(steps: int) -> NDArray[np.float64]:
    """1 4 2 4 ... 2 4 1."""
    weights = np.full(steps + 1, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights


@lru_cache(maxsize=4096)
def erlang_a(agents: int, arrivals_per_second: float, handle_seconds: float, patience_seconds: float) -> ErlangA:
    """The steady state of `agents` who serve in `handle_seconds` callers who wait `patience_seconds`, on average.

    The number waiting has weights prod(lambda / (n mu + i theta)), summed around their mode so that any load is exact
    and cheap.
    """
    if arrivals_per_second <= 0.0:
        return _idle(agents, handle_seconds, patience_seconds)
    mu, theta, rate = 1.0 / handle_seconds, 1.0 / patience_seconds, arrivals_per_second
    load, capacity = rate * handle_seconds, agents * mu
    mode = max(0, math.floor((rate - capacity) / theta))
    spread = math.ceil(12.0 * math.sqrt(rate / theta + 1.0)) + 40
    low, high = max(0, mode - spread), mode + spread
    # log weights relative to pi_n
    start, waiting = capacity / theta, np.arange(low, high + 1)
    first = low * math.log(rate / theta) - (math.lgamma(start + low + 1.0) - math.lgamma(start + 1.0))
    logs = np.concatenate(([first], first + np.cumsum(np.log(rate / (capacity + waiting[1:] * theta)))))
    log_below = _log_below(agents, load)
    top = max(float(logs.max()), log_below)
    weights = np.exp(logs - top)
    below = math.exp(log_below - top)
    total = below + float(weights.sum())
    mean = float((waiting * weights).sum()) / total
    variance = (float(((waiting - mean) ** 2 * weights).sum()) + mean * mean * below) / total
    abandoned = min(1.0, theta * mean / rate)
    return ErlangA(
        agents=agents,
        arrivals_per_second=rate,
        handle_seconds=handle_seconds,
        patience_seconds=patience_seconds,
        no_wait_share=below / total,
        abandoned_share=abandoned,
        waiting_mean=mean,
        waiting_variance=variance,
        present_mean=mean + load * (1.0 - abandoned),
        log_all_busy=-top - math.log(total),
    )


def _log_below(agents: int, load: float) -> float:
    """Logarithm of P(fewer than n present) / P(exactly n present)."""
    if agents == 0:
        return -math.inf
    # n! / k! a^(k-n), as logarithms from k = n - 1 down to 0: no load is too small or too large for them
    logs = np.cumsum(np.log(np.arange(agents, 0, -1) / load))
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


def _idle(agents: int, handle_seconds: float, patience_seconds: float) -> ErlangA:
    return ErlangA(
        agents=agents,
        arrivals_per_second=0.0,
        handle_seconds=handle_seconds,
        patience_seconds=patience_seconds,
        no_wait_share=1.0,
        abandoned_share=0.0,
        waiting_mean=0.0,
        waiting_variance=0.0,
        present_mean=0.0,
        log_all_busy=-math.inf,
    )


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What service is promised: `share` answered within `seconds`, nobody busier than `occupancy_max`."""

    share: float
    seconds: float
    occupancy_max: float = 1.0

    def __str__(self) -> str:
        return (
            f"{self.share:.0%} answered within {_duration(self.seconds)} of those offered "
            f"(who gave up within it left out)"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 3600 else f"{seconds / 3600:g} h"


def slots_needed(
    arrivals_per_second: float, handle_seconds: float, patience_seconds: float, target: Target, near: int | None = None
) -> int:
    """The fewest servers that hold `target` where callers give up (Erlang A), by bisection: more never serve worse.
    `near` is a guess that makes it quicker, not another answer."""
    if arrivals_per_second <= 0.0:
        return 0

    def enough(n: int) -> bool:
        queue = erlang_a(n, arrivals_per_second, handle_seconds, patience_seconds)
        return queue.occupancy <= target.occupancy_max and queue.service_level(target.seconds) >= target.share

    low, high = 0, max(1, near or math.ceil(arrivals_per_second * handle_seconds))
    step = max(1, high // (64 if near else 4))
    if enough(high):
        while high > step and enough(high - step):
            high, step = high - step, 2 * step
        low = max(0, high - step)
    while high < AGENTS_MAX and not enough(high):
        low, high, step = high, min(AGENTS_MAX, high + step), 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def agents_for_slots(slots: int, concurrency: float) -> int:
    """People for so many contacts at a time, each handling `concurrency` at once."""
    return math.ceil(round(slots / concurrency, 9))


def heads(agents: int, shrinkage: float) -> int:
    """People to have on the roster so that `agents` are there: breaks, training and sickness take the rest."""
    return math.ceil(round(agents / (1.0 - shrinkage), 9)) if shrinkage < 1.0 else agents


class Drain(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a backlog over one interval when work is finished in order of arrival."""

    backlog_end: float
    on_time_share: float
    wait_seconds: float


def drain(backlog: float, arrivals_per_second: float, finished_per_second: float, seconds: float, due: float) -> Drain:
    """E-mail and cases are no queue that gives up: whoever comes waits for what is before him.

    `on_time_share`: of those who arrive in the interval, how many are finished within `due` seconds (the wait runs
    linearly from the interval's start to its end).
    """
    end = max(0.0, backlog + (arrivals_per_second - finished_per_second) * seconds)
    if finished_per_second <= 0.0:
        return Drain(backlog_end=end, on_time_share=0.0, wait_seconds=math.inf)
    first, last = backlog / finished_per_second, end / finished_per_second
    low, high = min(first, last), max(first, last)
    share = 1.0 if high <= due else 0.0 if low >= due else (due - low) / (high - low)
    return Drain(backlog_end=end, on_time_share=share, wait_seconds=(first + last) / 2)


def drain_slots(
    backlog: float, arrivals_per_second: float, usual_per_second: float, handle_seconds: float, due: float, lasts: float
) -> int:
    """Slots that finish everything within `due` seconds if this rate `lasts` so long and the usual one follows.

    Whoever comes at the end of it is due `due` later, and all before him must be done by then; and the usual must be
    kept up with in any case.
    """
    rate = max(usual_per_second, backlog / due, (backlog + arrivals_per_second * lasts) / (lasts + due))
    return math.ceil(round(rate * handle_seconds, 9))
