"""Carriers and platforms: how each of them is, and which may carry what now.

A provider is taken for failed once its probe said so for `provider_down_seconds`, and trusted again only after
`provider_up_seconds` without a bad word; each new failure within a day doubles that patience. So a provider that flaps
costs one switch, not one a flap. A switch is made once; the way back waits for the trust, not for the calm that the
switch itself has brought.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from response.actions import BRINGS_A_WAY_IN
from response.params import RespondParams
from response.state import Desk, ProviderState
from schemas.centre import Provider, Route
from schemas.health import ToolHealth
from schemas.incident import Reason

FAILURES_THAT_SLOW = 4
FAILURES_FORGOTTEN = timedelta(days=1)
Standing = Literal["up", "doubtful", "failed"]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is taken for, and since when."""

    standing: Standing
    since: datetime | None = None


def hear(desk: Desk, health: ToolHealth, params: RespondParams) -> None:
    """One probe's word about a provider; words come here in the order of their time."""
    if health.provider is None:
        return
    known = desk.providers.setdefault(health.provider, ProviderState())
    if health.state == "down":
        known.down_since, known.up_since = known.down_since or health.at, None
    elif health.state == "up":
        known.down_since, known.up_since = None, known.up_since or health.at
    else:  # degraded: no failure, but no proof of health
        known.up_since = None
    settle(known, health.at, params)


def settle(known: ProviderState, now: datetime, params: RespondParams) -> None:
    """Let what was said so far take effect by `now`."""
    if not known.failed and known.down_since is not None:
        if now >= known.down_since + timedelta(seconds=params.provider_down_seconds):
            _fail(known, now)
    elif known.failed and known.up_since is not None and now >= known.up_since + _patience(known, params):
        known.failed = False


def _fail(known: ProviderState, now: datetime) -> None:
    fresh = known.failed_at is None or now >= known.failed_at + FAILURES_FORGOTTEN
    known.failed, known.failed_at = True, now
    known.failures = 1 if fresh else known.failures + 1


def condemn(desk: Desk, action: str, channel: str) -> None:
    """A switch away from whoever carries the channel says that he failed, whatever his probes say: he is trusted again
    only after they were good for as long as after any failure."""
    if action not in BRINGS_A_WAY_IN:
        return
    for one in of_channel(desk, channel):
        known = desk.providers.get(one.name)
        if known is not None and not known.failed:
            known.up_since = None
            _fail(known, desk.now)


def _patience(known: ProviderState, params: RespondParams) -> timedelta:
    slower = 2 ** min(max(0, known.failures - 1), FAILURES_THAT_SLOW)
    return timedelta(seconds=params.provider_up_seconds * slower)


def judged(desk: Desk, name: str, params: RespondParams) -> Judged | None:
    """What we take a provider for now; None where nobody ever spoke of it, or not for long."""
    known = desk.providers.get(name)
    if known is None:
        return None
    settle(known, desk.now, params)
    if known.failed:
        return Judged(standing="failed", since=known.failed_at)
    if known.down_since is not None or not _heard_lately(desk, name, params):
        return Judged(standing="doubtful", since=known.down_since)
    return Judged(standing="up", since=known.up_since)


def _heard_lately(desk: Desk, name: str, params: RespondParams) -> bool:
    words = (health for health in desk.tools.values() if health.provider == name)
    return any(desk.fresh(health.at, params.tool_fresh_seconds) for health in words)


def of_channel(desk: Desk, channel: str) -> list[Provider]:
    """Whoever carries a channel, but for those that only a route names."""
    centre = desk.centre
    if centre is None:
        return []
    standby = {route.provider for route in centre.routes if route.provider}
    return [one for one in centre.providers if channel in one.channels and one.name not in standby]


def may_carry(desk: Desk, route: Route, params: RespondParams) -> bool:
    """Whether what the route moves arrives somewhere that works: its own provider where it names one, else whoever
    carries the channel it leads to."""
    if route.provider is not None:
        said = judged(desk, route.provider, params)
        return said is None or said.standing == "up"
    if route.action in BRINGS_A_WAY_IN or route.action == "call-back":
        return True  # a call-back is promised for when the line is back
    return not any(_failed(desk, one.name, params) for one in of_channel(desk, route.to_queue.channel))


def _failed(desk: Desk, name: str, params: RespondParams) -> bool:
    said = judged(desk, name, params)
    return said is not None and said.standing == "failed"


def hands_off(desk: Desk, route: Route) -> Reason | None:
    """Why a switch of carriers cannot be commanded: the numbers are the carrier's, who has to be asked by a person."""
    if route.action != "second-carrier":
        return None
    for one in of_channel(desk, route.from_queue.channel):
        if one.controls_numbers == "carrier":
            text = f"{one.name} holds the numbers: ask it to forward them, then approve"
            return Reason(code="carrier-holds-numbers", text=text)
    return None


def holds(desk: Desk, action: str, channel: str, changed_at: datetime | None, params: RespondParams) -> Reason | None:
    """Why a way in that was opened for `channel` stays open although its customers come again: they come by it."""
    if action not in BRINGS_A_WAY_IN:
        return None
    for one in of_channel(desk, channel):
        said = judged(desk, one.name, params)
        if said is None:
            continue
        if said.standing != "up":
            return Reason(code="primary-not-trusted", text=f"{one.name} is not trusted yet: the way back waits")
        return None
    # nobody probes the primary: the switch stays for a while before the way back is tried
    least = timedelta(seconds=params.switch_seconds_min)
    if changed_at is not None and desk.now < changed_at + least:
        return Reason(
            code="switched-lately", text=f"a switch stays for at least {params.switch_seconds_min / 60:g} min"
        )
    return None
