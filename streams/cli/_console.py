"""Where the commands print for people."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_COLUMNS = 160


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for a file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
