"""What each cause does to a centre, as a desk may hear of it: the truth that the outages of `drills.outages` are drawn
from. Invented, in the shape of the retailer's centre; no part of the product reads it.

Every sign shows with probability PRESENT on its own. When and how strongly a sign shows depends on its kind, never on
the cause, so that only *which* signs there are speaks for a cause.
"""

from __future__ import annotations

from itertools import chain
from typing import Literal

import msgspec

from drills.retailer import QUEUES
from schemas.incident import CauseKind
from schemas.signal import SignalKind

PRESENT = 0.7
TOOL_FALSE_ALARM = 0.01
TOOLS = ("telephony", "chat-platform", "crm", "e-mail", "wfm", "routing", "network")


class Sign(msgspec.Struct, frozen=True, order=True):
    """One series that leaves its usual range; `site` or `region` where nearly all of it is one's."""

    at: str
    kind: SignalKind
    measure: str = "offered"
    site: str = ""
    region: str = ""


class Timing(msgspec.Struct, frozen=True):
    """Of one kind of sign, from-to: seconds from the break to its onset, from there to its detection, its ratio."""

    lag_seconds: tuple[float, float]
    delay_seconds: tuple[float, float]
    ratio: tuple[float, float]


TIMINGS: dict[str, Timing] = {
    "silence": Timing((0, 60), (15, 60), (0.0, 0.0)),
    "drop": Timing((0, 90), (30, 120), (0.05, 0.35)),
    "telemetry-lost": Timing((0, 30), (30, 60), (0.0, 0.0)),
    "surge": Timing((30, 600), (30, 180), (1.4, 5.0)),
    "metric-shift": Timing((30, 420), (60, 300), (1.4, 3.0)),
    "abandonment-wave": Timing((120, 900), (60, 300), (1.8, 4.0)),
    "backlog-growth": Timing((300, 1200), (60, 300), (1.3, 2.5)),
    "escalation-wave": Timing((900, 1500), (60, 300), (1.8, 3.5)),
    "sentiment-wave": Timing((300, 1200), (60, 300), (1.6, 3.0)),
    "mix-shift": Timing((60, 600), (60, 300), (1.5, 4.0)),
}


class Nature(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a cause shows. `idle`: channels whose agents have nothing to do; `missing`: most agents are not
    there; `tool`: the probe that says so. `reach`: the scope that an incident of it has once two channels show it."""

    signs: tuple[Sign, ...]
    tool: str | None = None
    idle: tuple[str, ...] = ()
    missing: bool = False
    reach: Literal["site", "region"] | None = None


def _whole(channel: str, kind: SignalKind, measure: str = "offered") -> tuple[Sign, ...]:
    """A channel and each of its queues."""
    queues = [str(plan.at) for plan in QUEUES if plan.at.channel == channel]
    return tuple(Sign(at, kind, measure) for at in (channel, *queues))


def _each(kind: SignalKind, measure: str, *places: str) -> tuple[Sign, ...]:
    return tuple(Sign(at, kind, measure) for at in places)


def _up(*places: str) -> tuple[Sign, ...]:
    return _each("surge", "offered", *places)


def _given_up(*places: str) -> tuple[Sign, ...]:
    return _each("abandonment-wave", "abandoned", *places)


_MAIL_BACKLOG = Sign("email", "backlog-growth", "backlog")
_ESCALATED = Sign("voice", "escalation-wave", "escalated")


def _demand(reason: str) -> Nature:
    """The same question on every channel that has a queue for it."""
    places = [plan.at for plan in QUEUES if plan.at.queue == reason]
    signs = tuple(chain.from_iterable((Sign(at.channel, "surge"), Sign(str(at), "surge")) for at in places))
    asked = Sign(places[0].channel, "mix-shift", "reason")
    return Nature(signs=(*signs, asked, *_given_up("voice"), _MAIL_BACKLOG))


def _lost(**where: str) -> tuple[Sign, ...]:
    """What is missing from each channel that people answer, when one site or region of several is lost."""
    places = ("voice", "voice/orders", "voice/billing", "chat", "chat/orders", "email")
    return tuple(Sign(at, "drop", **where) for at in places)


def _feed(*channels: str) -> Nature:
    return Nature(signs=_each("telemetry-lost", "heartbeat", *channels))


# By cause, its natures: each is as likely as the others.
NATURES: dict[CauseKind, tuple[Nature, ...]] = {
    "telephony": (
        Nature(
            signs=(
                *_whole("voice", "silence"),
                *_up("chat", "chat/orders", "chat/billing", "email", "social", "app"),
                Sign("chat", "escalation-wave", "escalated"),
            ),
            tool="telephony",
            idle=("voice",),
        ),
    ),
    "chat-platform": (
        Nature(
            signs=(*_whole("chat", "silence"), *_up("voice", "voice/orders", "email", "social"), _ESCALATED),
            tool="chat-platform",
            idle=("chat",),
        ),
    ),
    "crm": (
        Nature(
            signs=(
                *_each("metric-shift", "handle_seconds", "voice", "chat", "email", "social", "app"),
                *_given_up("voice", "chat"),
                _MAIL_BACKLOG,
                _ESCALATED,
            ),
            tool="crm",
        ),
    ),
    "e-mail": (
        Nature(
            signs=(*_whole("email", "silence"), *_up("voice", "chat", "social"), _ESCALATED),
            tool="e-mail",
            idle=("email",),
        ),
    ),
    "wfm": (
        Nature(
            signs=(
                *_given_up("voice", "voice/orders", "chat"),
                *_each("metric-shift", "wait_seconds", "voice", "chat"),
                _MAIL_BACKLOG,
                _ESCALATED,
            ),
            tool="wfm",
            missing=True,
        ),
    ),
    "routing": (
        Nature(
            signs=(
                *_whole("voice", "drop", "answered"),
                *_each("drop", "answered", "chat"),
                *_given_up("voice", "chat"),
                *_each("metric-shift", "wait_seconds", "voice"),
                _ESCALATED,
            ),
            tool="routing",
            idle=("voice", "chat"),
        ),
    ),
    "power-or-site": (
        Nature(
            signs=(
                *_whole("voice", "silence"),
                *_whole("chat", "silence"),
                *_whole("email", "silence"),
                *_up("social", "app"),
                Sign("social", "escalation-wave", "escalated"),
            ),
            tool="network",
            missing=True,
        ),
        Nature(signs=(*_lost(site="east"), *_up("social", "app"), _ESCALATED), tool="network", reach="site"),
        Nature(signs=(*_lost(region="south"), *_up("social"), _ESCALATED), tool="network", reach="region"),
    ),
    "demand-surge": tuple(_demand(reason) for reason in ("orders", "billing", "returns")),
    "data-feed-lost": (_feed("chat"), _feed("voice", "chat"), _feed("email", "social", "app")),
    # a product that is recalled; the customers' own app that is broken: nothing of ours has failed
    "unknown": (
        Nature(
            signs=(
                *_each("mix-shift", "reason", "voice", "chat", "email", "app"),
                *_each("sentiment-wave", "negative", "social", "chat"),
                _ESCALATED,
            ),
        ),
        Nature(signs=(*_each("drop", "offered", "app", "app/refunds"), Sign("social", "sentiment-wave", "negative"))),
    ),
}
