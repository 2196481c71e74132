"""What the harness asks of a detector, and our own behind it."""

from __future__ import annotations

import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.generator import DAY_SECONDS, START, Traffic
from detectors import budget
from detectors.alarms import Alarms, Statement
from detectors.bank import Bank
from detectors.columns import Columns, Lanes
from detectors.following import Alarm, of_closed
from detectors.parameters import CountParams
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

    `promise`: false incidents per series and month that the operator allows. Without alarms (see `fork`) evidence runs
    on where an alarm would have opened, so that crossings of any other threshold can be read from the scores.
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
        self.seconds = seconds
        params = params or CountParams(siblings=False)
        # series that are not each other's queues: each has the budget by itself, for two speeds and two directions
        whole = promise * budget.CLASSES / budget.COUNTS
        limits = budget.thresholds(whole, 1, 1, seconds, params.slow_seconds)
        self._limits = limits.queue_fast, limits.queue_slow
        bank = Bank(params, LocalTime())
        bank.grow(series, START)
        self._watch(bank)
        self._alarming = True
        self.statements: list[Statement] = []

    def _watch(self, bank: Bank) -> None:
        self.bank = bank
        names = [str(number) for number in range(bank.size)]
        self._alarms = Alarms(bank, names, {name: number for number, name in enumerate(names)})
        bank.fast.limit(np.full((2, bank.size), self._limits[0]))
        bank.slow.limit(np.full((2, bank.size), self._limits[1]))

    def step(self, start: int, seen: Numbers) -> Numbers:
        closed = self.bank.close(start, self.seconds, seen)
        self.statements = self._alarms.look(of_closed(closed, None), closed.slow) if self._alarming else []
        beyond: Numbers = closed.statistic - self._limits[0]
        return beyond if closed.slow is None else np.maximum(beyond, closed.slow - self._limits[1])

    def open_alarms(self) -> list[tuple[int, Alarm]]:
        """Series and alarm."""
        return [(int(alarm.series), alarm) for alarm in self._alarms.open.values()]

    def fork(self, copies: int, *, alarms: bool = False) -> Breakwater:
        """With `alarms` the alarms that are open go on and new ones open (one copy); else there are none."""
        made = copy.copy(self)
        bank = copy.deepcopy(self.bank)
        for part in bank.parts.values():
            _tile(part, copies)
        for name, value in vars(bank).items():
            if isinstance(value, np.ndarray) and value.shape[-1:] == self.bank.alarmed.shape:
                setattr(bank, name, np.tile(value, (1,) * (value.ndim - 1) + (copies,)))
        bank.season.lanes = Lanes.side_by_side([self.bank.size] * copies)
        bank.refresh()
        made._watch(bank)
        made._alarming = alarms
        if alarms:
            made._alarms.open = copy.deepcopy(self._alarms.open)
        return made

    def state_bytes(self) -> int:
        """Of one series."""
        return sum(part.bytes_a_series() for part in self.bank.parts.values())


class Newcomers(Breakwater):
    """Queues that nothing is known of, in a channel whose other queues have two weeks: its shape is all they get.

    The channel is the first series of the bank, before the newcomers of each copy; nothing is scored of it.
    """

    def __init__(self, series: int, seed: int, noise: str, *, seconds: int = 60, name: str = "breakwater") -> None:
        super().__init__(1, CountParams(), seconds=seconds, name=name)
        known_days = 14
        self._begins = START - known_days * DAY_SECONDS
        rates = np.array([1.0, 5.0, 5.0, 20.0, 20.0])
        others = Traffic(rates, [noise] * len(rates), seed + 500_000, seconds=seconds, learn_days=known_days)
        self._channel = np.concatenate([day.counts.sum(axis=1) for day in others.days(known_days + 8)])
        for number, seen in enumerate(self._channel[: known_days * others.buckets]):
            super().step(self._begins + number * seconds, np.array([seen]))
        self.bank.grow(series, START)
        self._watch(self.bank)
        self._copies = 1

    def step(self, start: int, seen: Numbers) -> Numbers:
        channel = np.full((self._copies, 1), self._channel[(start - self._begins) // self.seconds])
        both = np.concatenate([channel, seen.reshape(self._copies, -1)], axis=1)
        scores = super().step(start, both.ravel()).reshape(2, self._copies, -1)
        return scores[:, :, 1:].reshape(2, -1)

    def fork(self, copies: int, *, alarms: bool = False) -> Newcomers:
        made = super().fork(copies, alarms=alarms)
        assert isinstance(made, Newcomers)
        made._copies = self._copies * copies
        return made


def _tile(part: Columns, copies: int) -> None:
    for name in part.columns:
        column = getattr(part, name)
        setattr(part, name, np.tile(column, (1,) * (column.ndim - 1) + (copies,)))
