"""Where the commands print for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PIPE_COLUMNS = 160


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for a file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


@contextmanager
def counter() -> Iterator[Callable[[str, int], None]]:
    """What is counted and how fast, where there is a terminal; yields the function that is told (what, how many)."""
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda _what, _count: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} {task.description}"), _Rate(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None)
            progress.update(tasks[what], completed=count)

        yield tell


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """How much of something is done, where there is a terminal; yields the function that is told (so much, of so
    much)."""
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda _done, _of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), _Rate())
    with Progress(*columns, TimeRemainingColumn(), console=out, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> str:
        return f"{task.speed:,.0f}/s" if task.speed else ""
