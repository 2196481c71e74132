"""The contact centre of the demo and the drills: an online retailer in peak season. Invented; sized like a real one."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.base import QueueRef
from schemas.centre import Centre, CentreChannel, CentreQueue, Mode, Provider, Route

TENANT = "demo"
TIME_ZONE = "America/Chicago"
CARRIER = "northline"
SHRINKAGE = 0.3
TOOLS = ("telephony", "chat-platform", "e-mail", "crm", "routing", "wfm")


class QueuePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One queue: what comes at the busiest hour of an ordinary weekday, and who is there for it.

    `slots_occupancy` is the share of slots that the plan keeps busy; a queue with `backlog_minutes` is worked off in
    order and always has about so many minutes of arrivals waiting. `patience_seconds` None: nobody gives up.
    """

    at: QueueRef
    per_minute_peak: float
    handle_seconds: float
    reasons: tuple[tuple[str, float], ...]
    patience_seconds: float | None = None
    concurrency: int = 1
    slots_occupancy: float = 0.82
    backlog_minutes: float = 0.0
    escalated_share: float = 0.02
    transferred_share: float = 0.0
    negative_share: float = 0.12


def _queue(channel: str, queue: str, per_minute: float, handle_seconds: float, **more: Any) -> QueuePlan:
    at = QueueRef(channel=channel, queue=queue)
    return QueuePlan(at=at, per_minute_peak=per_minute, handle_seconds=handle_seconds, **more)


_ORDERS = (("where-is-my-order", 0.6), ("change-order", 0.25), ("promotion", 0.15))
_BILLING = (("charged-twice", 0.3), ("payment-failed", 0.4), ("invoice", 0.3))
_RETURNS = (("return-label", 0.55), ("damaged", 0.25), ("exchange", 0.2))
_REFUNDS = (("refund-status", 0.7), ("refund-request", 0.3))
_CARE = (("complaint", 0.5), ("question", 0.5))

QUEUES: tuple[QueuePlan, ...] = (
    _queue("voice", "orders", 20.0, 300.0, reasons=_ORDERS, patience_seconds=180.0, transferred_share=0.04),
    _queue("voice", "billing", 14.0, 360.0, reasons=_BILLING, patience_seconds=180.0, transferred_share=0.05),
    _queue("voice", "returns", 10.0, 280.0, reasons=_RETURNS, patience_seconds=150.0, transferred_share=0.03),
    _queue("chat", "orders", 16.0, 480.0, reasons=_ORDERS, patience_seconds=240.0, concurrency=3),
    _queue("chat", "billing", 12.0, 540.0, reasons=_BILLING, patience_seconds=240.0, concurrency=3),
    _queue("email", "orders", 36.0, 210.0, reasons=_ORDERS, slots_occupancy=1.0, backlog_minutes=9.0),
    _queue("email", "returns", 20.0, 210.0, reasons=_RETURNS, slots_occupancy=1.0, backlog_minutes=9.0),
    _queue("social", "care", 8.0, 240.0, reasons=_CARE, negative_share=0.3),
    _queue("app", "refunds", 20.0, 150.0, reasons=_REFUNDS),
)


def _refs(channel: str) -> list[QueueRef]:
    return [plan.at for plan in QUEUES if plan.at.channel == channel]


def agents_at_peak(plan: QueuePlan) -> int:
    """People at their desks at the busiest hour; one answers `concurrency` contacts at once."""
    slots = plan.per_minute_peak / 60 * plan.handle_seconds / plan.slots_occupancy
    return max(1, round(slots / plan.concurrency))


def agents_rostered(plan: QueuePlan) -> int:
    """People on the roster for it: some are at lunch, in training or ill."""
    return round(agents_at_peak(plan) / (1 - SHRINKAGE))


def _channel(plan_of: QueuePlan, target_share: float, target_seconds: float) -> CentreChannel:
    return CentreChannel(
        target_share=target_share,
        target_seconds=target_seconds,
        concurrency=float(plan_of.concurrency),
        handle_seconds=plan_of.handle_seconds,
        patience_seconds=plan_of.patience_seconds or 14_400.0,
    )


def centre(mode: Mode = "auto") -> Centre:
    """The retailer's model as the product is told it: agents, floors, targets, and what may move where."""
    first = {plan.at.channel: plan for plan in reversed(QUEUES)}
    targets = {
        "voice": (0.8, 20.0),
        "chat": (0.8, 45.0),
        "email": (0.9, 14_400.0),
        "social": (0.9, 1_800.0),
        "app": (0.9, 3_600.0),
    }
    return Centre(
        tenant=TENANT,
        time_zone=TIME_ZONE,
        mode=mode,
        shrinkage=SHRINKAGE,
        channels={name: _channel(plan, *targets[name]) for name, plan in sorted(first.items())},
        queues=[
            CentreQueue(
                at=plan.at,
                agents=agents_rostered(plan),
                floor_agents=max(1, agents_at_peak(plan) // 8),
                share_max=0.8 if plan.at.channel == "voice" else 0.5,
                handle_seconds=plan.handle_seconds,
            )
            for plan in QUEUES
        ],
        routes=_routes(),
        providers=[
            Provider(name=CARRIER, tool="telephony", channels=["voice"], controls_numbers="carrier"),
            Provider(name="parley", tool="chat-platform", channels=["chat"]),
            Provider(name="postbox", tool="e-mail", channels=["email"]),
        ],
        status_page="https://status.retailer.example",
    )


def _routes() -> list[Route]:
    """Agents of the voice queues are trained to write too: when nobody can call, they help where customers write.
    Those who chat about orders may be answered by the billing team and the other way round, may be asked to write an
    e-mail, or are called back once there are lines; when too many call, some are offered a chat."""
    voice, chat, email = _refs("voice"), _refs("chat"), _refs("email")
    flex = [
        Route(from_queue=giver, to_queue=helped, action="skill-flex", share_max=0.6, work_ratio=1.2)
        for giver in voice
        for helped in (*chat, *email, *_refs("social"), *_refs("app"))
    ]
    orders, billing = chat
    between = [
        Route(from_queue=orders, to_queue=billing, action="overflow", share_max=0.3, work_ratio=1.1),
        Route(from_queue=billing, to_queue=orders, action="overflow", share_max=0.3, work_ratio=1.1),
    ]
    later = [Route(from_queue=queue, to_queue=email[0], action="deflect", share_max=0.25) for queue in chat]
    promised = [
        Route(from_queue=queue, to_queue=helper, action="call-back", share_max=0.2)
        for queue, helper in zip(chat, voice, strict=False)
    ]
    to_chat = [Route(from_queue=queue, to_queue=orders, action="sms", share_max=0.2) for queue in voice]
    return flex + between + later + promised + to_chat
