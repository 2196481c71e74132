"""Where what is replayed lies: on the bus, in an archive, or in an export; and how its contacts are read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from schemas.errors import BadConfig
from schemas.topics import CONTACT_EVENTS
from streams import feed, mapping, replay_sources, replay_state
from streams.archive import reader
from streams.config import Settings
from streams.frames import files

TOPIC = "topic:"
ARCHIVED = (*replay_sources.TOPICS, CONTACT_EVENTS)  # what can be told again of an archive
Contacts = AbstractContextManager[tuple[feed.SortedEvents, feed.Report]]
Reader = Callable[[Path, Settings, feed.Window, Callable[[feed.Report], None]], Contacts]


def log_of(source: str, topic: str | None) -> tuple[str, str | None]:
    """Which log a source is a stretch of, and the archive that it lies in: what was learned of one log does not go on
    with another. Raises BadConfig."""
    archive = None if source.startswith(TOPIC) or not reader.is_archive(source) else source
    if topic is not None and archive is None:
        raise BadConfig([("--topic", f"is for an archive, which {source} is not (docs/archive.md)")])
    if archive is None:
        return (source.removeprefix(TOPIC) if source.startswith(TOPIC) else replay_state.CONTACTS), None
    if topic is None:
        raise BadConfig([("--topic", f"which one of the archive? There is {' or '.join(ARCHIVED)}")])
    return (replay_state.CONTACTS if topic == CONTACT_EVENTS else topic), archive


def of_archive(archive: str) -> Reader:
    """The contacts of an archive, and of others given to learn from; a range is one of arrival, as of every topic."""

    def read(path: Path, settings: Settings, window: feed.Window, progress: Callable[[feed.Report], None]) -> Contacts:
        place = archive if str(path) == str(Path(archive)) else str(path)
        frames = reader.contacts(place, *window)
        return files.of_frames(((place, frame) for frame in frames), settings, progress=progress)

    return read


def of_file(path: Path, map_path: Path | None) -> tuple[Reader, str]:
    """How the file is read, and its time zone. Raises BadConfig."""
    if map_path is not None:
        meaning = mapping.load(map_path)
        return lambda path, *how: feed.read(path, meaning, *how), meaning.time_zone
    if files.holds_contacts(path):
        return files.read, "UTC"
    raise BadConfig([("--map", "is needed to read an export: docs/feeding.md says how to write one")])


def existing(text: str) -> Path:
    """Raises BadConfig."""
    path = Path(text)
    if not path.exists():
        names = ", ".join(TOPIC + name for name in replay_sources.TOPICS)
        raise BadConfig([("SOURCE", f"{text} does not exist: give a file, a folder, an archive, or one of {names}")])
    return path


def refuse_of_exports(*paths: Path | None) -> None:
    """Raises BadConfig where a log on a topic is given what only an export needs: --map, --centre, --learn-from."""
    names = ("--map", "--centre", "--learn-from")
    given = [
        (name, "is for an export: a topic brings its own") for name, path in zip(names, paths, strict=True) if path
    ]
    if given:
        raise BadConfig(given)
