"""`breakwater replay`: an export, or what lies on the bus, through the folds of the live worker, without a worker."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import click

from schemas.centre import Centre
from schemas.errors import BadConfig, Unavailable
from schemas.fold import Output
from streams import clock, config, replay_sources, replay_state
from streams.cli._console import counter
from streams.cli._memory import rss_bytes_max
from streams.cli._moments import window as moments
from streams.cli._options import (
    before_option,
    config_option,
    json_option,
    learn_option,
    since_option,
    write_json,
)
from streams.cli.centre import checked
from streams.config import Settings
from streams.player import at_speed
from streams.refolding import Replay, States
from streams.replay_bus import OntoBus, onto_bus
from streams.replay_readers import ARCHIVED, TOPIC, Reader, existing, log_of, of_archive, of_file, refuse_of_exports
from streams.retold import FILES, JSON_LINES, PARQUET, TIMELINE, Retold

BOTH = "both"


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
@click.option("--topic", type=click.Choice(ARCHIVED), help="Which one of an archive.")
@since_option
@before_option
@click.option(
    "--centre",
    "centre_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The model (centre.yaml) of an export's tenant; without one, its channels and queues as they come.",
)
@learn_option
@click.option(
    "--state",
    "state_path",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with what was learned: the replay goes on from what lies there, and leaves there what it knows then.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([JSON_LINES, PARQUET, BOTH]),
    default=JSON_LINES,
    help="Of what is written beside the timeline.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="So many times as fast as it was, told as it goes; without it as fast as can be.",
)
@click.option(
    "--onto-bus",
    "run_name",
    metavar="RUN",
    help="Also onto the bus, to topics replay.RUN.*, which nobody is paged by and no command is executed from.",
)
@click.option(
    "--keep-desk",
    is_flag=True,
    help="Also all that the desk heard and said (desk.jsonl and others), as `breakwater report` needs it.",
)
@config_option
@json_option
def command(
    source: str,
    map_path: Path | None,
    out_path: Path,
    topic: str | None,
    since: str | None,
    before: str | None,
    centre_path: Path | None,
    learn_path: Path | None,
    state_path: Path | None,
    form: str,
    speed: float | None,
    run_name: str | None,
    keep_desk: bool,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """What SOURCE gives: signals, incidents, staffing alerts and load-shift commands as JSON lines, and a timeline.

    SOURCE is an export of contacts (CSV or Parquet, also packed) with its mapping, a Parquet file of contacts as they
    are, topic:queue-panes or topic:desk, from the bus, or an archive with its --topic. Nothing is written to the topics
    of the bus that people and platforms read, and nobody is told.
    """
    settings = config.load(config_path)
    began = clock.elapsed()
    formats = (JSON_LINES, PARQUET) if form == BOTH else (form,)
    say = click.echo if speed else lambda _line: None
    onto = onto_bus(settings, run_name) if run_name is not None else contextlib.nullcontext()
    try:
        with Retold(out_path, formats, say, whole=keep_desk) as retold, onto as bus, counter() as step:
            run = Run(settings, (since, before), retold, step, at_speed(speed), bus, state_path)
            log, archive = log_of(source, topic)
            if log != replay_state.CONTACTS:
                refuse_of_exports(map_path, centre_path, learn_path)
                figures, replay = _topic(run, log, archive)
            elif archive is not None:
                figures, replay = _export(run, Path(source), (of_archive(archive), None), (centre_path, learn_path))
            else:
                path = existing(source)
                figures, replay = _export(run, path, of_file(path, map_path), (centre_path, learn_path))
        if state_path is not None:
            replay_state.save(state_path, replay.saved(log))
    except OSError as error:
        raise Unavailable(str(out_path), error.strerror or str(error), "make room or leave to write there") from None
    figures |= _results(retold, clock.elapsed() - began)
    _tell(figures, out_path)
    write_json(json_path, figures)


class Run(NamedTuple):
    """What all sources are replayed with."""

    settings: Settings
    span: tuple[str | None, str | None]
    retold: Retold
    step: Callable[[str, int], None]
    wait: Callable[[datetime], None]
    bus: OntoBus | None
    state: Path | None

    def replay(self, of: str, states: States | None = None) -> Replay:
        """Begins with nothing, with what was learned, or where another ended. Raises BadConfig."""
        saved = replay_state.load(self.state, of) if self.state else None
        if saved is not None and states:
            raise BadConfig([("--learn-from", f"{self.state} holds what was learned already: give one of them")])
        return Replay(self.settings, self._tell, states, self.wait, saved)

    def _tell(self, partition: int, output: Output) -> None:
        self.retold.output(partition, output)
        if self.bus is not None:
            self.bus.output(partition, output)


def _export(
    run: Run, path: Path, reader: tuple[Reader, str | None], known: tuple[Path | None, Path | None]
) -> tuple[dict[str, Any], Replay]:
    settings, step = run.settings, run.step
    read, zone = reader
    centre_path, learn_path = known
    centre = checked(centre_path) if centre_path else None
    window = moments(*run.span, ZoneInfo(zone) if zone else None)
    noted: Counter[str] = Counter()
    with read(path, settings, window, lambda report: step("rows", report.read)) as (events, report):
        models = replay_sources.models(events, zone or "UTC", centre)
        states = {} if learn_path is None else _learned(settings, learn_path, read, models, step)
        for model in models.values():
            run.retold.model(model)
        replay = run.replay(replay_state.CONTACTS, states)
        counted = replay_sources.contacts(events, settings, models, replay, noted, step)
        figures = {
            "contacts": counted.contacts,
            "panes": counted.panes,
            "rows": report.read,
            "events": events.count,
            "left_out": report.left_out,
            "outside_range": report.outside,
            "refused": {reason: entry.count for reason, entry in sorted(report.refused.items())},
            "not_counted": dict(sorted(noted.items())),
        }
        return figures, replay


def _learned(
    settings: Settings, path: Path, read: Reader, models: dict[str, Centre], step: Callable[[str, int], None]
) -> States:
    with read(path, settings, (None, None), lambda report: step("rows to learn", report.read)) as (weeks, _):
        return replay_sources.learned_states(settings, weeks, models)


def _topic(run: Run, name: str, archive: str | None) -> tuple[dict[str, Any], Replay]:
    if name not in replay_sources.TOPICS:
        there = " or ".join(TOPIC + one for one in replay_sources.TOPICS)
        raise BadConfig([("SOURCE", f"{TOPIC}{name} is no log of a fold: give {there}")])
    window = moments(*run.span)
    replay = run.replay(name)
    counted, begins = replay_sources.of_topic(run.settings, name, window, replay, run.retold, run.step, archive)
    cut = [place for place, offset in begins.items() if offset > replay.begun.get(place, 0)]
    if cut and window[0] is None:
        click.echo(
            f"what was before is not kept any more: {', '.join(sorted(cut))}; the folds know nothing of it", err=True
        )
    figures = {"contacts": counted.contacts, "panes": counted.panes, "unreadable": replay.unreadable}
    return figures | {"begins_at": begins}, replay


def _results(retold: Retold, seconds: float) -> dict[str, Any]:
    counts = retold.counts()
    return {
        **{name.removesuffix(".jsonl").replace("-", "_"): counts[name] for name in FILES.values()},
        "lines": {name: retold.lines[name] for name in FILES.values()},
        "wall_seconds": round(seconds, 3),
        "rss_bytes_max": rss_bytes_max(),
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
