"""Means a value: milliseconds and contacts are summed by row until there are `VALUE_OF` contacts, and what each value
shows, for many rows at once. Rows are `MEASURES` of each series; `metrics` says what is to be told of them.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Column, Columns, Flags, Numbers
from detectors.load import HANDLE, HANDLE_N, WAIT, WAIT_N, Counts
from detectors.metric_bank import ALERT_LASTS, LASTS, LINE, RATIO_MIN, Z95, MetricBank, Shown

MEASURES = ("handle_seconds", "wait_seconds")
# Seconds by which means are never of interest.
OFFSETS = (5.0, 10.0)
VALUE_OF = 10  # contacts
GAP_SECONDS = 900  # between two values of one run; and after a longer gap, when only short contacts have ended yet
_MILLISECONDS, _CONTACTS = [HANDLE, WAIT], [HANDLE_N, WAIT_N]  # in the order of `MEASURES`


class Marks(Columns):
    """What changes with every minute."""

    columns: ClassVar[dict[str, Column]] = {
        "milliseconds": ((), np.float64),  # of the contacts that make no value yet
        "contacts": ((), np.uint32),
        "run": ((), np.int16),  # values in a row that are beyond the usual; negative: below it
        "age": ((), np.uint16),  # values since the last alert
        "run_milliseconds": ((), np.float64),
        "run_contacts": ((), np.uint32),
        "since": ((), np.uint32),
        "last": ((), np.uint32),  # when the last value came
        "resumed": ((), np.uint32),  # when values came again after a gap
    }
    milliseconds: NDArray[np.float64]
    contacts: NDArray[np.uint32]
    run: NDArray[np.int16]
    age: NDArray[np.uint16]
    run_milliseconds: NDArray[np.float64]
    run_contacts: NDArray[np.uint32]
    since: NDArray[np.uint32]
    last: NDArray[np.uint32]
    resumed: NDArray[np.uint32]


class Taken(NamedTuple):
    """Which rows have a value, the values (NaN: none) of an `hour` of the day, and what they show."""

    full: Flags
    values: Numbers
    hour: int
    shown: Shown

    def of(self, rows: slice) -> Self:
        """These rows; their values are views."""
        shown = Shown._make(each[..., rows] for each in self.shown)
        return self._replace(full=self.full[rows], values=self.values[rows], shown=shown)


class Means:
    """The sums of rows and the bank that their values go to."""

    def __init__(self) -> None:
        self.bank = MetricBank()
        self.marks = Marks()

    def grow(self, series: int) -> None:
        more, old = series * len(MEASURES), self.bank.size
        self.bank.histories.grow(more)
        self.bank.histories.offset[old:] = np.tile(OFFSETS, series)
        self.marks.grow(more)
        self.marks.age[old:] = ALERT_LASTS + 1

    def keep(self, rows: Flags) -> None:
        self.bank.histories.keep(rows)
        self.marks.keep(rows)

    def take(self, start: int, counts: Counts, known: Flags, hour: int) -> Taken | None:
        """The sums of a finished minute by series; None where they complete no value."""
        contacts = counts[_CONTACTS]
        if not np.logical_or.reduce(contacts, axis=None):
            return None  # nothing new: a mean that is full was taken when it became so
        marks = self.marks
        marks.milliseconds += (counts[_MILLISECONDS] * known).T.ravel()
        marks.contacts += (contacts * known).T.ravel().astype(np.uint32)
        full = marks.contacts >= VALUE_OF
        if not np.logical_or.reduce(full):
            return None
        # as the journal will have them
        means = (marks.milliseconds / 1000 / np.maximum(marks.contacts, 1)).astype(np.float32)
        values = np.where(full, means, np.nan).astype(float)
        shown = self.bank.read(values, hour)
        self._run(start, full, shown)
        return Taken(full, values, hour, shown)

    def learn(self, taken: Taken) -> None:
        """The other half of `take`: the sums begin anew."""
        self.bank.learn(taken.values, taken.hour, taken.shown)
        self.marks.milliseconds[taken.full] = 0
        self.marks.contacts[taken.full] = 0

    def lasting(self, full: Flags) -> Flags:
        """Rows that are out of their usual range for so long, and soon enough after an alert, that it is told."""
        found: Flags = full & (np.abs(self.marks.run) >= LASTS) & (self.marks.age <= ALERT_LASTS)
        return found

    def _run(self, start: int, full: Flags, shown: Shown) -> None:
        """How many values in a row are out of the usual, on which side, and what is in them."""
        marks = self.marks
        gap = start - marks.last.astype(float) > GAP_SECONDS
        marks.resumed[full & gap] = start
        steady = start - marks.resumed.astype(float) >= GAP_SECONDS
        out = full & steady & shown.ready & (np.abs(shown.away) > np.maximum(math.log(RATIO_MIN), Z95 * shown.spread))
        marks.last[full] = start
        np.minimum(marks.age + full, 9999, out=marks.age, casting="same_kind")
        marks.age[full & (shown.total >= LINE)] = 0
        if not np.logical_or.reduce(out):
            self._end_runs(full)
            return
        side = np.where(shown.away > 0, 1, -1)
        begins = out & (marks.run * side <= 0)
        self._end_runs((full & ~out) | begins)
        marks.run_milliseconds += marks.milliseconds * out
        marks.run_contacts += marks.contacts * out
        marks.since[begins] = start
        marks.run[...] = np.minimum(np.maximum(marks.run + side * out, -9999), 9999)

    def _end_runs(self, rows: Flags) -> None:
        marks = self.marks
        marks.run[rows], marks.run_milliseconds[rows], marks.run_contacts[rows] = 0, 0.0, 0
