"""`breakwater backtest`: what would have fired, under one configuration beside others, or under a grid of settings."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.table import Table
from rich.text import Text

from schemas.errors import BadConfig, Unavailable
from schemas.topics import CONTACT_EVENTS
from streams import clock, config
from streams.backtest import feedback as backtest_feedback
from streams.backtest import figures as backtest_figures
from streams.backtest import page as backtest_page
from streams.backtest import plot as backtest_plot
from streams.backtest import run as backtest
from streams.backtest import source as backtest_source
from streams.backtest import truth as backtest_truth
from streams.backtest.run import Config
from streams.backtest.source import Heard, Wanted
from streams.backtest.truth import Truth
from streams.cli._console import bar, console, counter
from streams.cli._moments import window as moments
from streams.cli._options import before_option, json_option, learn_option, since_option, write_json, write_whole
from streams.cli.centre import checked
from streams.sweep import figures as sweep_figures
from streams.sweep import grid
from streams.sweep import page as sweep_page
from streams.sweep import plot as sweep_plot
from streams.sweep import run as sweep
from streams.sweep.figures import Limit
from streams.sweep.grid import Setting
from streams.sweep.jobs import judge

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
TOPICS = (backtest_source.PANES, CONTACT_EVENTS)
SHOWN = 30
NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("--map", "map_path", type=_file, help="What the columns of an export mean (docs/feeding.md).")
@click.option("--topic", type=click.Choice(TOPICS), help="Which one of an archive.")
@click.option("--config", "config_paths", type=_file, multiple=True, help="Settings to try; again for each of them.")
@click.option(
    "--centre",
    "centre_paths",
    type=_file,
    multiple=True,
    help="A model (centre.yaml) to try: one for all, or one for each --config, in their order.",
)
@since_option
@before_option
@learn_option
@click.option("--labels", "labels_path", type=_file, help="JSON list of {start, end, what[, channel]}: what happened.")
@click.option("--feedback", is_flag=True, help="What operators said on the bus: acknowledged, or not an incident.")
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="NAME=V,V,..",
    help=f"Try all combinations instead: {', '.join(grid.NAMES)}.",
)
@click.option(
    "--pages-a-week",
    type=click.FloatRange(min=0),
    help="How often a sweep's setting may wake somebody; without it the model's budget of false incidents decides.",
)
@click.option(
    "--out",
    "out_path",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the page (Markdown) and the plot (SVG).",
)
@json_option
def command(
    source: str,
    map_path: Path | None,
    topic: str | None,
    config_paths: tuple[Path, ...],
    centre_paths: tuple[Path, ...],
    since: str | None,
    before: str | None,
    learn_path: Path | None,
    labels_path: Path | None,
    feedback: bool,
    sweeps: tuple[str, ...],
    pages_a_week: float | None,
    out_path: Path | None,
    json_path: Path | None,
) -> None:
    """What SOURCE would have fired under each --config (and --centre), side by side with the first; or, with --sweep,
    under every combination of some settings, and which to take.

    SOURCE is what `breakwater replay` reads: an export of contacts with its mapping, a Parquet file of contacts,
    topic:queue-panes, or an archive with its --topic. Nothing is written to the bus, and nobody is told.
    """
    began = clock.elapsed()
    configs = _configs(config_paths, centre_paths)
    if labels_path and feedback:
        raise BadConfig([("--feedback", "or --labels: one truth at a time")])
    if pages_a_week is not None and not sweeps:
        raise BadConfig([("--pages-a-week", "is for --sweep")])
    wanted = Wanted(source, map_path, topic, learn_path, lambda zone: moments(since, before, zone))
    truth = _Truth(labels_path, feedback, configs[0])
    with tempfile.TemporaryDirectory(prefix="breakwater-backtest-") as folder:
        if sweeps:
            figures = _sweep(wanted, configs, sweeps, truth, pages_a_week, Path(folder), out_path)
        else:
            figures = _compare(wanted, configs, truth, Path(folder), out_path)
    write_json(json_path, figures | {"wall_seconds": round(clock.elapsed() - began, 3)})


class _Truth:
    """What is known to have happened, as soon as it can be told."""

    def __init__(self, labels_path: Path | None, feedback: bool, of: Config) -> None:
        self._path, self._feedback, self._of = labels_path, feedback, of
        self._read: Truth | None = None

    def read(self, zone: ZoneInfo | None) -> None:
        """Labels, before the long work. Raises BadConfig."""
        if self._path is not None:
            self._read = backtest_truth.read_labels(self._path, zone)

    def of(self, heard: Heard) -> Truth | None:
        """Raises BadConfig where it does not fit what was heard, Unavailable."""
        if self._feedback:
            said = backtest_feedback.of_bus(self._of.settings)
            return backtest_feedback.truth(said, heard.first, heard.last)
        if self._read is not None:
            backtest_truth.check(self._read, heard.first, heard.last, heard.channels)
        return self._read


def _configs(paths: Sequence[Path], centres: Sequence[Path]) -> list[Config]:
    """As many as there are of the more. Raises BadConfig."""
    many = max(len(paths), len(centres), 1)
    for name, given in (("--config", paths), ("--centre", centres)):
        if len(given) not in (0, 1, many):
            raise BadConfig([(name, f"{len(given)} for {many} configurations: give one for all, or one for each")])
    found = []
    for n in range(min(many, len(NAMES) + 1)):
        path = paths[n % len(paths)] if paths else None
        model = centres[n % len(centres)] if centres else None
        found.append(
            Config(
                NAMES[n] if n < len(NAMES) else "?",
                config.load(path),
                checked(model) if model else None,
                path.name if path else "the defaults",
                model.name if model else "",
            )
        )
    return found


# -- side by side


def _compare(
    wanted: Wanted, configs: list[Config], truth: _Truth, folder: Path, out_path: Path | None
) -> dict[str, Any]:
    with counter() as step, backtest_source.opened(wanted, configs[0].settings, step) as source:
        backtest.refuse_contradictions(configs, source.contacts)
        truth.read(source.zone)
        zone = _zone(configs, source.zone)
        jobs, heard = backtest.counted(source, configs, folder, step)
    known = truth.of(heard)
    with bar("folding") as done:
        runs = backtest.run(jobs, done)
    compared = backtest_figures.compare(configs, runs, heard, known)
    notes = _notes(known)
    out = console()
    for side in compared.sides:
        out.print(str(side.config))
    out.print(_table(*backtest_page.measures(compared), left=1))
    for side, pairs in zip(compared.sides[1:], compared.pairs, strict=True):
        out.print(f"{compared.sides[0].config.name} against {side.config.name}: {backtest_page.counts(pairs)}")
        heads, rows = backtest_page.changes(pairs, zone)
        if rows:
            out.print(_table(heads, rows[:SHOWN], left=len(heads)))
        if len(rows) > SHOWN:
            out.print(f"and {len(rows) - SHOWN:,} more; --out and --json have them all")
    for note in notes:
        out.print(note)
    if out_path is not None:
        plot = backtest_plot.draw(f"Backtest of {wanted.source}", compared, zone)
        page = backtest_page.markdown(wanted.source, compared, notes, "backtest.svg", zone)
        _write(out_path, {"backtest.svg": plot, "backtest.md": page})
        out.print(f"{out_path / 'backtest.md'} has all of it, with a plot")
    return compared.figures()


# -- a sweep


def _sweep(
    wanted: Wanted,
    configs: list[Config],
    sweeps: tuple[str, ...],
    truth: _Truth,
    pages_a_week: float | None,
    folder: Path,
    out_path: Path | None,
) -> dict[str, Any]:
    if len(configs) > 1:
        raise BadConfig([("--sweep", "begins with one --config and one --centre: the values are tried on these")])
    settings, centre = configs[0].settings, configs[0].centre
    points = grid.grid(sweeps)
    with counter() as step, backtest_source.opened(wanted, settings, step) as source:
        if not source.contacts:
            grid.refuse_counting(points)
        truth.read(source.zone)
        taped = sweep.taped(source, settings, centre, points, folder, step)
    heard = taped.heard
    known = truth.of(heard)
    began = clock.elapsed()
    with bar(f"judging {len(points)} settings") as done:
        fired = judge(taped.groups, len(points), done)
    seconds = clock.elapsed() - began
    rows = sweep_figures.rows(fired, points, settings, heard.last, heard.days, known)
    limit = Limit(pages_a_week, grid.stated(centre, heard))
    advice = sweep_figures.advise(rows, limit)
    notes = [*_notes(known), *_limits(points, heard)]
    out = console()
    heads, cells = sweep_page.cells(rows)
    table = Table(*heads, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for row, line in zip(rows, cells, strict=True):
        table.add_row(*map(Text, line), style="bold green" if row is advice.row else None)
    out.print(table)
    out.print(f"{len(points)} settings x {taped.series:,} series, {heard.days:.1f} days: judged in {seconds:.1f} s")
    out.print(Text(advice.reason))
    for note in notes:
        out.print(note)
    if out_path is not None:
        plot = sweep_plot.draw(f"Sweep of {wanted.source}", rows, advice)
        page = sweep_page.markdown(wanted.source, rows, advice, notes, "sweep.svg")
        _write(out_path, {"sweep.svg": plot, "sweep.md": page})
        out.print(f"{out_path / 'sweep.md'} has it, with a plot")
    return {
        "days": round(heard.days, 3),
        "series": taped.series,
        "settings": [row.figures() for row in rows],
        "recommended": advice.row.figures(),
        "reason": advice.reason,
        "judged_seconds": round(seconds, 3),
        "series_settings_panes_per_second": round(taped.cost / seconds, 1) if seconds else 0.0,
    }


def _limits(points: Sequence[Setting], heard: Heard) -> list[str]:
    """What a sweep does not say."""
    found = ["Judged are counts of contacts in closed panes; shares, mixes, backlogs and means are not."]
    one = backtest_truth.rate(1, heard.days, backtest_truth.MONTH_DAYS)
    found.append(f"Rates are of {heard.days:.1f} days: one false alarm more or less is {one:.2g} a month.")
    found.append(
        "Pages are joined by a short form of the rule: `breakwater backtest` with this setting is the exact word."
    )
    if any(point.lateness is not None for point in points):
        found.append(
            "Contacts here have no time of arrival: a shorter lateness shows its gain, not the contacts that it would "
            "lose, so that only the longest is recommended."
        )
    return found


# -- both


def _notes(known: Truth | None) -> list[str]:
    if known is None:
        return ["Nothing is known of what happened: give --labels or --feedback for delays and false alarms."]
    if not known.whole:
        return ["By feedback: what nobody spoke of is neither found nor false."]
    return []


def _zone(configs: Sequence[Config], zone: ZoneInfo | None) -> tzinfo:
    model = next((one.centre for one in configs if one.centre), None)
    return ZoneInfo(model.time_zone) if model else zone or UTC


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> Table:
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for n, head in enumerate(heads):
        made.add_column(head, justify="left" if n < left else "right")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def _write(folder: Path, files: dict[str, str]) -> None:
    """Raises Unavailable where the folder cannot be written."""
    try:
        for name, text in files.items():
            write_whole(folder / name, text.encode())
    except OSError as error:
        raise Unavailable(str(folder), error.strerror or str(error), "make room or leave to write there") from None
