"""The writer of an archive as a process of its own: the reader's process only fetches, which is a processor's work.

One order a poll; the answer comes when all is written. What was not committed is read again by the next run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from schemas.errors import BadConfig, Unavailable
from streams.archive.manifest import Manifest
from streams.archive.plan import Range
from streams.archive.rows import Taken
from streams.archive.work import LENGTH_BYTES, Answer, Begin, Finish, Lose, Order, Take, encode
from streams.archive.writer import Written
from streams.config import environment_without_settings

END_SECONDS_MAX = 30.0
PIPE_BYTES = 1024 * 1024  # the most that Linux gives without asking


class WriterProcess:
    """A `Writer` elsewhere. Every call raises Unavailable or BadConfig as soon as the writer has failed."""

    def __init__(self, place: str, manifests: Mapping[str, Manifest], event_bytes_max: int) -> None:
        """`place` is the archive's folder or URL."""
        self.child = subprocess.Popen(
            [sys.executable, "-m", "streams.archive.work"],
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

    def _send(self, order: Order) -> None:
        assert self.child.stdin is not None
        said = encode(order)
        try:
            if self.child.poll() is not None:
                raise BrokenPipeError
            self.child.stdin.write(len(said).to_bytes(LENGTH_BYTES, "big") + said)
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
