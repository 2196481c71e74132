"""`breakwater tail`: what flows on a topic, for people."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import orjson

from schemas import topics
from schemas.codec import rfc3339
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.signal import Signal
from schemas.topics import Topic
from streams import config, log_reader
from streams.cli._console import console
from streams.cli._lines import lines
from streams.cli._moments import SINCE
from streams.cli._options import config_option
from streams.config import Settings
from streams.log_reader import Record, Start
from streams.values import VALUES, value_of

SHORT = {
    "commands": topics.LOAD_SHIFT_COMMANDS,
    "proposals": topics.LOAD_SHIFT_PROPOSALS,
    "alerts": topics.STAFFING_ALERTS,
    "panes": topics.QUEUE_PANES,
    "late": topics.LATE_CONTACTS,
    "decisions": topics.OPERATOR_DECISIONS,
    "desks": topics.DESK_STATUS,
    "recoveries": topics.RECOVERIES,
    "results": topics.COMMAND_RESULTS,
    "cases": topics.OPEN_CASES,
    "health": topics.TOOL_HEALTH,
}
SIGNALS, CONTACTS = "signals", "contacts"


class Stream(NamedTuple):
    """What one name on the command line reads."""

    topics: list[Topic]
    wanted: Callable[[Record], bool]


@click.command(name="tail")
@click.argument("names", nargs=-1, required=True, metavar="WHAT...")
@config_option
@click.option("-n", "--lines", "last", default=10, show_default=True, help="Begin with the last so many.")
@click.option("--since", type=SINCE, help="Begin then instead: 2h, 30m, or an ISO 8601 time.")
@click.option("--from-start", is_flag=True, help="Begin with the oldest that is kept.")
@click.option("--once", is_flag=True, help="Stop at the end instead of waiting for more.")
@click.option("--json-lines", is_flag=True, help="One JSON object a record, with its place on the topic.")
@click.option("--tenant", help="Only of this tenant.")
def command(
    names: tuple[str, ...],
    config_path: Path | None,
    last: int,
    since: datetime | None,
    from_start: bool,
    once: bool,
    json_lines: bool,
    tenant: str | None,
) -> None:
    """Shows what flows on the topics, and follows it.

    WHAT is incidents, commands, proposals, alerts, signals, bulletins, notifications, panes, desk, contacts, late,
    decisions, results, health, workforce, centre, cases, defects, or the whole name of a topic. Several are shown
    together, in the order of their arrival. It ends with Ctrl-C.
    """
    settings = config.load(config_path)
    streams = [stream(settings, name) for name in dict.fromkeys(names)]
    reading = list({topic.name: topic for one in streams for topic in one.topics}.values())
    start = Start(since=since) if since or from_start else Start(last=last)
    show = _print_json if json_lines else _printer()
    read = log_reader.read_to_end if once else log_reader.follow
    every = tenant is None and all(one.wanted is _any for one in streams)

    def wanted(record: Record) -> bool:
        return any(_is_of(one, record) for one in streams) and (tenant is None or _tenant(record) == tenant)

    try:
        for record in read(settings, reading, start, None if every else wanted):
            show(record)
    except KeyboardInterrupt:
        sys.exit(0)
    except BrokenPipeError:  # `breakwater tail ... | head`
        sys.stderr.close()
        sys.exit(0)


def stream(settings: Settings, name: str) -> Stream:
    """What a name reads. Raises click's error for a name that is none."""
    if name == SIGNALS:
        return Stream([topics.DESK], _is_signal)
    contacts = [topics.contact_events(channel) for channel in sorted(settings.channels)]
    if name == CONTACTS:
        return Stream(contacts, _any)
    known = {topic.name: topic for topic in (*contacts, *settings.all_topics()) if topic.name in VALUES} | SHORT
    known |= {topic.name: topic for topic in contacts}
    own = settings.own_name(name)
    if own not in known:
        names = ", ".join(sorted({*known, SIGNALS, CONTACTS}))
        raise click.BadParameter(f"{name!r} is nothing to show; there are {names}", param_hint="WHAT")
    return Stream([known[own]], _any)


def _is_of(one: Stream, record: Record) -> bool:
    return record.topic in {topic.name for topic in one.topics} and one.wanted(record)


def _any(_record: Record) -> bool:
    return True


def _is_signal(record: Record) -> bool:
    try:
        value = value_of(record.topic, record.value)
    except BadMessage:
        return False
    return isinstance(value, DeskEntry) and isinstance(value.body, Signal)


def _tenant(record: Record) -> str | None:
    try:
        return getattr(value_of(record.topic, record.value), "tenant", None)
    except BadMessage:
        return None


def _printer() -> Callable[[Record], None]:
    out = console()

    def show(record: Record) -> None:
        for line in lines(record.topic, record.key, record.value):
            out.print(line, soft_wrap=True)

    return show


def _print_json(record: Record) -> None:
    """The record's own JSON is kept as it is; what is no JSON is given as text."""
    try:
        value = orjson.loads(record.value) if record.value is not None else None
    except orjson.JSONDecodeError:
        value = (record.value or b"").decode(errors="replace")
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "at": rfc3339(record.at),
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "headers": {name: text.decode(errors="replace") for name, text in record.headers},
    }
    sys.stdout.buffer.write(orjson.dumps(place | {"value": value}) + b"\n")
    sys.stdout.buffer.flush()
