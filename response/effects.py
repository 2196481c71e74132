"""Whether a running shift does what it was made for, by what is measured: no effect, or harm, ends it.

The effect is judged against what the exact queues say would be without this one shift, at today's arrivals: a surge
that still grows hides no help, and one that fades fakes none.
"""

from __future__ import annotations

from datetime import timedelta

from response import floor
from response.actions import BRINGS_A_WAY_IN, LENDS_PEOPLE, donor, relieved
from response.capacity import Picture, picture
from response.ledger import Ledger, own_slots
from response.params import RespondParams
from response.state import Desk, ShiftState
from schemas.base import QueueRef
from schemas.centre import Route
from schemas.incident import Reason

CONTACTS_MIN = 20.0  # fewer say nothing about a share
PROMISED_MIN = 0.05  # of contacts: less is not told from chance
EFFECT_MIN = 0.25  # of what was promised
HARM = 0.10  # of the donor's contacts, lost more than before
BUSY = 0.8


def lost_share(desk: Desk, at: QueueRef) -> float | None:
    """Of those who were answered or gave up in the last minutes, how many gave up; None where too few did either."""
    flow = desk.flows.get(str(at))
    if flow is None or flow.answered + flow.abandoned < CONTACTS_MIN:
        return None
    return flow.abandoned / (flow.answered + flow.abandoned)


def begin(desk: Desk, shift: ShiftState, params: RespondParams) -> None:
    """Remember what was measured when the shift began."""
    shift.confirmed, shift.judged = False, False
    both = (shift.from_queue, shift.to_queue)
    shift.lost_before = {str(at): share for at in both if (share := lost_share(desk, at)) is not None}
    seen = [picture(desk, at, params) for at in both]
    shift.slots_before = {str(at.at): own_slots(desk, at) for at in seen if isinstance(at, Picture)}


def harm(desk: Desk, shift: ShiftState, route: Route, params: RespondParams) -> Reason | None:
    """Whether the donor loses clearly more of its own contacts than when the shift began."""
    giver = donor(route)
    if giver == relieved(route) or not _since(desk, shift, params.check_after_seconds):
        return None
    now, before = lost_share(desk, giver), shift.lost_before.get(str(giver), 0.0)
    if now is None or now - before < HARM:
        return None
    return Reason(code="harm", text=f"{giver} loses {now:.0%} of its own contacts, {before:.0%} when it began")


def missing(desk: Desk, shift: ShiftState, route: Route, ledger: Ledger, params: RespondParams) -> Reason | None:
    """Why the shift is taken to have no effect; None while it is not time, nothing can be told, or it helps. `ledger`
    holds all that runs."""
    if shift.judged or not _since(desk, shift, params.judge_after_seconds):
        return None
    shift.judged = True
    if desk.platform_answers and not shift.confirmed:
        return Reason(code="not-confirmed", text="the platform never said that it was applied")
    at = relieved(route)
    if route.action in BRINGS_A_WAY_IN:
        return _nobody_came(desk, shift, at)
    return _nothing_gained(desk, shift, route, ledger, params)


def _nobody_came(desk: Desk, shift: ShiftState, at: QueueRef) -> Reason | None:
    flow = desk.flows.get(str(at))
    promised = shift.share * flow.usual_rate if flow else 0.0
    if flow is None or promised * flow.seconds < CONTACTS_MIN / 2 or flow.rate >= EFFECT_MIN * promised:
        return None
    return Reason(code="no-effect", text=f"{flow.rate / promised:.0%} of the contacts it should bring to {at} came")


def _nothing_gained(
    desk: Desk, shift: ShiftState, route: Route, ledger: Ledger, params: RespondParams
) -> Reason | None:
    at = relieved(route)
    measured = lost_share(desk, at)
    if measured is None or str(at) in ledger.gone or ledger.pictures[str(at)].deferred:
        return None
    if route.action in LENDS_PEOPLE and _all_busy(desk, at, params):
        return None  # whoever was lent works there
    share = ledger.share(route)
    _, with_it = ledger.outlook(str(at))
    ledger.set(route, 0.0)
    _, without = ledger.outlook(str(at))
    ledger.set(route, share)
    promised = without - with_it
    if promised < PROMISED_MIN or without - measured >= EFFECT_MIN * promised:
        return None
    if measured < shift.lost_before.get(str(at), 1.0) - PROMISED_MIN:
        return None  # better than when it began, whatever the model says
    text = f"{at} loses {measured:.0%} of its contacts; {with_it:.0%} was promised, {without:.0%} without it"
    return Reason(code="no-effect", text=text)


def _all_busy(desk: Desk, at: QueueRef, params: RespondParams) -> bool:
    line = floor.of(desk, at, params.workforce_fresh_seconds)
    return line is not None and line.staffed > 0 and line.on_contact >= BUSY * line.staffed


def _since(desk: Desk, shift: ShiftState, seconds: float) -> bool:
    return shift.changed_at is not None and desk.now >= shift.changed_at + timedelta(seconds=seconds)
