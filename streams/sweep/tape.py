"""A log of panes told once and kept, so that many settings can be tried on it: what each channel's bank would be given.

The detection fold itself says which pane is complete, which queue is known and who shares the budget; only the judging
is left out. What is on a tape depends on no setting of a sweep but how panes are counted.
"""

# ruff: noqa: ARG002  # a channel that judges nothing says nothing

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import numpy as np

from detectors.budget import Thresholds
from detectors.channel import Channel
from detectors.columns import Flags, Numbers
from detectors.load import MINUTE, OFFERED, Counts
from detectors.pipeline import DetectionFold, DetectParams
from detectors.slots import LocalTime
from detectors.telling import Say
from detectors.tenant import Tenant
from schemas.base import Origin
from schemas.centre import Centre
from schemas.fold import Output
from schemas.pane import PaneRecord

LENGTH_BYTES = 4


class Grow(msgspec.Struct, frozen=True, array_like=True, tag="grow"):
    """New series behind the others; the first of all is the channel, "". Unix seconds, as everywhere here."""

    names: list[str]
    at: int


class Keep(msgspec.Struct, frozen=True, array_like=True, tag="keep"):
    """Only these series are watched from now on."""

    names: list[str]
    at: int


class Limits(msgspec.Struct, frozen=True, array_like=True, tag="limits"):
    """Who shares the model's budget, `false_a_month`, in panes of which length."""

    false_a_month: float
    channels: int
    queues: int
    pane_seconds: int


class Model(msgspec.Struct, frozen=True, array_like=True, tag="model"):
    centre: Centre


class Accept(msgspec.Struct, frozen=True, array_like=True, tag="accept"):
    """A person says that this is usual now; `queue` None: of the whole channel."""

    queue: str | None
    at: int
    pane_start: int


class Settle(msgspec.Struct, frozen=True, array_like=True, tag="settle"):
    """The history is over: what is usual is kept, the present begins anew."""


class Pane(msgspec.Struct, frozen=True, array_like=True, tag="pane"):
    """A closed pane of which anything is known: contacts (uint32) and whether they are known, by series; empty: all."""

    start: int
    seconds: int
    seen: bytes
    known: bytes

    def counts(self) -> Numbers:
        return np.frombuffer(self.seen, np.uint32).astype(float)

    def flags(self) -> Flags | None:
        return np.frombuffer(self.known, bool) if self.known else None


Op = Grow | Keep | Limits | Model | Accept | Settle | Pane


class Tape(NamedTuple):
    """One channel's panes in a file, for whoever judges them."""

    path: Path
    channel: str
    series: int
    panes: int


class Reel:
    """One channel's tape while it is written."""

    def __init__(self, path: Path, tenant: str, channel: str) -> None:
        self.path, self.tenant, self.channel = path, tenant, channel
        self.series = self.panes = 0
        self.first, self.last = 0, 0
        self.contacts = 0
        self._file: IO[bytes] = path.open("wb")
        self._encoder = msgspec.msgpack.Encoder()

    def add(self, op: Op) -> None:
        raw = self._encoder.encode(op)
        self._file.write(len(raw).to_bytes(LENGTH_BYTES, "big") + raw)
        if isinstance(op, Grow):
            self.series += len(op.names)
        elif isinstance(op, Settle):
            self.first = self.panes = self.contacts = 0
        elif isinstance(op, Pane):
            self.first, self.last = self.first or op.start, op.start + op.seconds
            self.panes += 1

    def close(self) -> None:
        self._file.close()

    @property
    def tape(self) -> Tape:
        return Tape(self.path, self.channel, self.series, self.panes)


def read(path: Path) -> Iterator[Op]:
    """What is on a tape, in its order."""
    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Op)
    with path.open("rb") as file:
        while head := file.read(LENGTH_BYTES):
            yield decoder.decode(file.read(int.from_bytes(head, "big")))


class Taping(DetectionFold):
    """A detection fold that judges nothing and writes down what it would have judged, a tape a channel."""

    stacks = False

    def __init__(self, folder: Path, params: DetectParams | None = None) -> None:
        super().__init__(params)
        self._folder = folder
        self.reels: dict[tuple[str, str], Reel] = {}

    def step(self, record: PaneRecord, origin: Origin) -> list[Output]:
        said = super().step(record, origin)
        self._parts.clear()  # nobody asks for the state
        return said

    def settle(self) -> None:
        super().settle()
        for _, tenant in sorted(self._tenants.items()):
            for _, channel in sorted(tenant.channels.items()):
                assert isinstance(channel, _Taped)
                channel.reel.add(Settle())
                channel.sized = (0, 0)  # as on a fold that is restored
                self._share_budget(tenant, channel)

    def close(self) -> None:
        for reel in self.reels.values():
            reel.close()

    def _new_channel(self, tenant: Tenant, name: str) -> Channel:
        reel = Reel(self._folder / f"{len(self.reels):05d}.tape", tenant.name, name)
        self.reels[tenant.name, name] = reel
        forget = self.params.source_forget_seconds, self.params.series_forget_seconds
        channel = _Taped(reel, tenant.entry.centre, tenant.local, self.params, forget)
        channel.set_centre(tenant.entry.centre, tenant.local)
        return channel


class _Taped(Channel):
    def __init__(
        self, reel: Reel, centre: Centre, local: LocalTime, params: DetectParams, forget: tuple[float, float]
    ) -> None:
        super().__init__(reel.channel, centre, local, params.counts, forget)
        self.reel = reel
        self._shared = self.limits  # as a tape begins

    def set_centre(self, centre: Centre, local: LocalTime) -> None:
        super().set_centre(centre, local)
        self.reel.add(Model(centre))

    def set_thresholds(self, limits: Thresholds) -> None:
        super().set_thresholds(limits)
        if limits is not self._shared:
            self._shared = limits
            seconds = self.head.pane_seconds or MINUTE
            self.reel.add(Limits(limits.false_a_month, limits.channels, limits.queues, seconds))

    def accept(self, queue: str | None, say: Say) -> bool:
        self.reel.add(Accept(queue, self.head.closed_to, self.head.closed_to - self.head.pane_seconds))
        return True

    def look_ahead(self, partitions: int, progress_at: float, say: Say) -> None:
        """Open panes are not judged."""

    def _judge(self, start: int, seconds: int, counts: Counts, known: Flags | None, say: Say) -> Numbers:
        seen = counts[OFFERED]
        raw = b"" if known is None else known.astype(bool).tobytes()
        self.reel.add(Pane(start, seconds, seen.astype(np.uint32).tobytes(), raw))
        self.reel.contacts += int(seen[0])
        heard = seen > 0
        if known is not None:
            heard &= known
        opened = self.bank.outlook.shares(start, seconds)
        self.bank.meters.heard[heard if opened is None else heard & (opened > 0)] = start + seconds
        return np.zeros(len(seen))

    def _wait(self, counts: Counts) -> None:
        """Backlogs are not judged."""

    def _sum_minute(
        self, start: int, seconds: int, counts: Counts, expected: Numbers, known: Flags | None, say: Say
    ) -> None:
        """Neither are shares, mixes and means."""

    def _add(self, new: list[str], now: int) -> None:
        self.reel.add(Grow(new, now))
        super()._add(new, now)

    def _forget(self, now: int, say: Say) -> None:
        gone = self._gone(now)
        if gone.any():
            self.reel.add(Keep([name for name, left in zip(self.names, gone, strict=True) if not left], now))
        super()._forget(now, say)
