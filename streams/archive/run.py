"""One run of the archive: what is missing of each topic is read and committed, then small files are joined and old ones
removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from schemas.errors import BadConfig
from schemas.topics import Topic
from streams import clock, feed
from streams.archive import manifest, source, upkeep
from streams.archive.plan import Range
from streams.archive.process import WriterProcess
from streams.archive.source import Plan
from streams.archive.store import Store
from streams.archive.writer import Writer, Written
from streams.config import Settings

# Below it a process of its own takes longer to begin than it saves.
PROCESS_RECORDS_MIN = 50_000
Tell = Callable[[str, int], None]


def run(
    settings: Settings,
    place: str,
    store: Store,
    wanted: Sequence[Topic],
    window: feed.Window = (None, None),
    keep_days: int | None = None,
    progress: Tell = lambda _what, _n: None,
) -> dict[str, Any]:
    """Archives what is missing, and returns the figures. `store` is opened from `place`.

    Raises BadConfig for a range without a record, a topic that is another, an archive of a later release; Unavailable
    for a broker or a disk that is away: what was committed stays, and the next run goes on there.
    """
    if manifest.is_archive(store):
        manifest.check(store)
    began = clock.elapsed()
    with closing(source.consumer(settings)) as reader:
        plan = source.plan(reader, settings, store, wanted, window)
        _refuse_nothing(plan, window)
        manifest.mark(store)
        written = _write(reader, settings, place, store, plan, progress)
    seconds = clock.elapsed() - began
    upkept = {name: upkeep.keep(store, name, keep_days) for name in sorted(plan.there)}
    return {
        "archive": store.place(),
        "records": written.rows,
        "bytes": written.bytes,
        "seconds": round(seconds, 3),
        "lost_offsets": written.lost_offsets,
        "topics": {name: _topic(plan, name) | upkept[name]._asdict() for name in sorted(plan.there)},
        "not_on_the_broker": [topic.name for topic in wanted if topic.name not in plan.there],
    }


def _write(reader: Any, settings: Settings, place: str, store: Store, plan: Plan, progress: Tell) -> Written:
    bytes_max = settings.ingest.event_bytes_max
    if sum(one.end - one.begin for one in plan.ranges()) < PROCESS_RECORDS_MIN:
        writer = Writer(store, plan.manifests, bytes_max)
        source.read(reader, settings, plan, writer, progress)
        return writer.finish()
    with closing(WriterProcess(place, plan.manifests, bytes_max)) as process:
        source.read(reader, settings, plan, process, progress)
        return process.finish()


def _refuse_nothing(plan: Plan, window: feed.Window) -> None:
    """A range that was asked for and that lies beside all that there is, archived or not."""
    since, before = window
    if since is None and before is None:
        return
    for facts in plan.there.values():
        for one in facts.values():
            begin = one.first if one.since is None else one.since
            end = one.end if one.before is None else one.before
            if begin < end:
                return
    names = ", ".join(sorted(plan.there))
    raise BadConfig([("--from", f"no record of {names} arrived in that range: choose another, or leave it out")])


def _topic(plan: Plan, name: str) -> dict[str, Any]:
    parts = plan.todo[name]
    return {"read": [_told(one) for part in parts for one in part.ranges], "lost": _lost(plan, name)}


def _lost(plan: Plan, name: str) -> list[dict[str, int]]:
    return [_told(one) for part in plan.todo[name] for one in part.lost]


def _told(one: Range) -> dict[str, int]:
    return {"partition": one.partition, "begin": one.begin, "end": one.end}
