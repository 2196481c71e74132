"""32-bit floats for one series, as the banks keep them for many: what is kept is rounded when it is kept, so that a
scalar detector goes the bank's way to the bit of what it keeps."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from detectors.parameters import CountParams

if TYPE_CHECKING:
    _Array = array[float]
else:
    _Array = array

_NOTHING = 1e-12
StructT = TypeVar("StructT", bound=msgspec.Struct)


class Singles(_Array):
    """A list of 32-bit floats of fixed length."""

    def __new__(cls, values: Iterable[float]) -> Self:
        return super().__new__(cls, "f", values)  # type: ignore[return-value]  # typeshed says array of any subclass

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return Singles, (self.tolist(),)

    def __deepcopy__(self, memo: Any) -> Singles:
        return Singles(self)


def zeros(length: int) -> Singles:
    return Singles([0.0] * length)


def times(factor: float, single: float) -> float:
    """As numpy multiplies an array of singles by a number: in 32 bits."""
    return Singles((Singles((factor,))[0] * single,))[0]


def encode(state: msgspec.Struct) -> bytes:
    """With four bytes a single."""
    return msgspec.msgpack.encode(state, enc_hook=_to_bytes)


def decode(raw: bytes, kind: type[StructT]) -> StructT:
    """The reverse of `encode`. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(raw, type=kind, dec_hook=_from_bytes)


def fork(state: StructT, but: Container[str] = ()) -> StructT:
    """A copy that can be changed without the original: each list of singles is its own, `but` these."""
    own = {}
    for name in state.__struct_fields__:
        value = getattr(state, name)
        if isinstance(value, Singles) and name not in but:
            own[name] = Singles(value)
    return msgspec.structs.replace(state, **own)


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, Singles):
        return value.tobytes()
    raise NotImplementedError(f"{type(value).__name__} is no state")


def _from_bytes(kind: type, raw: Any) -> Singles:
    if kind is not Singles or not isinstance(raw, bytes) or len(raw) % 4:
        raise ValueError("not a list of singles")
    made = Singles(())
    made.frombytes(raw)
    return made


class Spread:
    """`Dispersion` for one series: relative variance of counts beyond Poisson's, its sums in two singles."""

    def __init__(self, prior: float, weight: float, half_life_seconds: float, params: CountParams) -> None:
        self.prior, self.weight, self.half_life = prior, weight, half_life_seconds
        self._winsor = params.winsor_sd**2
        self._fade = (0.0, 1.0)
        self._low, self._high = params.dispersion_min, params.dispersion_max

    def learn(
        self, sums: Singles, seen: float, mean: float, variance: float, seconds: float, noise: float = 0.0
    ) -> None:
        safe = max(mean, _NOTHING)
        square = min((seen - mean) ** 2, self._winsor * (safe + safe * safe * variance))
        weight = (safe / (1 + safe * self.prior)) ** 2
        if seconds != self._fade[0]:
            self._fade = seconds, 0.5 ** (seconds / self.half_life)
        fade = self._fade[1]
        sums[0] = sums[0] * fade + weight * ((square - safe) / (safe * safe) - noise)
        sums[1] = sums[1] * fade + weight

    def estimate(self, sums: Singles) -> float:
        found = (sums[0] + self.weight * self.prior) / (sums[1] + self.weight)
        return min(max(found, self._low), self._high)
