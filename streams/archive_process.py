"""The writer in a process of its own: the reader's process only fetches.

Orders go down a pipe, one a poll; the answer comes when all is written. The child ends when the pipe does, so a reader
that was killed leaves none behind, and what was not committed is read again by the next run.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from schemas.errors import BadConfig, Unavailable
from streams.archive_manifest import Manifest
from streams.archive_plan import Range
from streams.archive_rows import Taken
from streams.archive_store import open_store
from streams.archive_writer import Writer, Written

INBOX_BYTES_MAX = 32 * 1024 * 1024
END_SECONDS_MAX = 30.0
_TAKE, _LOSE, _FINISH = 0, 1, 2

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_manifests = msgspec.json.Decoder(dict[str, Manifest]).decode


class WriterProcess:
    """A `Writer` elsewhere. Every call raises Unavailable or BadConfig as soon as the writer has failed."""

    def __init__(self, place: str, manifests: Mapping[str, Manifest], event_bytes_max: int) -> None:
        """`place` is the archive's folder or URL."""
        context = multiprocessing.get_context("spawn")  # a fork would share the consumer's connections
        theirs, self._orders = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        arguments = (theirs, answers, place, msgspec.json.encode(dict(manifests)), event_bytes_max)
        self._process = context.Process(target=_work, args=arguments, daemon=True, name="breakwater archive writer")
        self._process.start()
        theirs.close()
        answers.close()

    def take(self, of: Range, records: Taken) -> None:
        self._send(_encode((_TAKE, of, records)))

    def lose(self, of: Range) -> None:
        self._send(_encode((_LOSE, of, None)))

    def finish(self) -> Written:
        """Commits the rest, and ends the process."""
        self._send(_encode((_FINISH, None, None)))
        answer = self._answer()
        self._process.join(END_SECONDS_MAX)
        return answer

    def close(self) -> None:
        """Ends the process; what was not committed is left out."""
        self._orders.close()
        self._process.join(END_SECONDS_MAX)
        if self._process.is_alive():
            self._process.kill()

    def _send(self, order: bytes) -> None:
        if self._answers.poll():
            self._answer()
        try:
            self._orders.send_bytes(order)
        except OSError:  # it has ended
            self._answer()

    def _answer(self) -> Written:
        """What it said: the result, or what went wrong."""
        try:
            said = self._answers.recv()
        except EOFError:
            self._process.join(END_SECONDS_MAX)
            text = f"it ended with code {self._process.exitcode} in the middle"
            raise Unavailable("the archive's writer", text, "give it memory, and run again: it goes on there") from None
        if isinstance(said, tuple) and said[0] == "failed":
            raise said[1](*said[2])
        assert isinstance(said, Written)
        return said


class _Inbox:
    """Orders that wait: read from the pipe at once, so that the reader goes on while a file is written; bounded."""

    def __init__(self, orders: Connection) -> None:
        self._orders = orders
        self._waiting: deque[bytes | None] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> bytes | None:
        """The next order; None where the reader is gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            order = self._waiting.popleft()
            self._bytes -= len(order or b"")
            self._changed.notify_all()
        return order

    def _read(self) -> None:
        order: bytes | None = b""
        while order is not None:
            try:
                order = self._orders.recv_bytes()
            except (EOFError, OSError):
                order = None
            with self._changed:
                self._changed.wait_for(lambda: self._bytes < INBOX_BYTES_MAX)
                self._waiting.append(order)
                self._bytes += len(order or b"")
                self._changed.notify_all()


def _work(orders: Connection, answers: Connection, place: str, manifests: bytes, event_bytes_max: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the reader hears it, and ends us
    answer: Any = None
    try:
        writer = Writer(open_store(place), _manifests(manifests), event_bytes_max)
        inbox = _Inbox(orders)
        while answer is None and (order := inbox.next()) is not None:
            answer = _obey(writer, order)
    except Unavailable as away:
        answer = ("failed", Unavailable, (away.what, away.why, away.fix))
    except BadConfig as bad:
        answer = ("failed", BadConfig, (bad.problems,))
    with suppress(OSError):  # nobody is left to hear it
        answers.send(answer)


def _obey(writer: Writer, order: bytes) -> Written | None:
    kind, of, records = _decode(order)
    if kind == _FINISH:
        return writer.finish()
    if kind == _LOSE:
        writer.lose(Range(*of))
    else:
        writer.take(Range(*of), Taken(*records))
    return None
