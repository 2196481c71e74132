"""`breakwater replay`: an export, or what lies on the bus, through the folds of the live worker, without a worker."""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from schemas.centre import Centre
from schemas.errors import BadConfig, Unavailable
from streams import clock, config, contact_files, feed, mapping, replay_sources
from streams.cli._console import counter
from streams.cli._moments import window as moments
from streams.cli._options import config_option, json_option, write_json
from streams.cli.centre import checked
from streams.config import Settings
from streams.refolding import Replay, States
from streams.retold import FILES, TIMELINE, Retold

TOPIC = "topic:"
Reader = Callable[
    [Path, Settings, feed.Window, Callable[[feed.Report], None]],
    AbstractContextManager[tuple[feed.SortedEvents, feed.Report]],
]
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of getrusage's ru_maxrss


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--map",
    "map_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the columns of an export mean (docs/feeding.md).",
)
@click.option(
    "--out",
    "out_path",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the results; made if need be.",
)
@click.option("--from", "since", help="Only what was at or after it (ISO 8601; local time unless it has an offset).")
@click.option("--to", "before", help="Only what was before it.")
@click.option(
    "--centre",
    "centre_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The model (centre.yaml) of an export's tenant; without one, its channels and queues as they come.",
)
@click.option(
    "--learn-from",
    "learn_path",
    type=click.Path(exists=True, path_type=Path),
    help="An export of the weeks before, with the same mapping: what is usual is known from the start.",
)
@config_option
@json_option
def command(
    source: str,
    map_path: Path | None,
    out_path: Path,
    since: str | None,
    before: str | None,
    centre_path: Path | None,
    learn_path: Path | None,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """What SOURCE gives: signals, incidents, staffing alerts and load-shift commands as JSON lines, and a timeline.

    SOURCE is an export of contacts (CSV or Parquet, also packed) with its mapping, a Parquet file of contacts as they
    are, or topic:queue-panes or topic:desk, from the bus. Nothing is written to the bus, and nobody is told.
    """
    settings = config.load(config_path)
    began = clock.elapsed()
    try:
        with Retold(out_path) as retold, counter() as step:
            if source.startswith(TOPIC):
                _refuse_of_exports(map_path, centre_path, learn_path)
                figures = _topic(settings, source.removeprefix(TOPIC), (since, before), retold, step)
            else:
                figures = _export(
                    settings, _existing(source), map_path, (since, before), (centre_path, learn_path), retold, step
                )
    except OSError as error:
        raise Unavailable(str(out_path), error.strerror or str(error), "make room or leave to write there") from None
    figures |= _results(retold, clock.elapsed() - began)
    _tell(figures, out_path)
    write_json(json_path, figures)


def _export(
    settings: Settings,
    path: Path,
    map_path: Path | None,
    span: tuple[str | None, str | None],
    known: tuple[Path | None, Path | None],
    retold: Retold,
    step: Callable[[str, int], None],
) -> dict[str, Any]:
    read, zone = _reader(path, map_path)
    centre_path, learn_path = known
    centre = checked(centre_path) if centre_path else None
    window = moments(*span, ZoneInfo(zone))
    noted: Counter[str] = Counter()
    with read(path, settings, window, lambda report: step("rows", report.read)) as (events, report):
        models = replay_sources.models(events, zone, centre)
        states = {} if learn_path is None else _learned(settings, learn_path, read, models, step)
        for model in models.values():
            retold.model(model)
        replay = Replay(settings, retold.output, states)
        counted = replay_sources.contacts(events, settings, models, replay, noted, step)
        return {
            "contacts": counted.contacts,
            "panes": counted.panes,
            "rows": report.read,
            "events": events.count,
            "left_out": report.left_out,
            "outside_range": report.outside,
            "refused": {reason: entry.count for reason, entry in sorted(report.refused.items())},
            "not_counted": dict(sorted(noted.items())),
        }


def _reader(path: Path, map_path: Path | None) -> tuple[Reader, str]:
    """How the file is read, and its time zone."""
    if map_path is not None:
        meaning = mapping.load(map_path)
        return lambda path, *how: feed.read(path, meaning, *how), meaning.time_zone
    if contact_files.holds_contacts(path):
        return contact_files.read, "UTC"
    raise BadConfig([("--map", "is needed to read an export: docs/feeding.md says how to write one")])


def _learned(
    settings: Settings, path: Path, read: Reader, models: dict[str, Centre], step: Callable[[str, int], None]
) -> States:
    with read(path, settings, (None, None), lambda report: step("rows to learn", report.read)) as (weeks, _):
        return replay_sources.learned_states(settings, weeks, models)


def _topic(
    settings: Settings,
    name: str,
    span: tuple[str | None, str | None],
    retold: Retold,
    step: Callable[[str, int], None],
) -> dict[str, Any]:
    if name not in replay_sources.TOPICS:
        there = " or ".join(TOPIC + one for one in replay_sources.TOPICS)
        raise BadConfig([("SOURCE", f"{TOPIC}{name} is no log of a fold: give {there}")])
    window = moments(*span)
    replay = Replay(settings, retold.output)
    counted, begins = replay_sources.of_topic(settings, name, window, replay, retold, step)
    cut = [place for place, offset in begins.items() if offset > 0]
    if cut and window[0] is None:
        click.echo(
            f"what was before is not kept any more: {', '.join(sorted(cut))}; the folds begin with nothing", err=True
        )
    return {"contacts": counted.contacts, "panes": counted.panes, "unreadable": replay.unreadable, "begins_at": begins}


def _results(retold: Retold, seconds: float) -> dict[str, Any]:
    counts = retold.counts()
    return {
        **{name.removesuffix(".jsonl").replace("-", "_"): counts[name] for name in FILES.values()},
        "lines": {name: retold.lines[name] for name in FILES.values()},
        "wall_seconds": round(seconds, 3),
        "rss_bytes_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT,
        "sha256": retold.sha256,
    }


def _tell(figures: dict[str, Any], out: Path) -> None:
    rate = figures["panes"] / figures["wall_seconds"] if figures["wall_seconds"] else 0.0
    click.echo(
        f"{figures['contacts']:,} contacts · {figures['panes']:,} panes · {figures['signals']:,} signals · "
        f"{figures['incidents']:,} incidents · {figures['staffing_alerts']:,} staffing alerts · "
        f"{figures['load_shift_commands']:,} load-shift commands · {figures['wall_seconds']:.1f} s · {rate:,.0f} "
        "panes/s"
    )
    for what in ("refused", "not_counted"):
        if figures.get(what):
            click.echo(f"{what.replace('_', ' ')}: " + ", ".join(f"{why} {n:,}" for why, n in figures[what].items()))
    click.echo(f"{out / TIMELINE} tells it to people")


def _refuse_of_exports(*paths: Path | None) -> None:
    names = ("--map", "--centre", "--learn-from")
    given = [
        (name, "is for an export: a topic brings its own") for name, path in zip(names, paths, strict=True) if path
    ]
    if given:
        raise BadConfig(given)


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        names = ", ".join(TOPIC + name for name in replay_sources.TOPICS)
        raise BadConfig([("SOURCE", f"{text} does not exist: give a file, a folder, or one of {names}")])
    return path
