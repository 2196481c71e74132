"""What the harness asks of a detector, and our own behind it."""

from __future__ import annotations

import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors import thresholds
from detectors.columns import Columns
from detectors.parameters import CountParams
from detectors.series_bank import ChannelBank, Verdict
from detectors.slots import LocalTime

Numbers = NDArray[np.float64]


class Method(Protocol):
    """A detector of many independent series. It is given one bucket after another, so it cannot know the future."""

    name: str
    nominal: float  # the score at which it alarms as it comes, nothing tuned

    def step(self, start: int, seen: Numbers) -> Numbers:
        """The bucket that begins at `start` (Unix seconds): scores for more (row 0) and for fewer (row 1) contacts
        than usual, by series."""

    def fork(self, copies: int) -> Method:
        """An independent detector in the same state, its series repeated `copies` times: 0..n-1, 0..n-1, ..."""


class Breakwater:
    """The product's bank. Score = evidence beyond the threshold that the budget gives, the greater of both speeds.

    `promise`: false incidents per series and month that the operator allows. `alarms` False keeps evidence running
    where an alarm would have opened, so that later crossings of any other threshold can be read from the scores.
    """

    nominal = 0.0

    def __init__(
        self,
        series: int,
        params: CountParams | None = None,
        *,
        promise: float = 1.0,
        seconds: int = 60,
        name: str = "breakwater",
    ) -> None:
        self.name = name
        self.params = params or CountParams(siblings=False)
        self.seconds = seconds
        self.bank = ChannelBank(self.params, LocalTime())
        for number in range(series):
            self.bank.names.append(str(number))
        for part in (self.bank.season, *self.bank.parts()):
            part.grow(series)
        # a tenant gives whole channels one half of its budget and single queues the other; here is only one half
        fast, slow = (thresholds.threshold(2 * promise, 1, pane) for pane in (seconds, self.params.slow_seconds))
        self._limits = np.array([fast, slow])
        self._alarms = True
        self.verdicts: list[Verdict] = []

    def step(self, start: int, seen: Numbers) -> Numbers:
        n = len(seen)
        limits = np.repeat(self._limits[:, None], n, axis=1)
        given = limits if self._alarms else np.full_like(limits, np.inf)
        _, self.verdicts = self.bank.step(start, self.seconds, seen, np.ones(n, bool), given, 1.0)
        fast = self.bank.fast.statistic(self.bank.fast.runs.astype(float))
        slow = self.bank.slow.statistic(self.bank.slow.runs.astype(float))
        return np.maximum(fast - limits[0], slow - limits[1])

    def fork(self, copies: int, *, alarms: bool = False) -> Breakwater:
        made = copy.copy(self)
        made.bank = copy.deepcopy(self.bank)
        made._alarms = alarms
        n = len(self.bank.names)
        made.bank.names = [str(number) for number in range(n * copies)]
        made.bank._rates = {}
        for part in (made.bank.season, *made.bank.parts()):
            _tile(part, copies)
        made.bank.alarms = {}
        for alarm in self.bank.alarms.values() if alarms else ():
            for copied in range(copies):
                again = copy.copy(alarm)
                again.series = alarm.series + copied * n
                made.bank.alarms[f"{again.series}/{again.direction}/{again.speed}"] = again
        return made

    def state_bytes(self) -> int:
        """Of one series."""
        return sum(part.bytes_a_series() for part in (self.bank.season, *self.bank.parts()))


def _tile(part: Columns, copies: int) -> None:
    for name in part.columns:
        column = getattr(part, name)
        setattr(part, name, np.tile(column, (1,) * (column.ndim - 1) + (copies,)))
