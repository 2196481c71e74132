"""`breakwater check-config`: what the settings come to, or every mistake in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click
from pydantic import BaseModel
from rich.text import Text

from schemas.errors import BadConfig
from streams import clients, config, sinks, traces
from streams.cli._console import console
from streams.cli._options import config_option, json_option, write_json
from streams.config import Settings
from streams.web.operators import Operators

HIDDEN = "hidden"
# PEM files are read by the TLS check, which says more about them
CERTIFICATES = ("ca_file", "certificate_file", "key_file")


@click.command(name="check-config")
@config_option
@json_option
def command(config_path: Path | None, json_path: Path | None) -> None:
    """Shows all settings, or every mistake in them at once.

    What differs from its default is marked. Asks no broker: `breakwater topics check` does. Passwords and tokens are in
    files, and only the files are named.
    """
    settings = config.load(config_path)
    mistakes = list(mistakes_in_files(settings))
    if mistakes:
        raise BadConfig(mistakes)
    out = console()
    shown = tree(settings)
    for line in lines(shown, tree(Settings())):
        out.print(line, soft_wrap=True)
    for name in config.unknown_variables():
        out.print(f"\n{name} is set, but is no setting of ours: check its spelling.", style="yellow")
    write_json(json_path, {"settings": shown, "unknown_variables": config.unknown_variables()})


def tree(part: Any) -> Any:
    """The settings as plain values, without what an address may hide."""
    if isinstance(part, BaseModel):
        return {name: tree(getattr(part, name)) for name in type(part).model_fields}
    if isinstance(part, dict):
        return {name: tree(value) for name, value in sorted(part.items())}
    if isinstance(part, list | tuple):
        return [tree(value) for value in part]
    return without_secrets(part) if isinstance(part, str) else str(part) if isinstance(part, Path) else part


def without_secrets(text: str) -> str:
    """An address without the login and the query that it may carry."""
    if "://" not in text:
        return text
    try:
        address = urlsplit(text)
        place = f"{HIDDEN}@{address.netloc.rpartition('@')[2]}" if "@" in address.netloc else address.netloc
        return urlunsplit((address.scheme, place, address.path, HIDDEN if address.query else "", ""))
    except ValueError:
        return HIDDEN


def mistakes_in_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """Secrets that cannot be read or are empty, certificates that are none, sinks that could not be started, operators
    who could not sign in."""
    for path, file in _files(settings, ""):
        if path.rsplit(".", 1)[-1] in CERTIFICATES and path.startswith("broker.security.c"):
            continue
        if path.startswith("notify."):
            continue  # the sinks look at theirs, and at more than that they can be read
        try:
            config.read_secret(file)
        except BadConfig as error:
            yield path, "; ".join(f"{where}: {text}" for where, text in error.problems)
    for look in (
        lambda: clients.tls_context(settings.broker.security),
        lambda: sinks.build(settings.notify),
        lambda: traces.check(settings.traces),
        lambda: Operators(settings.web.operators),
    ):
        try:
            look()
        except BadConfig as error:
            yield from error.problems


def lines(shown: Any, usual: Any, indent: str = "") -> Iterator[Text]:
    """YAML, one setting a line; a value that is not the default is bold and says the default."""
    for name, value in shown.items():
        default = usual.get(name) if isinstance(usual, dict) else None
        if isinstance(value, dict) and value:
            yield Text(f"{indent}{name}:")
            yield from lines(value, default, indent + "  ")
        elif value == default:
            yield Text(f"{indent}{name}: {_plain(value)}")
        else:
            note = f"  # default: {_plain(default)}" if not isinstance(default, dict) else ""
            yield Text.assemble((f"{indent}{name}: {_plain(value)}", "bold"), (note, "dim"))


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_plain(one) for one in value)}]"
    return "{}" if value == {} else '""' if value == "" else str(value)


def _files(part: BaseModel, path: str) -> Iterator[tuple[str, Path]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _files(value, f"{path}{name}.")
        elif isinstance(value, Path) and name.endswith("_file"):
            yield f"{path}{name}", value
