"""Bot mode: a bot stands before a queue and finishes what it can. What it does not contain comes back to people.

Contained = finished and not escalated, as the minute's loads of the bot's own queue say. Below the tenant's floor a bot
only makes customers wait twice, so its mode ends by itself.
"""

from __future__ import annotations

import math

from response.state import Desk
from schemas.centre import Bot, Route
from schemas.incident import Reason

FINISHED_MIN = 30.0  # fewer say nothing about containment
PRIOR = 20.0  # contacts that the usual containment is worth
_Z95 = 1.645


def bot_of(desk: Desk, route: Route) -> Bot | None:
    """The bot that stands before the route's queue: the one of its channel, or the only one."""
    if route.action != "bot" or desk.centre is None:
        return None
    bots = desk.centre.bots
    named = [bot for bot in bots if bot.at in (route.to_queue, route.from_queue)]
    alike = [bot for bot in bots if bot.at.channel == route.from_queue.channel]
    return next(iter([*named, *alike, *bots]), None)


def contained(desk: Desk, bot: Bot) -> float:
    """The share that the bot finishes alone, lately, held near the usual until enough speaks against it."""
    flow = desk.flows.get(str(bot.at))
    finished, escalated = (flow.finished, flow.escalated) if flow else (0.0, 0.0)
    alone = max(0.0, finished - escalated)
    return (PRIOR * bot.containment_usual + alone) / (PRIOR + finished)


def work_ratio(desk: Desk, route: Route) -> float:
    """The work that is left for people of one contact on this route, against its old place."""
    bot = bot_of(desk, route)
    if bot is None:
        return route.work_ratio
    return max(1e-6, (1.0 - contained(desk, bot)) * route.work_ratio)


def fails(desk: Desk, route: Route) -> Reason | None:
    """Why the bot has to step back: surely below its floor (one-sided, 95 %), or its tool is down."""
    bot = bot_of(desk, route)
    if bot is None:
        return None
    if any(health.tool == bot.tool and health.state == "down" for health in desk.tools.values()):
        return Reason(code="bot-down", text=f"the {bot.tool} tool says that it is down")
    flow = desk.flows.get(str(bot.at))
    if flow is None or flow.finished < FINISHED_MIN:
        return None
    share = max(0.0, 1.0 - flow.escalated / flow.finished)
    margin = _Z95 * math.sqrt(max(share * (1 - share), 0.01) / flow.finished)
    if share + margin >= bot.containment_floor:
        return None
    text = f"the bot contains {share:.0%} of its contacts, its floor is {bot.containment_floor:.0%}"
    return Reason(code="containment", text=text)
