"""The writer in a process of its own: the reader's process only fetches, which is most of a processor's work.

Orders go to its standard input, one a poll, each behind its length; the answer comes when all is written. It ends when
its input does, so a reader that was killed leaves none behind; what was not committed is read again by the next run.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from schemas.errors import BadConfig, Unavailable
from streams.archive_manifest import Manifest
from streams.archive_plan import Range
from streams.archive_rows import Taken
from streams.archive_store import open_store
from streams.archive_writer import Writer, Written
from streams.config import environment_without_settings

INBOX_BYTES_MAX = 16 * 1024 * 1024
END_SECONDS_MAX = 30.0
PIPE_BYTES = 1024 * 1024  # the most that Linux gives without asking
_SWITCH_SECONDS = 0.0005
_LENGTH_BYTES = 4
_STANDARD_INPUT = 0


class _Order(msgspec.Struct, tag=True, array_like=True):
    pass


class Begin(_Order):
    """The first one; `place` is the archive's folder or URL."""

    place: str
    manifests: dict[str, Manifest]
    event_bytes_max: int


class Take(_Order):
    of: Range
    records: Taken


class Lose(_Order):
    of: Range


class Finish(_Order):
    pass


class Answer(msgspec.Struct):
    """What was written, or what went wrong: the arguments of Unavailable, the problems of BadConfig."""

    written: Written | None = None
    away: tuple[str, str, str] | None = None
    problems: list[tuple[str, str]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Begin | Take | Lose | Finish).decode


class WriterProcess:
    """A `Writer` elsewhere. Every call raises Unavailable or BadConfig as soon as the writer has failed."""

    def __init__(self, place: str, manifests: Mapping[str, Manifest], event_bytes_max: int) -> None:
        """`place` is the archive's folder or URL."""
        self.child = subprocess.Popen(
            [sys.executable, "-m", "streams.archive_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            env=environment_without_settings(),
            process_group=0,  # a Ctrl-C at the terminal is heard by the reader, whose end is its end
        )
        self._send(Begin(place, dict(manifests), event_bytes_max))

    def take(self, of: Range, records: Taken) -> None:
        self._send(Take(of, records))

    def lose(self, of: Range) -> None:
        self._send(Lose(of))

    def finish(self) -> Written:
        """Commits the rest, and ends the process."""
        self._send(Finish())
        return self._answer()

    def close(self) -> None:
        """Ends the process; what was not committed is left out."""
        assert self.child.stdin is not None and self.child.stdout is not None
        with suppress(BrokenPipeError):
            self.child.stdin.close()
        try:
            self.child.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()

    def _send(self, order: _Order) -> None:
        assert self.child.stdin is not None
        said = _encode(order)
        try:
            if self.child.poll() is not None:
                raise BrokenPipeError
            self.child.stdin.write(len(said).to_bytes(_LENGTH_BYTES, "big") + said)
            self.child.stdin.flush()
        except BrokenPipeError:
            self._answer()

    def _answer(self) -> Written:
        """The result, or what went wrong."""
        assert self.child.stdout is not None
        said = self.child.stdout.read()
        if not said:
            text = f"it ended with code {self.child.wait()} in the middle"
            raise Unavailable("the archive's writer", text, "see that it has memory; run again, and it goes on there")
        answer = msgspec.json.decode(said, type=Answer)
        if answer.away is not None:
            raise Unavailable(*answer.away)
        if answer.written is None:
            raise BadConfig(answer.problems)
        return answer.written


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
            order = self._exactly(int.from_bytes(self._exactly(_LENGTH_BYTES), "big"))
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
