"""`breakwater report`: what an incident was, what it cost and what we did about it, for whoever reads it afterwards."""

from __future__ import annotations

from pathlib import Path

import click

from response.params import RespondParams
from schemas.errors import Unavailable
from streams import config, report
from streams.cli._console import counter
from streams.cli._options import config_option, json_option, write_json, write_whole
from streams.report import case, source
from streams.roles import params_of

source_option = click.option(
    "--source",
    "source_name",
    default=source.BUS,
    show_default=True,
    help="Where to read: the topics on the bus, an archive of them, or the folder of a replay.",
)


@click.command(name="report")
@click.argument("incident_id", metavar="INCIDENT")
@click.option(
    "--out",
    "out_path",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.md, report.html and the plots; without one the Markdown is printed.",
)
@source_option
@config_option
@json_option
def command(
    incident_id: str, out_path: Path | None, source_name: str, config_path: Path | None, json_path: Path | None
) -> None:
    """Writes the report on one incident: how long it took, what it did to each channel, what was done and what that was
    worth, what to learn of it, and a timeline.

    The same records give the same bytes, from the bus, an archive or a replay. Times are the tenant's.
    """
    settings = config.load(config_path)
    with counter() as step:
        found = case.read(settings, source.opened(settings, source_name), incident_id, step)
    made = report.written(found, params_of(RespondParams, settings.respond))
    if out_path is None:
        click.echo(made.markdown(), nl=False)
    else:
        _write(out_path, made.files())
        click.echo(f"{out_path / report.HTML} and {out_path / report.MARKDOWN} are written")
    write_json(json_path, made.values())


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise Unavailable(str(folder), error.strerror or str(error), "make room or leave to write there") from None
