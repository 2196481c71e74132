"""What each action of a route is: who is relieved, whose people work, and what it needs to be of use."""

from __future__ import annotations

from schemas.base import QueueRef
from schemas.centre import Route

# people move, contacts stay where they are: the one action whose `from_queue` is the donor
LENDS_PEOPLE = frozenset({"skill-flex"})
# the contact arrives first and other people take it: no help where nothing arrives
AFTER_ARRIVAL = frozenset({"overflow", "bot"})
# these bring a way in of their own, so that customers of a silent channel can come again
BRINGS_A_WAY_IN = frozenset({"second-carrier", "alternative-site"})
# work is promised for later, so that it may go to a queue that cannot be reached now
DEFERS = frozenset({"call-back"})
# what may stay within one queue: a way in, a bot before its people, a promise of its own
MAY_STAY = BRINGS_A_WAY_IN | DEFERS | {"bot"}


def relieved(route: Route) -> QueueRef:
    """The queue whose contacts are helped."""
    return route.to_queue if route.action in LENDS_PEOPLE else route.from_queue


def donor(route: Route) -> QueueRef:
    """The queue whose people do the work."""
    return route.from_queue if route.action in LENDS_PEOPLE else route.to_queue


def stays_home(route: Route) -> bool:
    """A bot before its own queue: what it hands back is less of that queue's own work, nobody else's."""
    return route.action == "bot" and route.from_queue == route.to_queue


def key_of(action: str, from_queue: QueueRef, to_queue: QueueRef) -> str:
    return f"{action} {from_queue} {to_queue}"


def key(route: Route) -> str:
    return key_of(route.action, route.from_queue, route.to_queue)
