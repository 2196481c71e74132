"""`breakwater ledger`: what fails how often, what false alarms cost of their budget, and what customers felt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table as RichTable
from rich.text import Text as RichText

from response.params import RespondParams
from streams import config, reliability, reliability_page
from streams.cli._console import console, counter
from streams.cli._moments import window
from streams.cli._options import config_option, json_option, write_json, write_whole
from streams.cli.report import source_option
from streams.reliability import Ledger
from streams.report import source
from streams.report.markup import Block, Heading, Table, Text, markdown
from streams.roles import params_of


@click.command(name="ledger")
@click.option("--from", "since", help="Only what was after it (ISO 8601; local time unless it has an offset).")
@click.option("--to", "before", help="Only what was up to it.")
@click.option("--tenant", help="Only of this tenant.")
@click.option(
    "--out",
    "out_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the same as Markdown to this file.",
)
@source_option
@config_option
@json_option
def command(
    since: str | None,
    before: str | None,
    tenant: str | None,
    out_path: Path | None,
    source_name: str,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """Shows failures of tools, providers and causes (how often, how long, how soon again), what customers felt of each
    channel beside what its vendor promises, and false alarms beside their budget.

    Everything that is recorded, unless --from and --to say otherwise.
    """
    settings = config.load(config_path)
    stretch = window(since, before)
    with counter() as step:
        params = params_of(RespondParams, settings.respond)
        found = reliability.read(settings, source.opened(settings, source_name), tenant, stretch, params, step)
    blocks = reliability_page.page(found)
    out = console()
    for one in shown(blocks):
        out.print(one)
    if out_path is not None:
        write_whole(out_path, markdown(blocks).encode())
    write_json(json_path, {"tenants": {one.tenant: values(one) for one in found}})


def shown(blocks: Iterable[Block]) -> Iterator[RichText | RichTable]:
    """The page for a terminal."""
    for block in blocks:
        match block:
            case Heading():
                yield RichText(f"\n{block.text}", "bold underline" if block.level == 1 else "bold")
            case Text():
                yield RichText(" ".join(block.text.split()), "dim" if block.weight == "small" else "")
            case Table():
                yield _table(block)


def _table(block: Table) -> RichTable:
    made = RichTable(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=any(block.head))
    for n, name in enumerate(block.head):
        made.add_column(name, justify="right" if n in block.numbers else "left")
    for row in block.rows:
        made.add_row(*map(RichText, row))
    return made


def values(one: Ledger) -> dict[str, Any]:
    """One tenant's, as plain values, with the shares that its sums make."""
    found: dict[str, Any] = msgspec.to_builtins(one)
    for plain, tool in zip(found["tools"], one.tools, strict=True):
        if tool.failures is not None:
            plain["failures"]["up_share"] = tool.failures.up_share
    for plain, channel in zip(found["channels"], one.channels, strict=True):
        felt = channel.felt
        plain["felt"] |= {"share": felt.share, "weighted_share": felt.weighted, "reachable_share": felt.reachable}
    return found
