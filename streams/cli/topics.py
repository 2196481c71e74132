"""`breakwater topics`: the topics as they should be, made and compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.topics import DAY, DEAD_LETTER, Topic
from streams import broker, config
from streams.broker import Applied, Problem
from streams.cli._console import console
from streams.cli._options import config_option, json_option, write_json
from streams.config import Settings

NOT_AS_WANTED = 1


@click.group(name="topics")
def command() -> None:
    """Makes and checks the topics that Breakwater reads and writes.

    The broker is the one of --config, or BREAKWATER_BROKERS=host:9092 (default 127.0.0.1:9092).
    """


@command.command()
@config_option
@json_option
def apply(config_path: Path | None, json_path: Path | None) -> None:
    """Makes missing topics and puts their settings right.

    The second time it changes nothing. Partitions are never added: that would send the next records of a key elsewhere.
    Nothing is ever deleted.
    """
    settings = config.load(config_path)
    applied = broker.apply_topics(settings)
    _print_applied(settings, applied)
    write_json(
        json_path,
        {
            "created": applied.created,
            "altered": {
                name: {key: list(pair) for key, pair in found.items()} for name, found in applied.altered.items()
            },
            "right": applied.right,
            "problems": [problem._asdict() for problem in applied.problems],
        },
    )


@command.command()
@config_option
@json_option
def check(config_path: Path | None, json_path: Path | None) -> None:
    """Compares the topics with what they should be.

    Changes nothing; exit code 1 when something is not as it should be.
    """
    settings = config.load(config_path)
    problems = broker.check_topics(settings)
    out = console()
    _print_problems(out, problems)
    if not problems:
        out.print(f"All {len(settings.all_topics())} topics are as they should be.")
    write_json(json_path, {"topics": len(settings.all_topics()), "problems": [one._asdict() for one in problems]})
    if problems:
        sys.exit(NOT_AS_WANTED)


@command.command(name="list")
@config_option
def list_topics(config_path: Path | None) -> None:
    """Shows every topic and what it is for.

    Asks no broker.
    """
    settings = config.load(config_path)
    console().print(_table(settings, settings.all_topics()))


def _print_applied(settings: Settings, applied: Applied) -> None:
    out = console()
    by_name = {settings.topic_name(topic): topic for topic in settings.all_topics()}
    if applied.created:
        out.print(_table(settings, [by_name[name] for name in applied.created]))
        out.print()
    for name, changes in applied.altered.items():
        for key, (was, now) in changes.items():
            out.print(Text(f"{name}: {key} was {was}, is {now}"))
    _print_problems(out, applied.problems)
    where = ",".join(settings.broker.bootstrap)
    text = f"{len(applied.created)} made, {len(applied.altered)} put right, {len(applied.right)} were right"
    out.print(f"Topics on {where}: {text}.")


def _print_problems(out: Console, problems: list[Problem]) -> None:
    for problem in problems:
        out.print(Text.assemble((problem.topic, "bold"), f" {problem.text}: ", (problem.fix, "cyan")))


def _table(settings: Settings, topics: Sequence[Topic]) -> Table:
    """One row a topic; a dead letter topic is a mark in the row of the topic that it belongs to."""
    names = {topic.name for topic in topics}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("topic", no_wrap=True)
    table.add_column("partitions", justify="right")
    table.add_column("kept", no_wrap=True)
    table.add_column("bad records", no_wrap=True)
    table.add_column("what for", overflow="fold")
    for topic in topics:
        if topic.name.removesuffix(DEAD_LETTER) in names - {topic.name}:
            continue
        set_aside = f"+ {DEAD_LETTER}" if topic.name + DEAD_LETTER in names else ""
        cells = (settings.topic_name(topic), str(topic.partitions), _kept(topic), set_aside, topic.why)
        table.add_row(*map(Text, cells))
    return table


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "last of a key"
    if topic.retention_seconds is None:
        return "for ever"
    return f"{topic.retention_seconds // DAY} days"
