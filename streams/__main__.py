"""The command line: one file a command in `streams/cli`, found by name."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any

import click

from schemas.errors import BadConfig, BadMessage, Unavailable
from streams import cli

WRONG_USE, AWAY = 2, 3


class Commands(click.Group):
    """Loads a command's module only when it is asked for; `dead_letters.py` is `breakwater dead-letters`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(cli.__path__) if m.name[0] != "_")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"streams.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="breakwater", message="breakwater %(version)s")
def breakwater() -> None:
    """Sees a contact-centre outage as one event and says what to do about it.

    Start with `breakwater demo`: it needs nothing but this machine. Then point `breakwater topics apply` and
    `breakwater worker` at your Kafka, and `breakwater feed` at an export of yours. `breakwater centre apply` says what
    may be moved, `breakwater incidents` what is open and what waits for your yes.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Runs a command. Exit codes: 0 done, 1 a check failed, 2 wrong use, 3 something outside is away."""
    try:
        return breakwater.main(args=arguments, standalone_mode=True)
    except BadConfig as error:
        click.echo("\n".join(f"breakwater: {path}: {text}" for path, text in error.problems), err=True)
        sys.exit(WRONG_USE)
    except BadMessage as error:
        click.echo(f"breakwater: {error}", err=True)
        sys.exit(WRONG_USE)
    except Unavailable as error:
        click.echo(f"breakwater: {error}", err=True)
        sys.exit(AWAY)


if __name__ == "__main__":
    main()
