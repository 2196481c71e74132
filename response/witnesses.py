"""What else speaks for a cause: agents without work or missing, tools that are down or slow, each since when.

Only what began near the incident speaks of it: a probe that is red all day, or agents whom another outage took away,
do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from response import floor, words
from response.latency import in_seconds
from response.on_call import zone_of
from response.params import RespondParams
from response.state import Desk
from schemas.base import QueueRef
from schemas.health import ToolHealth
from schemas.incident import CauseKind
from schemas.workforce import Workforce

MAIL = frozenset({"email", "e-mail", "mail"})
CHAT = frozenset({"chat", "bot", "messaging"})
VOICE = frozenset({"voice", "phone", "telephony"})
IDLE_SHARE = 0.6
STAFFED_LOW_SHARE = 0.4
TOOL = "tool "  # before a tool's name, among the names of findings

TOOL_CAUSES: dict[str, CauseKind] = {
    "telephony": "telephony",
    "carrier": "telephony",
    "chat": "chat-platform",
    "chat-platform": "chat-platform",
    "bot": "chat-platform",
    "crm": "crm",
    "e-mail": "e-mail",
    "email": "e-mail",
    "ticketing": "e-mail",
    "wfm": "wfm",
    "routing": "routing",
    "acd": "routing",
    "power": "power-or-site",
    "site": "power-or-site",
    "network": "power-or-site",
}

Window = tuple[datetime, datetime]


def hear_agents(desk: Desk, at: QueueRef, params: RespondParams) -> None:
    """Since when a queue's agents are idle, and since when most of those planned are missing."""
    line = floor.of(desk, at, params.workforce_fresh_seconds)
    if line is None:
        return
    idle = line.staffed > 0 and line.available >= IDLE_SHARE * line.staffed
    planned = _planned(desk, line)
    missing = planned > 0 and line.staffed < STAFFED_LOW_SHARE * planned
    _since(desk, f"idle {line.queue}", idle, line.at)
    _since(desk, f"missing {line.queue}", missing, line.at)


def hear_tool(desk: Desk, name: str, health: ToolHealth) -> None:
    """Since when a tool is not up, or answers later than usual."""
    slow = desk.latencies.hear(name, health, _zone(desk))
    _since(desk, TOOL + name, health.state != "up" or slow is not None, slow.since if slow else health.at)


def _zone(desk: Desk) -> ZoneInfo:
    return zone_of(desk.centre.time_zone if desk.centre else "UTC")


def _since(desk: Desk, name: str, holds: bool, at: datetime) -> None:
    if not holds:
        desk.since.pop(name, None)
    else:
        desk.since.setdefault(name, at)


def _planned(desk: Desk, line: Workforce) -> float:
    """Slots that the centre's model plans for this queue."""
    for queue in desk.centre.queues if desk.centre else ():
        if queue.at == line.queue and desk.centre:
            channel = desk.centre.channels.get(queue.at.channel)
            return queue.agents * (channel.concurrency if channel else 1.0)
    return 0.0


def agents(desk: Desk, window: Window, params: RespondParams) -> Iterator[tuple[str, bool]]:
    """Whether most agents of a kind of channel are idle, and whether most of all are missing, since within `window`;
    nothing where no fresh report can tell."""
    told = (floor.of(desk, at, params.workforce_fresh_seconds) for at in floor.queues(desk))
    lines = [line for line in told if line is not None]
    for name, channels in (("voice_idle", VOICE), ("chat_idle", CHAT), ("mail_idle", MAIL)):
        yield from _most(desk, name, "idle", [line for line in lines if line.queue.channel in channels], window)
    planned = [line for line in lines if _planned(desk, line)]
    yield from _most(desk, "staffed_low", "missing", planned, window)


def _most(desk: Desk, name: str, what: str, lines: list[Workforce], window: Window) -> Iterator[tuple[str, bool]]:
    since = {str(line.queue): desk.since.get(f"{what} {line.queue}") for line in lines}
    told = [(line, at) for line in lines if (at := since[str(line.queue)]) is None or at >= window[0]]
    if told:
        yield name, sum(at is not None and at <= window[1] for _, at in told) > len(told) / 2


def tools(desk: Desk, window: Window, params: RespondParams) -> Iterator[tuple[str, bool]]:
    """Of each tool that we know, with a fresh probe, whether it went down or slow within `window`; of those that
    were so before, nothing."""
    for name, health in sorted(desk.tools.items()):
        since = desk.since.get(TOOL + name)
        if health.tool not in TOOL_CAUSES:
            continue
        if not desk.fresh(health.at, params.tool_fresh_seconds) or (since is not None and since < window[0]):
            continue
        yield TOOL + health.tool, since is not None and since <= window[1]


def slow(desk: Desk, tool: str, window: Window) -> str | None:
    """How slow a tool is that turned slow within `window`, in words; None where it says itself that it is not up. Where
    it runs in several places, the slowest."""
    names = [name for name, health in sorted(desk.tools.items()) if health.tool == tool]
    turned = [name for name in names if (at := desk.since.get(TOOL + name)) and window[0] <= at <= window[1]]
    if any(desk.tools[name].state != "up" for name in turned):
        return None
    known = [desk.latencies.by_name[name].slow for name in turned if name in desk.latencies.by_name]
    worst = max((one for one in known if one is not None), key=lambda one: one.away, default=None)
    if worst is None:
        return None
    since = words.clock_time(worst.since, desk.now, _zone(desk))
    return f"{tool} answers in {in_seconds(worst.said)}, usually {in_seconds(worst.usual)}, since {since}"
