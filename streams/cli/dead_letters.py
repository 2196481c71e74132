"""`breakwater dead-letters`: what could not be read, why, and back to its topic after a fix."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from schemas.codec import rfc3339
from schemas.errors import BadConfig
from streams import config, letterbox
from streams.cli._console import console
from streams.cli._moments import SINCE
from streams.cli._options import config_option, json_option, write_json
from streams.letterbox import Filed

SHOWN_BYTES_MAX = 4_096
NOT_ALL_SENT = 1

topic_option = click.option(
    "--topic", "sources", multiple=True, metavar="TOPIC", help="Only records of this topic; may be given repeatedly."
)
reason_option = click.option("--reason", "reasons", multiple=True, metavar="WORD", help="Only with this reason.")
since_option = click.option(
    "--since", type=SINCE, help="Only those set aside since then: 2h, 30m, or an ISO 8601 time."
)


@click.group(name="dead-letters")
def command() -> None:
    """Records that could not be read: list, show, replay.

    Nothing stops at such a record: it is set aside on <topic>.dead-letter with the reason, the field at fault and its
    place, and counted. When the writer or Breakwater is mended, `replay` sends the original records again.
    """


@command.command(name="list")
@config_option
@topic_option
@reason_option
@since_option
@click.option("--limit", default=50, show_default=True, help="Show the newest so many; the counts are of all.")
@json_option
def list_letters(
    config_path: Path | None,
    sources: tuple[str, ...],
    reasons: tuple[str, ...],
    since: datetime | None,
    limit: int,
    json_path: Path | None,
) -> None:
    """Shows dead letters, newest last, and counts by reason."""
    settings = config.load(config_path)
    newest: deque[Filed] = deque(maxlen=limit)
    counts: Counter[tuple[str, str]] = Counter()
    replayed = 0
    for one in letterbox.filed(settings, letterbox.boxes(settings, sources), since):
        if reasons and one.letter.reason not in reasons:
            continue
        newest.append(one)
        counts[one.letter.topic, one.letter.reason] += 1
        replayed += one.replayed
    shown = sorted(newest, key=lambda one: one.set_aside_at)
    _print_list(shown, counts, replayed)
    write_json(json_path, _figures(shown, counts, replayed))


@command.command()
@click.argument("place")
@config_option
def show(place: str, config_path: Path | None) -> None:
    """Shows one dead letter and its record whole.

    PLACE is topic/partition/offset, as `list` shows it.
    """
    settings = config.load(config_path)
    one = _at(settings, place)
    letter = one.letter
    out = console()
    facts = {
        "record": letter.place,
        "arrived": "unknown" if letter.arrived_at is None else rfc3339(letter.arrived_at),
        "set aside": rfc3339(one.set_aside_at),
        "reason": f"{letter.reason} at {letter.path}",
        "detail": letter.detail,
        "state": _state(one),
        "key": "none" if letter.key is None else repr(letter.key)[1:],
    }
    for name, text in facts.items():
        out.print(Text(f"{name:>10}  ", style="dim") + Text(text))
    for name, raw in letter.headers:
        out.print(Text(f"{'header':>10}  ", style="dim") + Text(f"{name}: {raw.decode(errors='replace')}"))
    out.print(Text(_readable(letter.value)))


@command.command()
@click.argument("place", required=False)
@config_option
@topic_option
@reason_option
@since_option
@click.option("--all", "everything", is_flag=True, help="All topics and reasons.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@json_option
def replay(
    place: str | None,
    config_path: Path | None,
    sources: tuple[str, ...],
    reasons: tuple[str, ...],
    since: datetime | None,
    everything: bool,
    dry_run: bool,
    json_path: Path | None,
) -> None:
    """Sends dead letters back to their topics, each once.

    Key, partition, bytes and headers are the original ones; the arrival is now, so a contact event whose pane is closed
    by then is listed among the late ones and changes no count. A letter that was sent is marked on its topic and not
    sent again; one that was too large to keep whole is refused.
    """
    if not (place or sources or reasons or since or everything):
        raise click.UsageError("say which: PLACE, --topic, --reason, --since or --all")
    settings = config.load(config_path)
    if place:
        found: Any = [_at(settings, place)]
    else:
        found = letterbox.filed(settings, letterbox.boxes(settings, sources), since)
    already = 0
    truncated = 0

    def waiting(one: Filed) -> bool:
        nonlocal already
        if reasons and one.letter.reason not in reasons:
            return False
        already += one.replayed
        return not one.replayed

    letters = (one.letter for one in found if waiting(one))
    if dry_run:
        kinds = Counter(letter.truncated for letter in letters)
        sent, truncated = kinds[False], kinds[True]
    else:
        done = letterbox.replay(settings, letters)
        sent, truncated = done.sent, len(done.truncated)
    _print_replay(sent, already, truncated, dry_run)
    write_json(json_path, {"sent": sent, "sent_before": already, "refused_truncated": truncated, "dry_run": dry_run})
    if truncated:
        sys.exit(NOT_ALL_SENT)


def _at(settings: config.Settings, place: str) -> Filed:
    source = place.rsplit("/", 2)[0]
    for one in letterbox.filed(settings, letterbox.boxes(settings, [source])):
        if one.letter.place == place:
            return one
    raise BadConfig([(place, "there is no dead letter of this record: see `breakwater dead-letters list`")])


def _print_list(shown: list[Filed], counts: Counter[tuple[str, str]], replayed: int) -> None:
    out = console()
    if not counts:
        out.print("There are no dead letters.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    cells: dict[str, Callable[[Filed], str]] = {
        "set aside": lambda one: f"{one.set_aside_at:%m-%d %H:%M:%S}Z",
        "record": lambda one: one.letter.place,
        "reason": lambda one: one.letter.reason,
        "what is wrong": _wrong,
        "bytes": lambda one: str(len(one.letter.value or b"")),
        "state": _state,
    }
    for name in cells:
        table.add_column(name, justify="right" if name == "bytes" else "left", overflow="fold")
    for one in shown:
        table.add_row(*(Text(cell(one)) for cell in cells.values()), style="dim" if one.replayed else None)
    out.print(table)
    total = sum(counts.values())
    out.print()
    for (topic, reason), n in sorted(counts.items(), key=lambda item: -item[1]):
        out.print(f"{n:>7}  {topic}  {reason}")
    left = f", the newest {len(shown)} are shown" if len(shown) < total else ""
    out.print(f"{total:>7}  in all, {replayed} of them sent back{left}")
    if replayed < total:
        out.print("\nAfter a fix: breakwater dead-letters replay --topic TOPIC --reason WORD")


def _print_replay(sent: int, already: int, truncated: int, dry_run: bool) -> None:
    out = console()
    out.print(f"{'Would send' if dry_run else 'Sent'} {_records(sent)} back to where they came from.")
    if already:
        out.print(f"Sent before and left alone: {_records(already)}.")
    if truncated:
        out.print(f"Too large to keep whole, to be written again at their source: {_records(truncated)}.")


def _records(n: int) -> str:
    return f"{n} record" if n == 1 else f"{n} records"


def _wrong(one: Filed) -> str:
    """The field and the sentence; most sentences name the field themselves."""
    path, detail = one.letter.path, one.letter.detail
    return detail if path == "$" or path in detail else f"{path} {detail}"


def _state(one: Filed) -> str:
    if one.replayed:
        return "sent back"
    return "cut, cannot go back" if one.letter.truncated else "waiting"


def _readable(raw: bytes | None) -> str:
    if raw is None:
        return "(no value: a tombstone)"
    text = raw[:SHOWN_BYTES_MAX].decode(errors="backslashreplace")
    rest = len(raw) - SHOWN_BYTES_MAX
    return f"{text}\n... and {rest} bytes more" if rest > 0 else text or "(empty)"


def _figures(shown: list[Filed], counts: Counter[tuple[str, str]], replayed: int) -> dict[str, Any]:
    return {
        "dead_letters": sum(counts.values()),
        "sent_back": replayed,
        "by_reason": [{"topic": topic, "reason": reason, "count": n} for (topic, reason), n in sorted(counts.items())],
        "letters": [
            {
                "place": one.letter.place,
                "set_aside_at": rfc3339(one.set_aside_at),
                "reason": one.letter.reason,
                "path": one.letter.path,
                "detail": one.letter.detail,
                "value_bytes": len(one.letter.value or b""),
                "truncated": one.letter.truncated,
                "sent_back": one.replayed,
            }
            for one in shown
        ],
    }
