"""An operator's decision from the page onto the bus, and what the desk made of it: as `breakwater approve` does it.

No cookie is involved: the token travels in a header that no other site can make a browser send, and a request that
says it comes from another site is refused besides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from schemas.decision import OperatorDecision
from schemas.errors import BadConfig, Unavailable
from schemas.fold import digest
from streams import clock, decide, telemetry
from streams.config import Settings
from streams.web.board import Board
from streams.web.operators import Operators, TooManyFailures
from streams.web.tenant import TenantBoard

log = telemetry.logger("web")

Action = Literal["acknowledge", "mute", "unmute", "approve", "reject", "kill", "unkill", "not-an-incident", "resolve"]
ANSWER_SECONDS_MAX = 15.0
AT_ONCE_MAX = 4
BODY_BYTES_MAX = 4_096
MINUTES_MAX = 7 * 24 * 60
ON_COMMANDS = ("approve", "reject")
SOURCE = "breakwater/page"


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What the page sends. `id` is the click's: sent twice it is one decision. `minutes` is how long a mute lasts."""

    id: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
    tenant: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    action: Action
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    note: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)] | None = None


class Answer(msgspec.Struct):
    """What became of it. `no-answer`: it is on the bus, and the desk has not said anything yet."""

    outcome: Literal["done", "refused", "no-answer"]
    reason: str | None = None


Carry = Callable[[OperatorDecision], Awaitable[Answer]]


class Deciding:
    """The two routes. `carry` takes a decision to the desk; raises Unavailable, BadConfig."""

    def __init__(self, operators: Operators, board: Board, carry: Carry) -> None:
        self._operators = operators
        self._board = board
        self._carry = carry
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def who(self, request: web.Request) -> web.Response:
        """Whose token this is; `wanted` is whether there are operators at all."""
        try:
            name = self._operators.name_of(request.headers.get("Authorization", ""))
        except TooManyFailures:
            return _said(429, error="too many wrong tokens: wait a minute")
        return _said(200, name=name, wanted=len(self._operators) > 0)

    async def post(self, request: web.Request) -> web.Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return _said(403, error="only this page may decide")
        try:
            name = self._operators.name_of(request.headers.get("Authorization", ""))
        except TooManyFailures:
            return _said(429, error="too many wrong tokens: wait a minute")
        if name is None:
            return _said(401, error="this token is nobody's: sign in again")
        try:
            wish = msgspec.json.decode(await _body(request), type=Wish)
        except msgspec.DecodeError as error:
            return _said(400, error=str(error))
        if not self._knows(wish):
            return _said(404, error=f"{wish.target} is not here: it may be over")
        return await self._decide(wish, name)

    def _knows(self, wish: Wish) -> bool:
        """Whether the target can be what the action is about."""
        tenant = self._board.tenant(wish.tenant)
        if tenant is None:
            return False
        if wish.action in ON_COMMANDS:
            return wish.target in tenant.proposals
        if wish.action in ("kill", "unkill") and wish.target == wish.tenant:
            return True
        return wish.target in tenant.incidents or (wish.action in ("kill", "unkill") and wish.target in tenant.commands)

    async def _decide(self, wish: Wish, name: str) -> web.Response:
        tenant = self._board.tenant(wish.tenant)
        assert tenant is not None
        made = decision(wish, name, tenant)
        about = {"action": made.action, "target": made.target, "tenant": made.tenant, "by": name}
        async with self._turn:
            try:
                answer = await self._carry(made)
            except (Unavailable, BadConfig) as away:
                log.error("a decision could not be written", why=str(away), **about)
                return _said(503, error=str(away))
        log.info("decided on the page", outcome=answer.outcome, reason=answer.reason, **about)
        return web.Response(body=msgspec.json.encode(answer), headers=HEADERS)


def decision(wish: Wish, by: str, tenant: TenantBoard) -> OperatorDecision:
    now = clock.now()
    until = tenant.now(now) + timedelta(minutes=wish.minutes) if wish.minutes else None
    return OperatorDecision(
        decision_id=digest(by, wish.tenant, wish.id),
        tenant=wish.tenant,
        at=now,
        by=by,
        action=wish.action,
        target=wish.target,
        until=until,
        note=wish.note or None,
    )


def carry_to(settings: Settings) -> Carry:
    """Writes a decision and waits for the desk, in a thread: both may take seconds."""

    def carry(made: OperatorDecision) -> Answer:
        found = decide.carry_out(settings, made, SOURCE, ANSWER_SECONDS_MAX)
        return Answer(found.word, found.reason)

    return lambda made: asyncio.to_thread(carry, made)


HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise msgspec.DecodeError(f"a decision is at most {BODY_BYTES_MAX} bytes")
    return await request.content.read(BODY_BYTES_MAX)


def _said(status: int, **facts: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(facts), headers=HEADERS)
