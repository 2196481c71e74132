"""`breakwater dashboards apply|export|diff`: our dashboards in a Grafana, through its API."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from schemas.errors import BadConfig
from streams import config, dashboards
from streams.cli._console import console
from streams.cli._options import config_option
from streams.dashboards import Compared, Shelf

HERE = Path(__file__).parents[2] / "helm" / "breakwater" / "files" / "grafana" / "dashboards"
DIFFERENT = 1
LINES_MAX = 40
WORDS = {
    "same": ("same", ""),
    "differs": ("differs", "yellow"),
    "missing": ("is not in Grafana", "yellow"),
    "extra": ("is only in Grafana", "dim"),
}

_from = click.option(
    "--from",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=HERE,
    help="Folder of the dashboards' JSON files; by default those of this checkout.",
)
_token = click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A token with more rights than notify.grafana.token_file, which need only write annotations.",
)


@click.group()
def command() -> None:
    """Our dashboards in the Grafana of `notify.grafana`.

    All of them lie in the folder Breakwater and are found again by their uid. A Grafana that loads them from files
    (docker compose) needs none of this.
    """


@command.command()
@config_option
@_from
@_token
@click.option("--prometheus-url", help="Also keep a data source with this address, as Grafana reaches it.")
def apply(config_path: Path | None, directory: Path, token_file: Path | None, prometheus_url: str | None) -> None:
    """Makes folder, dashboards and (with --prometheus-url) the data source as they are here. Twice changes nothing."""
    ours, shelf, out = dashboards.read(directory), _shelf(config_path, token_file), console()
    if shelf.make_folder():
        out.print(f"made the folder {dashboards.FOLDER_TITLE}")
    if prometheus_url is not None:
        out.print(f"data source {dashboards.SOURCE_NAME}: {shelf.keep_source(prometheus_url)}")
    for one in _compared(ours, shelf.dashboard):
        if one.state != "same":
            shelf.keep(ours[one.uid])
        out.print(f"{one.title}: {'same' if one.state == 'same' else 'applied'}")


@command.command()
@config_option
@_token
@click.option(
    "--to", "directory", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write."
)
def export(config_path: Path | None, directory: Path, token_file: Path | None) -> None:
    """Writes what the folder holds in Grafana to files, one a dashboard, as `apply` reads them."""
    found, out = _shelf(config_path, token_file).dashboards(), console()
    directory.mkdir(parents=True, exist_ok=True)
    for board in found.values():
        path = directory / dashboards.file_name(board)
        path.write_bytes(dashboards.text(dashboards.plain(board)))
        out.print(str(path), soft_wrap=True)
    if not found:
        out.print(f"the folder {dashboards.FOLDER_TITLE} holds no dashboards: `breakwater dashboards apply` fills it")


@command.command()
@config_option
@_from
@_token
def diff(config_path: Path | None, directory: Path, token_file: Path | None) -> None:
    """Says which dashboards differ, and how. Exits with 1 where one does."""
    ours, shelf, out = dashboards.read(directory), _shelf(config_path, token_file), console()
    found = dashboards.compare(ours, shelf.dashboards())
    for one in found:
        word, style = WORDS[one.state]
        out.print(Text(f"{one.title}: {word}", style))
        for line in one.lines[:LINES_MAX]:
            out.print(Text(line, "green" if line[:1] == "+" else "red" if line[:1] == "-" else "dim"), soft_wrap=True)
        if len(one.lines) > LINES_MAX:
            out.print(Text(f"… {len(one.lines) - LINES_MAX} more lines", "dim"))
    if any(one.state in ("differs", "missing") for one in found):
        sys.exit(DIFFERENT)


def _shelf(config_path: Path | None, token_file: Path | None) -> Shelf:
    section = config.load(config_path).notify.grafana
    if section is None:
        raise BadConfig([("notify.grafana", "is not set: `url` and `token_file` say which Grafana")])
    return Shelf(section, token_file)


def _compared(ours: dict[str, Any], there: Callable[[str], Any]) -> list[Compared]:
    """Ours against those of the same uid, wherever these lie."""
    theirs = {uid: board for uid in ours if (board := there(uid)) is not None}
    return dashboards.compare(ours, theirs)
