"""Gauges whose labels come from the traffic: bounded, and gone once what they speak of is gone."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Gauge

from streams import telemetry

Labels = tuple[str, ...]


class Series:
    """The label values of some gauges that say something of the same things. At most `room` things are shown; what is
    beyond that is counted by `what` and not shown: Prometheus keeps a series for each."""

    def __init__(self, what: str, room: int, *gauges: Gauge) -> None:
        self._room = room
        self._gauges = gauges
        self._cut = telemetry.GAUGES_OVERFLOWED.labels(what)
        self._shown: set[Labels] = set()
        self._refused: set[Labels] = set()

    def set(self, labels: Labels, *values: float | None) -> None:
        """A value for each gauge; None takes its series away, so that what is not known is a gap and not an old
        value."""
        if not self._admits(labels):
            return
        for gauge, value in zip(self._gauges, values, strict=True):
            if value is None:
                _remove(gauge, labels)
            else:
                gauge.labels(*labels).set(value)

    def remove(self, labels: Labels) -> None:
        self._refused.discard(labels)
        if labels in self._shown:
            self._shown.remove(labels)
            for gauge in self._gauges:
                _remove(gauge, labels)

    def keep(self, under: Labels, wanted: Iterable[Labels]) -> None:
        """Of the things whose labels begin with `under` only the `wanted` stay."""
        there = {labels for labels in self._shown | self._refused if labels[: len(under)] == under}
        for labels in there.difference(wanted):
            self.remove(labels)

    def clear(self) -> None:
        """Nothing is known any more: another process may say it now, and an old value would lie."""
        self.keep((), ())

    def _admits(self, labels: Labels) -> bool:
        if labels in self._shown:
            return True
        if len(self._shown) < self._room:
            self._refused.discard(labels)
            self._shown.add(labels)
            return True
        if labels not in self._refused and len(self._refused) < self._room:
            self._refused.add(labels)
            self._cut.inc()
        return False


def _remove(gauge: Gauge, labels: Labels) -> None:
    try:
        gauge.remove(*labels)
    except KeyError:  # it had no value yet
        return
