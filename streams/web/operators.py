"""Who may decide on the page: a token each, from a file. Without operators the page only reads."""

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
        problems = []
        for n, one in enumerate(operators):
            where = f"web.operators.{n}.token_file"
            try:
                token = read_secret(one.token_file)
            except BadConfig as error:
                problems += [(where, f"{path} {text}") for path, text in error.problems]
                continue
            if len(token) < TOKEN_LENGTH_MIN:
                problems.append((where, f"holds {len(token)} characters: take {TOKEN_LENGTH_MIN} or more, at random"))
            if any(known == _digest(token) for known, _ in self._names):
                problems.append((where, "holds another operator's token: nobody could say who decided"))
            self._names.append((_digest(token), one.name))
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
        given = _digest(authorization.removeprefix("Bearer "))
        found = [name for known, name in self._names if hmac.compare_digest(known, given)]  # all of them, every time
        if not found:
            self._failed_at.append(now)
            return None
        return found[0]


def _digest(token: str) -> bytes:
    """Of one length for every token, so that comparing tells nothing of it."""
    return hashlib.sha256(token.encode()).digest()
