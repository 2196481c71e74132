"""What a replay had learned at its end, in a file, so that another may begin there: the entries of both folds, and how
far each log was folded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from schemas.errors import BadConfig
from streams.state import Source

FILE = "folds.state"
VERSION = 1
CONTACTS = "contacts"

Entries = dict[str, dict[str, bytes]]  # by "topic/partition", by name


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """`of`: the log that was folded, the name of a topic or CONTACTS. `next`: by source, the first offset that was not
    folded. `tenants`: whose panes."""

    version: int = VERSION
    of: str
    detect: Entries = {}
    respond: Entries = {}
    next: dict[str, int] = {}
    said: dict[int, int] = {}  # entries onto the desk, by partition


class _Version(msgspec.Struct):
    version: int


def load(folder: Path, of: str) -> Saved | None:
    """What lies in the folder; None where nothing does. Raises BadConfig for a file of a later release, of another
    log, or that is no such file."""
    path = folder / FILE
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadConfig([("--state", f"{path} cannot be read: {error.strerror}")]) from None
    try:
        version = msgspec.msgpack.decode(raw, type=_Version).version
        if version > VERSION:
            raise BadConfig([("--state", f"{path} is of version {version}, this release reads up to {VERSION}")])
        saved = msgspec.msgpack.decode(raw, type=Saved)
    except msgspec.DecodeError:
        raise BadConfig([("--state", f"{path} is no state of a replay: remove it, or name another folder")]) from None
    if saved.of != of:
        raise BadConfig([("--state", f"{path} was learned from {saved.of}, this is {of}: name another folder")])
    return saved


def save(folder: Path, saved: Saved) -> None:
    """Whole or not at all. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{FILE}.", delete=False) as beside:
        beside.write(msgspec.msgpack.encode(saved))
    Path(beside.name).replace(folder / FILE)


def named(entries: Mapping[Source, Mapping[str, bytes]]) -> Entries:
    """Entries by source, as they are saved."""
    return {source.name(): dict(mine) for source, mine in entries.items()}


def by_source(entries: Entries) -> dict[Source, dict[str, bytes]]:
    """The reverse."""
    places = ((place.rpartition("/"), mine) for place, mine in entries.items())
    return {Source(topic, int(partition)): mine for (topic, _, partition), mine in places}
