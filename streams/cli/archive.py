"""`breakwater archive`: topics to Parquet, each record once; joined, thinned out and checked."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from schemas.codec import rfc3339
from schemas.errors import BadConfig
from streams import config
from streams.archive import check as archive_check
from streams.archive import manifest as archive_manifest
from streams.archive import reader, source, upkeep
from streams.archive import run as archive
from streams.archive.manifest import Manifest
from streams.archive.store import open_store
from streams.cli._console import console, counter
from streams.cli._memory import rss_bytes_max
from streams.cli._moments import window
from streams.cli._options import config_option, json_option, write_json

DAMAGED = 1
topic_option = click.option(
    "--topic", "names", multiple=True, metavar="TOPIC", help="Only this topic; may be given repeatedly."
)
place_argument = click.argument("place", metavar="ARCHIVE")


class _Archive(click.Group):
    """`breakwater archive ARCHIVE` is `breakwater archive write ARCHIVE`; else `./compact` is a folder."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = {*self.commands, *self.get_help_option_names(ctx)}
        return super().parse_args(ctx, args if not args or args[0] in words else ["write", *args])


@click.group(name="archive", cls=_Archive)
def command() -> None:
    """Topics to Parquet, each record once: ARCHIVE is a folder, or a URL that fsspec knows (s3://bucket/archive).

    `breakwater archive ARCHIVE` reads what is missing, and may be stopped and run again at any time; `breakwater replay
    ARCHIVE` tells it again. See docs/archive.md.
    """


@command.command()
@place_argument
@topic_option
@click.option(
    "--from", "since", help="Only what arrived at or after it (ISO 8601; local time unless it has an offset)."
)
@click.option("--to", "before", help="Only what arrived before it.")
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    help="Remove what arrived on days (UTC) before the last so many; without it everything is kept.",
)
@config_option
@json_option
def write(
    place: str,
    names: tuple[str, ...],
    since: str | None,
    before: str | None,
    keep_days: int | None,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """Archives what is missing of the topics: contact events, panes, the desk and all that comes of it.

    Without --from it goes on where it stopped, at first with the oldest record that the broker has.
    """
    settings = config.load(config_path)
    span = window(since, before)
    wanted = source.chosen(settings, names)
    with counter() as step:
        figures = archive.run(settings, place, open_store(place), wanted, span, keep_days, step)
    if names and figures["not_on_the_broker"]:
        click.echo(f"not on the broker: {', '.join(figures['not_on_the_broker'])}", err=True)
    _tell(figures)
    write_json(json_path, figures | {"rss_bytes_max": rss_bytes_max(resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)})


@command.command()
@place_argument
@topic_option
@json_option
def compact(place: str, names: tuple[str, ...], json_path: Path | None) -> None:
    """Joins small files, and deletes those that nothing needs any more. (A run does both where many have gathered.)"""
    store = open_store(place)
    done = {name: upkeep.compact(store, name) for name in _topics(place, names)}
    joined, deleted = (sum(getattr(one, what) for one in done.values()) for what in ("joined", "deleted"))
    click.echo(f"{joined:,} files joined, {deleted:,} deleted that were not needed any more")
    write_json(json_path, {name: one._asdict() for name, one in done.items()})


@command.command()
@place_argument
@topic_option
@json_option
def show(place: str, names: tuple[str, ...], json_path: Path | None) -> None:
    """What is in an archive: offsets, times, files and what was lost, by topic."""
    store = open_store(place)
    manifests = [archive_manifest.load(store, name) for name in _topics(place, names)]
    table = Table("topic", "records", "files", "MB", "from (UTC)", "to (UTC)", "lost offsets", box=None)
    figures = {manifest.topic: _figures(manifest) for manifest in manifests}
    for name, one in figures.items():
        times = [(one[key] or "")[:19] for key in ("first_at", "last_at")]
        megabytes = f"{one['bytes'] / 1e6:,.1f}"
        table.add_row(name, f"{one['records']:,}", f"{one['files']:,}", megabytes, *times, f"{one['lost_offsets']:,}")
    console().print(table)
    write_json(json_path, figures)


@command.command()
@place_argument
@topic_option
@click.option(
    "--drop", is_flag=True, help="Take what is damaged out; the next run reads it again where the topic still has it."
)
@json_option
def check(place: str, names: tuple[str, ...], drop: bool, json_path: Path | None) -> None:
    """Reads every file and says which are not as they were written. Exit code 1 where there are such."""
    store = open_store(place)
    problems: list[tuple[str, str]] = []
    files = 0
    with counter() as step:
        for name in _topics(place, names):
            found = archive_check.check(store, name, step)
            files += found.files
            problems += found.problems
            if drop and found.damaged:
                archive_check.drop(store, name, found.damaged)
    for where, text in problems:
        click.echo(f"{where}: {text}")
    taken_out = ", taken out" if drop and problems else ""
    click.echo(f"{files:,} files, {len(problems):,} damaged{taken_out}")
    write_json(json_path, {"files": files, "damaged": [where for where, _ in problems]})
    if problems and not drop:
        sys.exit(DAMAGED)


def _topics(place: str, names: tuple[str, ...]) -> list[str]:
    """Those of the archive, or the named ones. Raises BadConfig."""
    found = [one for name in names for one in reader.named(place, name)] or reader.topics(place)
    if not found:
        raise BadConfig([(place, "is an archive of nothing yet: `breakwater archive` fills it")])
    return found


def _figures(manifest: Manifest) -> dict[str, Any]:
    pieces = list(manifest.pieces())
    return {
        "records": sum(piece.rows for piece in pieces),
        "files": len(pieces),
        "bytes": sum(piece.bytes for piece in pieces),
        "first_at": rfc3339(min(piece.first_at for piece in pieces)) if pieces else None,
        "last_at": rfc3339(max(piece.last_at for piece in pieces)) if pieces else None,
        "lost_offsets": sum(one.end - one.begin for one in manifest.lost),
        "lost": [{"partition": one.partition, "begin": one.begin, "end": one.end} for one in manifest.lost],
        "partitions": {str(number): manifest.end(number) for number in manifest.partitions()},
        "kept_from": manifest.kept_from and manifest.kept_from.isoformat(),
    }


def _tell(figures: dict[str, Any]) -> None:
    rate = figures["records"] / figures["seconds"] if figures["seconds"] else 0.0
    click.echo(
        f"{figures['records']:,} records in {figures['seconds']:.1f} s ({rate:,.0f}/s), "
        f"{figures['bytes'] / 1e6:,.1f} MB in {figures['archive']}"
    )
    for name, one in figures["topics"].items():
        for gap in one["lost"]:
            click.echo(
                f"{name}/{gap['partition']}: offsets {gap['begin']:,} to {gap['end']:,} were gone before they were "
                "archived: the topic's retention took them; run this more often than its retention lasts",
                err=True,
            )
