"""Viewers and what they are sent: patches with a number, a snapshot for whoever cannot be brought up to date."""

from __future__ import annotations

import asyncio
import gzip
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import msgspec

from streams import telemetry
from streams.web.board import Board
from streams.web.view import State, TenantLine, TenantView

RENDERING_LASTS = timedelta(seconds=1)


class Event(msgspec.Struct, frozen=True):
    """One server-sent event; `tenant` None is for everybody."""

    number: int
    tenant: str | None
    chunk: bytes


class Rendering(msgspec.Struct, frozen=True):
    """A snapshot as bytes, and when it was made."""

    number: int
    at: datetime
    plain: bytes
    gzipped: bytes


class Viewer:
    """One open page. Its backlog is bounded: who is too slow is dropped and comes back for a snapshot."""

    def __init__(self, tenant: str | None, backlog_max: int, abort: Callable[[], None]) -> None:
        self.tenant = tenant
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(backlog_max)
        self._abort = abort
        self.open = True

    def send(self, event: Event) -> bool:
        """False when it has too much to read already; it is then closed."""
        if event.tenant is not None and event.tenant != self.tenant:
            return True
        try:
            self._queue.put_nowait(event.chunk)
        except asyncio.QueueFull:
            self.open = False
            self._abort()
            return False
        return True

    def close(self) -> None:
        """Ends it in good order, after what it was sent."""
        self.open = False
        if self._queue.full():
            self._abort()
        else:
            self._queue.put_nowait(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._queue.get()) is not None:
            yield chunk


class Hub:
    """Numbers the patches of a board and hands them to the viewers.

    `epoch` tells this process's numbers from those of the one before it: "epoch-number" is the event's id.
    """

    def __init__(
        self, board: Board, epoch: int, *, viewers_max: int, viewer_backlog_max: int, resume_bytes_max: int
    ) -> None:
        self._board = board
        self._epoch = epoch
        self._viewers_max = viewers_max
        self._backlog_max = viewer_backlog_max
        self._resume_bytes_max = resume_bytes_max
        self._viewers: set[Viewer] = set()
        self._number = 0
        self._kept: deque[Event] = deque()
        self._kept_bytes = 0
        self._lines: list[TenantLine] = []
        self._about: tuple[object, bool] | None = None
        self._snapshots: dict[str | None, Rendering] = {}

    def __len__(self) -> int:
        return len(self._viewers)

    def publish(self, wall: datetime) -> None:
        """Sends what changed since the last time."""
        views: list[TenantView | None] = list(self._board.patches(wall))
        lines, about = self._board.tenants(), (self._board.bus, self._board.reading)
        news = lines != self._lines or about != self._about
        if news:
            self._lines, self._about = lines, about
            views.insert(0, None)
        for view in views:
            self._number += 1
            state = self._state(wall, lines if view is None else None, view)
            event = Event(self._number, view.tenant if view else None, self._frame("patch", state))
            self._keep(event)
            self._hand_out(event)

    def pulse(self, wall: datetime) -> None:
        """A sign of life for proxies (the comment) and for the page (the event), without a number."""
        body = msgspec.json.encode({"now": wall})
        self._hand_out(Event(self._number, None, b": heartbeat\nevent: pulse\ndata: " + body + b"\n\n"))

    def snapshot(self, tenant: str | None, wall: datetime, *, gzipped: bool = False) -> bytes:
        """The whole state as JSON; one rendering serves all who ask until something changes, at most for a second."""
        known = self._snapshots.get(tenant)
        if known is None or known.number != self._number or wall - known.at > RENDERING_LASTS:
            view = self._board.snapshot(tenant, wall) if tenant is not None else None
            plain = msgspec.json.encode(self._state(wall, self._board.tenants(), view))
            known = Rendering(self._number, wall, plain, gzip.compress(plain, compresslevel=3))
            if view is not None or tenant is None:  # an unknown name is not worth keeping
                self._snapshots[tenant] = known
        return known.gzipped if gzipped else known.plain

    def join(self, tenant: str | None, after: str | None, wall: datetime, abort: Callable[[], None]) -> Viewer | None:
        """A new viewer, first sent what it missed since the event `after`, or everything. None: there are too many."""
        if len(self._viewers) >= self._viewers_max:
            telemetry.WEB_VIEWERS_REFUSED.inc()
            return None
        missed = self._missed(after)
        viewer = Viewer(tenant, self._backlog_max + len(missed or ()) + 1, abort)
        if missed is None:
            text = b"id: %b\nevent: snapshot\ndata: " % self._id().encode()
            viewer.send(Event(self._number, None, text + self.snapshot(tenant, wall) + b"\n\n"))
        for event in missed or ():
            viewer.send(event)
        self._viewers.add(viewer)
        telemetry.WEB_VIEWERS.set(len(self._viewers))
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        telemetry.WEB_VIEWERS.set(len(self._viewers))

    def close(self) -> None:
        for viewer in list(self._viewers):
            viewer.close()

    def _missed(self, after: str | None) -> list[Event] | None:
        """The events since `after`; None when they are not all kept."""
        epoch, _, number = (after or "").partition("-")
        if epoch != str(self._epoch) or not number.isdecimal() or int(number) > self._number:
            return None
        missed = [event for event in self._kept if event.number > int(number)]
        return missed if len(missed) == self._number - int(number) else None

    def _keep(self, event: Event) -> None:
        self._kept.append(event)
        self._kept_bytes += len(event.chunk)
        while self._kept and self._kept_bytes > self._resume_bytes_max:
            self._kept_bytes -= len(self._kept.popleft().chunk)

    def _hand_out(self, event: Event) -> None:
        for viewer in list(self._viewers):
            if not viewer.send(event):
                telemetry.WEB_VIEWERS_DROPPED.inc()
                self.leave(viewer)

    def _state(self, wall: datetime, lines: list[TenantLine] | None, view: TenantView | None) -> State:
        return State(
            seq=self._id(), now=wall, tenants=lines, blind=self._board.bus, reading=self._board.reading, view=view
        )

    def _id(self) -> str:
        return f"{self._epoch}-{self._number}"

    def _frame(self, name: str, state: State) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (state.seq.encode(), name.encode(), msgspec.json.encode(state))
