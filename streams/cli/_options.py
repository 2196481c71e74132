"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of settings; BREAKWATER_* variables come on top.",
)
json_option = click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures to this file as one JSON object.",
)

since_option = click.option(
    "--from", "since", help="Only what was at or after it (ISO 8601; local time unless it has an offset)."
)
before_option = click.option("--to", "before", help="Only what was before it.")
learn_option = click.option(
    "--learn-from",
    "learn_path",
    type=click.Path(exists=True, path_type=Path),
    help="An export of the weeks before, with the same mapping: what is usual is known from the start.",
)


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Writes the figures whole or not at all."""
    if path is not None:
        write_whole(path, orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """The file appears with all of it, or not at all; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
