"""Whose token a decision comes with. A token is never on the command line, where every process list shows it."""

from __future__ import annotations

from pathlib import Path

import click

from schemas.errors import BadConfig
from streams import config
from streams.config import TOKEN_VARIABLE, Settings
from streams.web.operators import Operators

OPTION = "--token-file"

token_option = click.option(
    OPTION,
    "token_path",
    type=click.Path(path_type=Path),
    help=f"Your token, where the settings name operators. [default: what {TOKEN_VARIABLE} holds]",
)


def decider(settings: Settings, by: str | None, token_path: Path | None) -> str:
    """Who decides: the operator whose token it is; without operators `by`, else the login name. Raises BadConfig."""
    if not settings.web.operators:
        claimed = by or config.login_name()
        if token_path is not None:
            _warn(f"{OPTION} is not looked at, as web.operators names nobody: {claimed} decides")
        return claimed
    operators = Operators(settings.web.operators)
    token, place = _token(token_path)
    name = operators.named(token)
    if name is None:
        raise BadConfig([(place, "holds a token that is nobody's of web.operators: nothing was sent")])
    if by not in (None, name):
        raise BadConfig([("--by", f"says {by}, but the token is {name}'s: leave --by out, or take {by}'s token")])
    return name


def _token(path: Path | None) -> tuple[str, str]:
    """The token and where it is from, the file first. Raises BadConfig."""
    if path is None:
        token = config.token_of_environment()
        if token is None:
            fix = f"name the file that holds yours, or set {TOKEN_VARIABLE}: nothing was sent"
            raise BadConfig([(OPTION, f"is needed, as web.operators says who may decide: {fix}")])
        return token, TOKEN_VARIABLE
    try:
        token = config.read_secret(path)
    except BadConfig as error:
        raise BadConfig([(OPTION, f"{where} {text}") for where, text in error.problems]) from None
    if config.readable_by_others(path):
        _warn(f"{path} may be read by others: chmod 600 {path}")
    return token, OPTION


def _warn(text: str) -> None:
    click.echo(f"breakwater: {text}", err=True)
