"""The process that writes an archive: what it is ordered, and what it answers.

Orders come on its standard input, each behind its length. It ends when they do, so a reader that was killed leaves none
behind. It imports no settings and no broker: it begins in half the time without them.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import deque

import msgspec

from schemas.errors import BadConfig, Unavailable
from streams.archive.manifest import Manifest
from streams.archive.plan import Range
from streams.archive.rows import Taken
from streams.archive.store import open_store
from streams.archive.writer import Writer, Written

INBOX_BYTES_MAX = 16 * 1024 * 1024
LENGTH_BYTES = 4
_STANDARD_INPUT = 0
_SWITCH_SECONDS = 0.0005


class Order(msgspec.Struct, tag=True, array_like=True):
    pass


class Begin(Order):
    """The first one; `place` is the archive's folder or URL."""

    place: str
    manifests: dict[str, Manifest]
    event_bytes_max: int


class Take(Order):
    of: Range
    records: Taken


class Lose(Order):
    of: Range


class Finish(Order):
    pass


class Answer(msgspec.Struct):
    """What was written, or what went wrong: the arguments of Unavailable, the problems of BadConfig."""

    written: Written | None = None
    away: tuple[str, str, str] | None = None
    problems: list[tuple[str, str]] = []


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Begin | Take | Lose | Finish).decode


class _Inbox:
    """Orders that wait: read at once, so that the reader goes on while a file is written; bounded."""

    def __init__(self, orders: int) -> None:
        self._orders = orders
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> bytes:
        """The next order; none where the reader is gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            order = self._waiting.popleft()
            self._bytes -= len(order)
            self._changed.notify_all()
        return order

    def _read(self) -> None:
        order = b"-"
        while order:
            order = self._exactly(int.from_bytes(self._exactly(LENGTH_BYTES), "big"))
            with self._changed:
                self._changed.wait_for(lambda: self._bytes < INBOX_BYTES_MAX)
                self._waiting.append(order)
                self._bytes += len(order)
                self._changed.notify_all()

    def _exactly(self, count: int) -> bytes:
        """So many bytes, or none where the reader is gone, be it in the middle of them.

        Not by a file object: Python closes those at its end, and hangs where a thread is still reading one.
        """
        parts, left = [], count
        while left and (part := os.read(self._orders, left)):
            parts.append(part)
            left -= len(part)
        return b"" if left else b"".join(parts)


def _work(orders: int) -> Answer | None:
    """What the reader orders, until it is done or gone."""
    inbox = _Inbox(orders)
    writer: Writer | None = None
    try:
        while said := inbox.next():
            order = _decode(said)
            if isinstance(order, Begin):
                writer = Writer(open_store(order.place), order.manifests, order.event_bytes_max)
                continue
            assert writer is not None, "it begins with Begin"
            if isinstance(order, Take):
                writer.take(order.of, order.records)
            elif isinstance(order, Lose):
                writer.lose(order.of)
            else:
                return Answer(written=writer.finish())
    except Unavailable as away:
        return Answer(away=(away.what, away.why, away.fix))
    except BadConfig as bad:
        return Answer(problems=list(bad.problems))
    return None


def main() -> None:
    sys.setswitchinterval(_SWITCH_SECONDS)  # each part of an order has to wait for the thread that decodes
    gc.disable()  # a batch is thousands of small lists and no ring of them: looking for rings takes as long again
    answer = _work(_STANDARD_INPUT)
    if answer is not None:
        sys.stdout.buffer.write(msgspec.json.encode(answer))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
