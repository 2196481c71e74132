"""How the desk stands as a whole: said when the kill switch, the mode, who is on call or a slow tool changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from response import on_call, spending
from response.params import RespondParams
from response.state import Desk
from schemas.base import Origin
from schemas.status import DeskStatus, OnDuty, SlowTool, Stop


def stops(desk: Desk) -> Iterator[Stop]:
    """Every use of the kill switch that nobody has undone, the widest first."""
    yield from (stop for _, stop in sorted(desk.killed.items()))
    for _, incident in sorted(desk.incidents.items()):
        if incident.killed is not None:
            yield incident.killed
    for _, incident in sorted(desk.incidents.items()):
        yield from (shift.killed for _, shift in sorted(incident.shifts.items()) if shift.killed is not None)


def _on_duty(desk: Desk) -> list[OnDuty]:
    """Looked up when the model changed or a turn is over, not with every message."""
    if desk.duty_until is None or desk.clock.wall >= desk.duty_until or desk.status is None:
        found = on_call.on_duty(desk.centre, desk.clock.wall)
        turns = [duty.until for duty in found if duty.until is not None]
        desk.duty_until = min(turns, default=desk.clock.wall + timedelta(days=1))
        return found
    return desk.status.on_duty


def say(desk: Desk, origin: Origin, params: RespondParams) -> DeskStatus | None:
    """A new revision, if anything of it changed; nothing before there is a model or a stop."""
    centre, before = desk.centre, desk.status
    now = DeskStatus(
        tenant=desk.tenant,
        revision=before.revision if before else 0,
        at=before.at if before else desk.now,
        mode=centre.mode if centre else "approve",
        stops=list(stops(desk)),
        on_duty=_on_duty(desk),
        budget=spending.account(desk, before.budget if before else None),
        slow=list(_slow(desk, params)),
        origin=before.origin if before else origin,
    )
    if before is None and centre is None and not now.stops and not now.slow:
        return None
    if before is not None and _news(now) == _news(before):
        desk.status = now  # the account goes on
        return None
    desk.status = msgspec.structs.replace(now, revision=now.revision + 1, at=desk.now, origin=origin)
    return desk.status


def _news(status: DeskStatus) -> tuple[object, ...]:
    return status.mode, status.stops, status.on_duty, status.slow, spending.news(status.budget)


def _slow(desk: Desk, params: RespondParams) -> Iterator[SlowTool]:
    for name, one in sorted(desk.latencies.by_name.items()):
        health = desk.tools.get(name)
        if one.slow is not None and health is not None and desk.fresh(health.at, params.tool_fresh_seconds):
            yield SlowTool(
                tool=health.tool,
                provider=health.provider,
                site=health.site,
                since=one.slow.since,
                latency_seconds=one.slow.said,
                usual_seconds=one.slow.usual,
            )
