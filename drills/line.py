"""One queue's line: who waits, who is being talked to, and how many can be."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import msgspec

from drills.retailer import QueuePlan
from schemas.base import QueueRef


class Contact(msgspec.Struct, eq=False):
    """One contact on its way through the centre. Times are event times. `gone` gave up, `lost` was cut off."""

    contact_id: str
    plan: QueuePlan
    offered_at: datetime
    handle_seconds: float
    reason: str
    vip: bool
    customer: str
    transfer: bool = False
    answered_at: datetime | None = None
    ends_at: datetime | None = None
    gone: bool = False
    lost: bool = False
    # the queue whose people serve it, where that is not its own
    served_by: QueueRef | None = None


class Line:
    """First come, first served, `slots` contacts at once."""

    def __init__(self, plan: QueuePlan) -> None:
        self.plan = plan
        self.slots = 0
        self.in_hand: dict[str, Contact] = {}
        self._waiting: deque[Contact] = deque()
        self._gone = 0

    @property
    def waiting(self) -> int:
        """Contacts that wait and have not given up."""
        return len(self._waiting) - self._gone

    @property
    def free(self) -> int:
        """Slots that could take a contact now."""
        return max(0, self.slots - len(self.in_hand))

    def oldest_wait_seconds(self, now: datetime) -> float | None:
        """How long the first in line has waited."""
        first = next((contact for contact in self._waiting if not contact.gone), None)
        return None if first is None else round(max(0.0, (now - first.offered_at).total_seconds()), 3)

    def join(self, contact: Contact) -> None:
        self._waiting.append(contact)

    def give_up(self, contact: Contact) -> None:
        contact.gone = True
        self._gone += 1

    def next(self) -> Contact | None:
        """The contact whose turn it is, if a slot is free; it is then in hand."""
        while self.free and self._waiting:
            contact = self._waiting.popleft()
            if contact.gone:
                self._gone -= 1
                continue
            self.in_hand[contact.contact_id] = contact
            return contact
        return None

    def leave(self, contact: Contact) -> None:
        """The contact is over; its slot is free."""
        del self.in_hand[contact.contact_id]

    def everyone_waiting(self) -> list[Contact]:
        return [contact for contact in self._waiting if not contact.gone]
