"""What a replay leaves in a folder: JSON lines in the bytes of the topics, and a timeline for people.

Files appear whole or not at all. The source partitions stand one behind the other, each in its own order, so that what
a reader met first changes no byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from response.state import Clock
from schemas import codec, topics
from schemas.base import Message
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.signal import Signal
from schemas.topics import Topic
from streams import tables
from streams.timeline import Timeline

SIGNALS = tables.SIGNALS_KIND
FILES = {
    SIGNALS: "signals.jsonl",
    topics.INCIDENTS.name: "incidents.jsonl",
    topics.STAFFING_ALERTS.name: "staffing-alerts.jsonl",
    topics.LOAD_SHIFT_COMMANDS.name: "load-shift-commands.jsonl",
}
# what counts as one
IDS = {
    SIGNALS: "signal_id",
    topics.INCIDENTS.name: "incident_id",
    topics.STAFFING_ALERTS.name: "alert_id",
    topics.LOAD_SHIFT_COMMANDS.name: "command_id",
}
TIMELINE = "timeline.md"
JSON_LINES, PARQUET = "jsonl", "parquet"
COPY_BYTES = 1 << 20


def file_of(topic: Topic) -> str:
    """The file that has the values of a topic as JSON lines."""
    return FILES.get(topic.name, f"{topic.name}.jsonl")


class Retold:
    """Writes as it is told, and puts the files in place when it is left without an exception. `say` hears each line of
    the timeline at once. `whole`: with all that the desk heard and said, each topic in a file of its name."""

    def __init__(
        self,
        folder: Path,
        formats: Collection[str] = (JSON_LINES,),
        say: Callable[[str], None] = lambda _: None,
        *,
        whole: bool = False,
    ) -> None:
        self._folder = folder
        self._formats = formats
        self._say = say
        self._whole: dict[str, str] | None = {} if whole else None
        self._timeline = Timeline()
        self._stack = contextlib.ExitStack()
        self._open: dict[tuple[str, int], IO[bytes]] = {}
        self._stories: dict[str, Path] = {}
        self._heard: dict[str, Clock] = {}
        self._ids: dict[str, set[str]] = {kind: set() for kind in FILES}
        self.lines: Counter[str] = Counter()
        self.sha256: dict[str, str] = {}

    def __enter__(self) -> Retold:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._stack.enter_context(tempfile.TemporaryDirectory(prefix=".replay-", dir=self._folder))
        self._parts = Path(name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._stack:
            for part in self._open.values():
                part.close()
            if kind is None:
                self._put_in_place()

    def counts(self) -> dict[str, int]:
        """How many different signals, incidents, alerts and commands there were, by file."""
        return {FILES[kind]: len(ids) for kind, ids in self._ids.items()}

    def model(self, centre: Centre) -> None:
        """Whose local time the timeline is in."""
        self._timeline.model(centre)
        self._keep(topics.CENTRE, 0, codec.encode(centre))

    def output(self, partition: int, output: Output) -> None:
        """One output of either fold, and the source partition that it came of."""
        value = output.value
        if isinstance(value, DeskEntry):
            self.entry(partition, value)
        elif output.topic.name in FILES:
            self._write(output.topic.name, partition, codec.encode(value), value)
        else:
            self._keep(output.topic, partition, codec.encode(value))

    def entry(self, partition: int, entry: DeskEntry, raw: bytes | None = None) -> None:
        """An entry of the desk, with its bytes where it was read from there; one that was sent again says nothing."""
        if self._whole is None and not isinstance(entry.body, Signal):
            return
        if not self._heard.setdefault(entry.tenant, Clock(tenant=entry.tenant)).is_new(entry.origin):
            return
        raw = raw or codec.encode(entry)
        if isinstance(entry.body, Signal):
            self._write(SIGNALS, partition, raw, entry.body)
        self._keep(topics.DESK, partition, raw)

    def _keep(self, topic: Topic, partition: int, raw: bytes) -> None:
        if self._whole is not None:
            name = self._whole.setdefault(topic.name, file_of(topic))
            self._part(name, partition).write(raw + b"\n")

    def _write(self, kind: str, partition: int, raw: bytes, value: Message) -> None:
        self._ids[kind].add(getattr(value, IDS[kind]))
        self.lines[FILES[kind]] += 1
        self._part(FILES[kind], partition).write(raw + b"\n")
        # a tenant's own part, so that what is told of two is not mixed; it is little, and they may be many
        if lines := list(self._timeline.lines(value)):
            with self._story_of(value).open("a", encoding="utf-8") as part:
                part.writelines(line + "\n" for line in lines)
            for line in lines:
                self._say(line)

    def _story_of(self, value: Message) -> Path:
        tenant: str = getattr(value, "tenant")  # noqa: B009  # every kind in FILES has one
        return self._stories.setdefault(tenant, self._parts / f"{TIMELINE}.{len(self._stories)}")

    def _part(self, name: str, partition: int) -> IO[bytes]:
        if (name, partition) not in self._open:
            self._open[name, partition] = (self._parts / f"{name}.{partition:05d}").open("wb")
        return self._open[name, partition]

    def _put_in_place(self) -> None:
        """The parts as whole files, each in place at once, with its SHA-256."""
        self._join(TIMELINE, [path for _, path in sorted(self._stories.items())])
        names = [TIMELINE]
        for kind, name in FILES.items():
            lines = self._join(name, sorted(self._parts.glob(f"{name}.*")))
            names += [name] if JSON_LINES in self._formats else []
            if PARQUET in self._formats:
                table = lines.with_suffix(f".{PARQUET}")
                tables.write_parquet(kind, lines, table)
                names.append(table.name)
        for name in sorted((self._whole or {}).values()):
            names.append(self._join(name, sorted(self._parts.glob(f"{name}.*"))).name)
        for name in names:
            with (self._parts / name).open("rb") as file:
                self.sha256[name] = hashlib.file_digest(file, "sha256").hexdigest()
        for name in names:
            (self._parts / name).replace(self._folder / name)

    def _join(self, name: str, parts: Iterable[Path]) -> Path:
        whole = self._parts / name
        with whole.open("wb") as file:
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file, COPY_BYTES)
        return whole
