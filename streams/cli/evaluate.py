"""`breakwater evaluate`: any detection method on a series of your own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from detectors import registry
from detectors.contract import Method, needs
from streams import clock, evaluate, series_plot
from streams.cli._console import console
from streams.cli._options import json_option, write_json, write_whole
from streams.evaluate import Alarm, Found, Scored
from streams.series_file import Series, open_series

_SHOWN = 40
_EVERY = 2000
_DAY = 86_400
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_target = click.Path(dir_okay=False, path_type=Path)


class _Zone(click.ParamType):
    name = "ZONE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone, such as Europe/Berlin", param, ctx)


@click.command()
@click.argument("series", type=_file)
@click.option("--method", "name", default="metric", show_default=True, help=f"One of {', '.join(registry.names())}.")
@click.option("--labels", "labels_path", type=_file, help="JSON list of {start, end, what}: what is known of it.")
@click.option("--scores", "scores_path", type=_target, help="Write timestamp,value,score of every row to this CSV.")
@click.option("--plot", "plot_path", type=_target, help="Write series, scores, alarms and labels to this SVG.")
@click.option(
    "--time-zone",
    "zone",
    type=_Zone(),
    default="UTC",
    show_default=True,
    help="Of times without offset, and of seasons.",
)
@json_option
def command(
    series: Path,
    name: str,
    labels_path: Path | None,
    scores_path: Path | None,
    plot_path: Path | None,
    zone: ZoneInfo,
    json_path: Path | None,
) -> None:
    """Scores SERIES (CSV with the header timestamp,value; plain, .gz or .xz) with a detection method.

    The score of a row follows from the rows up to it alone; 0.5 is the alarm line. Times are ISO 8601 at any regular
    spacing. docs/methods.md says what each method is for.
    """
    method = registry.build(name, zone.key)
    labels = evaluate.read_labels(labels_path, zone) if labels_path else None
    trace, alarms, values = series_plot.Trace(), list[Alarm](), 0
    began = clock.elapsed()
    with ExitStack() as stack:
        rows = _open(stack, series, name, method, zone)
        write = stack.enter_context(_scores(scores_path, rows.fields))
        moved = stack.enter_context(_bar(rows))
        for scored in evaluate.run(method, rows.fields, rows.rows(), zone):
            values += 1
            write(scored)
            if plot_path:
                trace.add(scored)
            if scored.alarm:
                alarms.append(scored.alarm)
            if values % _EVERY == 0:
                moved(rows.place())
    seconds = clock.elapsed() - began
    found, false = evaluate.compare(labels, alarms) if labels is not None else (None, [])
    for line in rows.notes.lines():
        click.echo(f"{series}: {line}", err=True)
    if plot_path:
        write_whole(plot_path, series_plot.draw(f"{series.name}, {name}", trace, alarms, found, false).encode())
    figures = evaluate.figures(alarms, values, seconds, {what: n for what, (n, _) in rows.notes.found.items()})
    if found is not None:
        figures |= evaluate.label_figures(found, false)
    _tell(alarms, found, false, values, rows.spacing, figures["values_per_second"])
    write_json(json_path, {"method": name, **figures})


def _open(stack: ExitStack, path: Path, name: str, method: Method[Any, Any], zone: ZoneInfo) -> Series:
    """Says what a method of several numbers needs, rather than which column is missing."""
    if len(method.fields) != 1 and _header(path) == {"timestamp", "value"}:
        raise needs(name, method.fields)
    return stack.enter_context(open_series(path, method.fields, zone))


def _header(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return {name.strip().lower() for name in file.readline(1000).split(",")}


@contextmanager
def _scores(path: Path | None, fields: tuple[str, ...]) -> Iterator[Any]:
    """Yields what writes a row's score; the file is there when it is whole."""
    if path is None:
        yield lambda _: None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("timestamp", *fields, "score"))

            def write(scored: Scored) -> None:
                rows.writerow((scored.row.stamp, *scored.row.texts, repr(scored.score)))

            yield write
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _bar(series: Series) -> Iterator[Any]:
    """A progress bar where there is a terminal; yields the function that moves it to a place in the file."""
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("scoring"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=series.size)
        yield lambda place: progress.update(task, completed=place)


def _tell(
    alarms: list[Alarm], found: list[Found] | None, false: list[Alarm], values: int, spacing: float, speed: float
) -> None:
    """What people read."""
    out = console()
    if alarms:
        out.print(_table(alarms, {alarm.row for alarm in false} if found is not None else None))
        if len(alarms) > _SHOWN:
            out.print(f"... and {len(alarms) - _SHOWN:,} more; --json FILE has them all")
    days = values * spacing / _DAY
    rate = f", about {len(alarms) / days:.2g} alarms a day" if days > 0 else ""
    out.print(f"{values:,} values, {len(alarms):,} alarms{rate}; {speed:,.0f} values/s")
    if found is None:
        return
    for one in found:
        delay = "missed" if one.delay_seconds is None else f"found after {_span(one.delay_seconds)}"
        out.print(Text(f"{one.label.texts[0]} to {one.label.texts[1]}  {one.label.what}: {delay}"))
    hits = sum(one.delay_seconds is not None for one in found)
    out.print(f"{hits} of {len(found)} found, {len(false):,} false alarms")


def _table(alarms: list[Alarm], false: set[int] | None) -> Table:
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("at", "since", "", "observed", "expected", "score", "why"):
        made.add_column(title, justify="right" if title in ("observed", "expected", "score") else "left")
    for alarm in alarms[:_SHOWN]:
        wrong = false is not None and alarm.row in false
        cells = (alarm.timestamp, alarm.onset, alarm.direction, f"{alarm.observed:.6g}", f"{alarm.expected:.6g}")
        why = f"{'false alarm: ' * wrong}{alarm.reason}"
        made.add_row(*map(Text, (*cells, f"{alarm.score:.3f}", why)), style="dim" if wrong else None)
    return made


def _span(seconds: float) -> str:
    for size, unit in ((_DAY, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
