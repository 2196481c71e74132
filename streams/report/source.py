"""Where a look back reads what was said: the bus, an archive of its topics, or the folder that a replay left.

Whatever the source, the same records come in the same order: by topic, partition and offset, each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from response.state import Clock
from schemas import topics
from schemas.desk import DeskBody, DeskEntry
from schemas.errors import BadConfig, BadMessage
from schemas.topics import Topic
from streams import log_reader
from streams.archive import reader
from streams.config import Settings
from streams.faust_handler import Arrival
from streams.log_reader import Start
from streams.retold import FILES, SIGNALS, file_of
from streams.values import value_of

BUS = "topics"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REPORT_EVERY = 2_000
Tell = Callable[[str, int], None]


class Said(NamedTuple):
    """One value, and when its record was written."""

    topic: str
    value: Any
    at: datetime


def _silent(_what: str, _count: int) -> None:
    return None


class Source(Protocol):
    """What can be looked back on. `since` is a hint, by the clock of the records: earlier ones are not needed."""

    def arrivals(self, wanted: Sequence[Topic], since: datetime | None = None) -> Iterator[Arrival]:
        """The records of these topics, each partition in its order. Raises Unavailable, BadConfig."""
        ...


class Bus:
    """The topics themselves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def arrivals(self, wanted: Sequence[Topic], since: datetime | None = None) -> Iterator[Arrival]:
        for one in log_reader.read_to_end(self._settings, wanted, Start(since=since)):
            yield Arrival(one.topic, one.partition, one.offset, one.key, one.value, one.headers, one.at)


class Archive:
    """What `breakwater archive` kept; a topic that it does not have is one of which nothing was said."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._there = frozenset(reader.topics(place))

    def arrivals(self, wanted: Sequence[Topic], since: datetime | None = None) -> Iterator[Arrival]:
        for topic in wanted:
            if topic.name in self._there:
                yield from reader.arrivals(self._place, topic.name, since)


class Folder:
    """What `breakwater replay` left: the files that there are, as far as they go. Its records have no time of their
    own, so that all are read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arrivals(self, wanted: Sequence[Topic], since: datetime | None = None) -> Iterator[Arrival]:
        del since
        for topic in wanted:
            path = self._path / file_of(topic)
            if topic is topics.DESK and not path.is_file():
                path = self._path / FILES[SIGNALS]
            if path.is_file():
                yield from _lines(topic.name, path)


def _lines(topic: str, path: Path) -> Iterator[Arrival]:
    with path.open("rb") as file:
        for n, line in enumerate(file):
            yield Arrival(topic, 0, n, None, line.rstrip(b"\n"), (), EPOCH)


def opened(settings: Settings, name: str) -> Source:
    """The source of that name: `topics`, an archive, or a replay's folder. Raises BadConfig, Unavailable."""
    if name == BUS:
        return Bus(settings)
    if (Path(name) / FILES[topics.INCIDENTS.name]).is_file():
        return Folder(Path(name))
    if reader.is_archive(name):
        return Archive(name)
    text = f"{name} is neither an archive nor the folder of a replay: give one, or `{BUS}` for the bus"
    raise BadConfig([("--source", text)])


def said(source: Source, wanted: Sequence[Topic], tell: Tell = _silent) -> list[Said]:
    """All values of these topics; what was sent again is told once, what cannot be read is left out."""
    found: dict[tuple[str, bytes], tuple[tuple[str, int, int], Said]] = {}
    for n, one in enumerate(source.arrivals(wanted), 1):
        if n % REPORT_EVERY == 0:
            tell("records", n)
        if one.value is None or (one.topic, one.value) in found:
            continue
        try:
            value = Said(one.topic, value_of(one.topic, one.value), one.at)
        except BadMessage:
            continue  # of another release
        found[one.topic, one.value] = ((one.topic, one.partition, one.offset), value)
    return [value for _, value in sorted(found.values(), key=lambda item: item[0])]


def desk(
    source: Source, tenant: str | None = None, since: datetime | None = None, tell: Tell = _silent
) -> Iterator[tuple[str, DeskBody]]:
    """What the desks (or one tenant's) heard, with the tenant: each desk's in its order, each entry once."""
    clocks: dict[str, Clock] = {}
    key = None if tenant is None else tenant.encode()
    for n, one in enumerate(source.arrivals((topics.DESK,), since), 1):
        if n % REPORT_EVERY == 0:
            tell("desk entries", n)
        if one.value is None or (key is not None and one.key not in (None, key)):
            continue
        try:
            entry: DeskEntry = value_of(topics.DESK.name, one.value)
        except BadMessage:
            continue  # of another release
        if tenant not in (None, entry.tenant):
            continue
        if clocks.setdefault(entry.tenant, Clock(tenant=entry.tenant)).is_new(entry.origin):
            yield entry.tenant, entry.body


def of(values: Iterable[Said], kind: type[Any]) -> list[Any]:
    """Those of one kind, in their order."""
    return [one.value for one in values if isinstance(one.value, kind)]
