"""River's own detectors behind our contract: alternatives, and peers to measure ours against.

Their snapshots are pickles, as river has no other form; what is read back may name nothing but river and plain data.
"""

from __future__ import annotations

import io
import math
import pickle
from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import msgspec

from detectors.contract import Direction, Features, Method, Verdict, number

_MEAN_SHARE = 0.02  # of one value in the running mean that tells which way it went
_PLAIN = {
    "builtins": {"tuple", "list", "dict", "set", "float", "int", "str", "bool", "bytearray"},
    "collections": {"defaultdict", "deque", "Counter", "OrderedDict"},
    "copyreg": {"_reconstructor"},
    "functools": {"partial"},
    "random": {"Random"},
}


class PeerState(msgspec.Struct):
    """River's model, what prepares values for it, and a running mean."""

    model: Any
    scaler: Any = None
    mean: float = math.nan


class PeerReading(NamedTuple):
    """`kept` is what the method needs of the reading when it learns the value."""

    statistic: float
    value: float
    kept: Any = None


class Peer(Method[PeerReading, PeerState]):
    """A river detector of one value."""

    said: ClassVar[str]  # what its statistic is

    def explain(self, x: Features, reading: PeerReading) -> Verdict:
        usual = self.state.mean if math.isfinite(self.state.mean) else reading.value
        direction: Direction = "up" if reading.value >= usual else "down"
        reason = f"{self.said} {reading.statistic:.3g}, the line is {self.line:g}"
        return Verdict(direction, reading.value, usual, number(x, "at"), reason)

    def read(self, x: Features) -> PeerReading:
        value = number(x, "value")
        # river squares what it is given
        if not (abs(value) < 1e150 and math.isfinite(number(x, "at"))):
            return PeerReading(0.0, math.nan)
        reading = self.look(x, value)
        # as large as it was at the line; far beyond it still rises, where S / (S + line) would round to 1
        statistic = self.line * math.log2(1.0 + max(reading.statistic, 0.0) / self.line)
        return reading._replace(statistic=statistic if math.isfinite(statistic) else 0.0)

    def commit(self, x: Features, reading: PeerReading) -> None:  # noqa: ARG002  # river's know no time
        if math.isnan(reading.value):
            return
        state = self.state
        before = state.mean if math.isfinite(state.mean) else reading.value
        state.mean = before + _MEAN_SHARE * (reading.value - before)
        self.take(reading)

    @abstractmethod
    def look(self, x: Features, value: float) -> PeerReading:
        """The model's statistic of a value; changes nothing."""

    @abstractmethod
    def take(self, reading: PeerReading) -> None:
        """The model learns the value."""

    def pack(self) -> bytes:
        return pickled(self.state.model, self.state)

    def unpack(self, packed: bytes) -> PeerState:
        try:
            return PeerState(*_Reader(io.BytesIO(packed)).load())
        except (pickle.UnpicklingError, EOFError, AttributeError, TypeError) as error:
            raise ValueError(f"not a snapshot: {error}") from error


def pickled(model: Any, state: PeerState) -> bytes:
    """The state with this model."""
    return pickle.dumps((model, state.scaler, state.mean))


class _Reader(pickle.Unpickler):
    """Finds river's classes and plain data; anything else is no snapshot of ours."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("river.") or name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")
