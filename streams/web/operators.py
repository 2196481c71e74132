"""Who may decide, on the page and at the command line: a token each. Without operators the page only reads."""

from __future__ import annotations

import hashlib
import hmac
from collections import deque

from schemas.errors import BadConfig
from streams import clock
from streams.config import Operator, read_secret

TOKEN_LENGTH_MIN = 20
FAILURES_MAX, FAILURES_SECONDS = 10, 60.0


class TooManyFailures(Exception):
    """Somebody is guessing: nobody is asked for a while."""


class Operators:
    """Raises BadConfig where a token cannot be read, is too short to be hard to guess, or is two people's."""

    def __init__(self, operators: list[Operator]) -> None:
        self._names: list[tuple[bytes, str]] = []
        self._failed_at: deque[float] = deque(maxlen=FAILURES_MAX)
        problems: list[tuple[str, str]] = []
        for n, one in enumerate(operators):
            try:
                digest, where = _digest_of(one, f"web.operators.{n}")
            except BadConfig as error:
                problems += error.problems
                continue
            if any(known == digest for known, _ in self._names):
                problems.append((where, "holds another operator's token: nobody could say who decided"))
            self._names.append((digest, one.name))
        if problems:
            raise BadConfig(problems)

    def __len__(self) -> int:
        return len(self._names)

    def name_of(self, authorization: str) -> str | None:
        """Whose `Authorization` header this is. Raises TooManyFailures after ten wrong ones in a minute."""
        if not authorization:
            return None
        now = clock.elapsed()
        if len(self._failed_at) == FAILURES_MAX and now - self._failed_at[0] < FAILURES_SECONDS:
            raise TooManyFailures
        name = self.named(authorization.removeprefix("Bearer "))
        if name is None:
            self._failed_at.append(now)
        return name

    def named(self, token: str) -> str | None:
        """Whose token this is; too short a one is nobody's, also where the settings have its digest."""
        if len(token) < TOKEN_LENGTH_MIN:
            return None
        given = _digest(token)
        found = [name for known, name in self._names if hmac.compare_digest(known, given)]  # all of them, every time
        return found[0] if found else None


def _digest_of(one: Operator, at: str) -> tuple[bytes, str]:
    """An operator's token as digest, and the field that it stands in. Raises BadConfig."""
    if one.token_sha256 is not None:
        return bytes.fromhex(one.token_sha256), f"{at}.token_sha256"
    assert one.token_file is not None
    where = f"{at}.token_file"
    try:
        token = read_secret(one.token_file)
    except BadConfig as error:
        fix = "`token_sha256` in its place needs no file"
        raise BadConfig([(where, f"{path} {text}; {fix}") for path, text in error.problems]) from None
    if len(token) < TOKEN_LENGTH_MIN:
        raise BadConfig([(where, f"holds {len(token)} characters: take {TOKEN_LENGTH_MIN} or more, at random")])
    return _digest(token), where


def _digest(token: str) -> bytes:
    """Of one length for every token, so that comparing tells nothing of it."""
    return hashlib.sha256(token.encode()).digest()
