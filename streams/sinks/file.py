"""Notices as lines of JSON in a file: for tests, for simple sites, and beside a pager as a diary.

One write a line and a sync, so that a line is there whole or not at all; one torn by a crash is ended before the next.
The ids of the last lines are read back at the start, so that a restart does not write a notice twice.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import ClassVar, Self

import orjson

from schemas.errors import BadConfig
from streams.config import FileSink, Notify
from streams.notify.sink import Delivered, Notice, Outcome, Request, Retry, Sink
from streams.sinks._event import event

SETTING = "notify.file.path"
IDS_MAX = 1_000
TAIL_BYTES = 8 * 1024 * 1024


class LinesSink(Sink):
    """Tells everything."""

    name: ClassVar[str] = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = deque(_ids(path), maxlen=IDS_MAX)

    @classmethod
    def build(cls, section: FileSink, notify: Notify) -> Self:
        del notify
        try:
            section.path.parent.mkdir(parents=True, exist_ok=True)
            with section.path.open("ab"):
                return cls(section.path)
        except OSError as error:
            raise BadConfig([(SETTING, f"{section.path}: cannot be written: {error.strerror}")]) from None

    def request(self, notice: Notice) -> Request:
        return Request("APPEND", str(self._path), event(notice))

    def send(self, notice: Notice) -> Outcome:
        if notice.notice_id in self._written:
            return Delivered()
        line = orjson.dumps(self.request(notice).body, option=orjson.OPT_APPEND_NEWLINE)
        try:
            _append(self._path, line)
        except OSError as error:
            return Retry(f"{SETTING}: {self._path}: {error.strerror or type(error).__name__}")
        self._written.append(notice.notice_id)
        return Delivered()


def _append(path: Path, line: bytes) -> None:
    """The whole line or nothing. Raises OSError."""
    with path.open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
        wanted = b"\n" + line if torn else line
        try:
            if file.write(wanted) != len(wanted):
                raise OSError(None, "the disk took only a part of the line")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _ids(path: Path) -> list[str]:
    """The ids of the last lines that can be read."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().splitlines()[-IDS_MAX:]
    found = []
    for line in lines:
        try:
            found.append(str(orjson.loads(line)["id"]))
        except (ValueError, KeyError, TypeError):
            continue  # torn by a crash, or not ours
    return found
