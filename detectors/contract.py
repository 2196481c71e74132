"""What a detection method is: a river anomaly detector of one series that reads purely and learns each pane once.

A method is given one pane at a time, a dict of `at` (Unix seconds, the pane's start: its id) and the numbers in
`fields`. A number that is missing, not finite or impossible makes the pane unknown: it neither scores nor teaches.

    reading = method.read(x)          pure: what the pane shows against all that was learned before it
    method.score_one(x)               S / (S + line): 0.5 is the alarm line, and it never saturates
    method.explain(x, reading)        in numbers and words
    method.learn_one(x)               commits; a pane that is not after the last one changes nothing

river's traps that this avoids: `PredictiveAnomalyDetection.score_one` learns, `GaussianScorer` saturates at 1.0, and
`ThresholdFilter(protect_anomaly_detector=False)` never learns.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec
from river import base

from detectors.singles import decode, encode
from schemas.errors import BadConfig

Direction = Literal["up", "down"]
Features = Mapping[str, Any]
FAR_SECONDS = 400 * 86_400  # a jump forward beyond it is a broken clock until a second pane says the same
_VERSION = b"\x01"


class Reading(Protocol):
    """What a pane shows; each method's own has more."""

    @property
    def statistic(self) -> float: ...


ReadingT = TypeVar("ReadingT", bound=Reading)
StateT = TypeVar("StateT", bound=msgspec.Struct)


class Verdict(NamedTuple):
    """Why a pane reached the line. `onset` is in Unix seconds; `ratio` is None where nothing was expected."""

    direction: Direction
    observed: float
    expected: float
    onset: float
    reason: str

    @property
    def ratio(self) -> float | None:
        return self.observed / self.expected if self.expected else None


class Order(msgspec.Struct):
    """Which panes may be learned: each once, forwards. A single absurd time does not make all that follows late."""

    last: float | None = None
    jumped: float | None = None

    def takes(self, at: float) -> bool:
        """Whether the pane is new; if so, it is the last one from now on. `at` is finite."""
        last = self.last
        if last is not None:
            if not at > last:
                return False
            if at - last > FAR_SECONDS and not self._confirmed(at):
                return False
        self.last, self.jumped = at, None
        return True

    def _confirmed(self, at: float) -> bool:
        if self.jumped is not None and 0 < at - self.jumped <= FAR_SECONDS:
            return True
        self.jumped = at
        return False


class Method(base.AnomalyDetector, Generic[ReadingT, StateT]):  # type: ignore[misc]  # river is not typed
    """A detection method for one series. `state` is everything it has learned; no `fields` means any names."""

    fields: ClassVar[tuple[str, ...]] = ("value",)
    line: float
    state: StateT

    def __init__(self, state: StateT) -> None:
        self.state = state
        self.order = Order()

    # -- what a method provides

    @abstractmethod
    def read(self, x: Features) -> ReadingT:
        """What the pane shows. Changes nothing."""

    @abstractmethod
    def explain(self, x: Features, reading: ReadingT) -> Verdict:
        """In numbers and words."""

    @abstractmethod
    def commit(self, x: Features, reading: ReadingT) -> None:
        """Learns a pane that is new."""

    # -- river's interface

    def statistic_one(self, x: Features) -> float:
        """The evidence S, without an upper end; below 0 there is none."""
        return self.read(x).statistic

    def score_one(self, x: Features) -> float:
        return score_of(self.read(x).statistic, self.line)

    def learn_one(self, x: Features) -> None:
        self.learn(x, None)

    # -- one value at a time

    def learn(self, x: Features, reading: ReadingT | None) -> bool:
        """`learn_one` for who has read the pane already; says whether the pane was new."""
        at = number(x, "at")
        if not math.isfinite(at):
            return False
        reading = self.read(x) if reading is None else reading
        new = self.order.takes(at)
        if new:
            self.commit(x, reading)
        return new

    def features(self, timestamp: datetime | str | float, value: Any) -> dict[str, Any]:
        """The pane of one row: `value` is a number, or as many as the method has fields. Raises BadConfig."""
        values = value if isinstance(value, tuple | list) else (value,)
        if len(values) != len(self.fields):
            raise needs(type(self).__module__.rpartition(".")[2], self.fields)
        return {"at": unix_seconds(timestamp), **dict(zip(self.fields, values, strict=True))}

    def score(self, timestamp: datetime | str | float, value: Any) -> float:
        """Scores a value, then learns it. A time without offset is UTC."""
        x = self.features(timestamp, value)
        reading = self.read(x)
        self.learn(x, reading)
        return score_of(reading.statistic, self.line)

    # -- state

    def snapshot(self) -> bytes:
        """All that was learned, exactly."""
        return _VERSION + msgspec.msgpack.encode((type(self).__name__, self.order, self.pack()))

    def restore(self, raw: bytes) -> None:
        """The reverse of `snapshot`. Raises ValueError where the bytes are of something else."""
        if raw[:1] != _VERSION:
            raise ValueError(f"a snapshot of an unknown version: {raw[:1].hex() or 'empty'}")
        try:
            name, order, packed = msgspec.msgpack.decode(raw[1:], type=tuple[str, Order, bytes])
            if name != type(self).__name__:
                raise ValueError(f"a snapshot of {name}, not of {type(self).__name__}")
            self.state, self.order = self.unpack(packed), order
        except msgspec.DecodeError as error:
            raise ValueError(f"not a snapshot: {error}") from error

    def pack(self) -> bytes:
        return encode(self.state)

    def unpack(self, packed: bytes) -> StateT:
        return decode(packed, type(self.state))


def score_of(statistic: float, line: float) -> float:
    """Strictly increasing, 0 without evidence, 0.5 at the line, below 1 for every finite statistic."""
    return statistic / (statistic + line) if statistic > 0 else 0.0


def needs(name: str, fields: tuple[str, ...]) -> BadConfig:
    """The method cannot work on the series it was given."""
    columns = ",".join(("timestamp", *(fields or ("NAME", "NAME", "..."))))
    many = f"{len(fields)} numbers" if fields else "the counts of several categories"
    return BadConfig([("--method", f"{name} needs {many} a row: give a file with the header {columns}")])


def number(x: Features, name: str) -> float:
    """NaN where it is missing or no number."""
    try:
        return float(x[name])
    except (KeyError, TypeError, ValueError, OverflowError):
        return math.nan


def unix_seconds(timestamp: datetime | str | float) -> float:
    """Seconds since 1970; without offset it is UTC. Raises ValueError for what is no time."""
    if isinstance(timestamp, int | float):
        return float(timestamp)
    try:
        moment = timestamp if isinstance(timestamp, datetime) else datetime.fromisoformat(str(timestamp).strip())
    except ValueError:
        raise ValueError(f"{timestamp!r} is no ISO 8601 time, such as 2026-03-02T09:30:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
