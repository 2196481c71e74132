"""A seeded contact centre, moved on in steps: customers come, wait, give up, are answered, escalate, rate.

`step` returns what happened up to a moment, in order of event time. Everything random comes from one seeded generator,
so the same seed, steps and commands give the same contacts to the byte. What the centre does when it is told to move
people or contacts is in `drills.reactions`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

from drills.line import Contact, Line
from drills.reactions import Reactions
from drills.retailer import CARRIER, TOOLS, QueuePlan
from drills.scenario import Scenario
from drills.traffic import Traffic
from schemas.base import QueueRef
from schemas.command import LoadShiftCommand
from schemas.contact import ContactEvent, ContactType
from schemas.decision import CommandResult
from schemas.health import ToolHealth
from schemas.workforce import Workforce

Happening = ContactEvent | Workforce | ToolHealth | CommandResult

STEP = timedelta(seconds=10)
_WORKFORCE_EVERY = timedelta(seconds=60)
_HEALTH_EVERY = timedelta(seconds=30)
_CUT_SECONDS = 20.0
_RATED_SHARE = 0.15
_VIP_SHARE = 0.03
_CUSTOMERS = 60_000
_HANDLE_SPREAD = 0.6  # sd of the logarithm
_MACHINE_SECONDS = 25.0
CALL_BACK_AFTER = timedelta(hours=1)


def moment_of(happening: Happening) -> datetime:
    """Event time of anything the centre says."""
    return happening.occurred_at if isinstance(happening, ContactEvent) else happening.at


class Simulator:
    """`tenant`'s centre from `start` on. `source` names the writer of its contact events."""

    def __init__(
        self, tenant: str, source: str, traffic: Traffic, scenario: Scenario | None, seed: int, start: datetime
    ) -> None:
        self.tenant = tenant
        self.source = source
        self.traffic = traffic
        self.scenario = scenario
        self.now = start
        self.lines = {plan.at: Line(plan) for plan in traffic.plans}
        self.reactions = Reactions(tenant, seed)
        self._draw = np.random.default_rng([seed, 1])
        self._due: list[tuple[datetime, int, Callable[[datetime, Contact], None], Contact]] = []
        self._sequence = 0
        self._contacts = 0
        self._said: list[Happening] = []
        self._fill_backlogs()

    def hear(self, command: LoadShiftCommand) -> None:
        """The platform was told to do something; it does it a little later and says so."""
        self.reactions.hear(command, self.now)

    def step(self, until: datetime) -> list[Happening]:
        """Moves the centre on to `until` and returns what happened in [now, until), in order of time."""
        while self.now < until:
            end = min(until, self.now + STEP)
            self._said += self.reactions.until(self.now)
            self._staff()
            self._break(self.now, end)
            for line in self.lines.values():
                self._arrivals(line.plan, self.now, end)
            self._work_off(end)
            self._report(self.now, end)
            self.now = end
        said, self._said = self._said, []
        return sorted(said, key=moment_of)

    # customers

    def _arrivals(self, plan: QueuePlan, start: datetime, end: datetime) -> None:
        middle = start + (end - start) / 2
        factor = self.scenario.arrivals_factor(plan.at, middle) if self.scenario else 1.0
        seconds = (end - start).total_seconds()
        factor = max(factor, self.reactions.way_in(plan.at))
        n = int(self._draw.poisson(self.traffic.per_minute(plan, start) * factor * seconds / 60))
        for offset in sorted(self._draw.uniform(0, seconds, n)):
            at = _milliseconds(start, float(offset))
            self._later(at, self._arrive, self._contact(plan, at))

    def _contact(self, plan: QueuePlan, at: datetime) -> Contact:
        self._contacts += 1
        names, shares = zip(*plan.reasons, strict=True)
        return Contact(
            contact_id=f"{plan.at.channel}-{self._contacts:07d}",
            plan=plan,
            offered_at=at,
            handle_seconds=self._handle_seconds(plan),
            reason=names[int(self._draw.choice(len(names), p=shares))],
            vip=bool(self._draw.random() < _VIP_SHARE),
            customer=f"customer-{int(self._draw.integers(_CUSTOMERS)):05d}",
        )

    def _handle_seconds(self, plan: QueuePlan) -> float:
        return float(plan.handle_seconds * self._draw.lognormal(-(_HANDLE_SPREAD**2) / 2, _HANDLE_SPREAD))

    def _line(self, contact: Contact) -> Line:
        return self.lines[contact.served_by or contact.plan.at]

    def _arrive(self, at: datetime, contact: Contact) -> None:
        moved = None if contact.transfer else self.reactions.moves(contact.plan.at)
        if moved is not None and self._moved(at, contact, *moved):
            return
        line = self._line(contact)
        self._say("offered", at, contact)
        line.join(contact)
        patience = contact.plan.patience_seconds
        if patience is not None:
            self._later(_milliseconds(at, float(self._draw.exponential(patience))), self._give_up, contact)
        self._answer(line, at)

    def _moved(self, at: datetime, contact: Contact, action: str, to: QueueRef) -> bool:
        """What becomes of a contact that a command moves; True where it is no affair of its own queue any more."""
        other = self.lines.get(to)
        if action == "overflow" and other is not None:
            contact.served_by = to  # it stays what it is, other people answer
            return False
        if action in ("deflect", "sms") and other is not None:
            elsewhere = self._contact(other.plan, at)
            elsewhere.customer, elsewhere.vip = contact.customer, contact.vip
            self._later(at, self._arrive, elsewhere)
            return True
        if action == "bot" and not self.reactions.contains():
            return False
        if action not in ("bot", "call-back"):
            return False
        self._by_machine(at, contact)
        if action == "call-back" and other is not None:
            later = self._contact(other.plan, at + CALL_BACK_AFTER)
            later.transfer, later.customer = True, contact.customer
            self._later(later.offered_at, self._arrive, later)
        return True

    def _by_machine(self, at: datetime, contact: Contact) -> None:
        """A bot or a promise answers at once, and is done soon."""
        contact.answered_at = at
        ends = _milliseconds(at, _MACHINE_SECONDS)
        self._say("offered", at, contact)
        self._say("answered", at, contact, wait=timedelta(0))
        self._later(ends, self._machine_done, contact)

    def _machine_done(self, at: datetime, contact: Contact) -> None:
        self._say("finished", at, contact, handle=at - (contact.answered_at or at))

    def _give_up(self, at: datetime, contact: Contact) -> None:
        if contact.answered_at is None and not contact.gone:
            self._line(contact).give_up(contact)
            self._say("abandoned", at, contact, wait=at - contact.offered_at)

    # agents

    def _staff(self) -> None:
        for line in self.lines.values():
            planned = self.traffic.planned_per_minute(line.plan, self.now) / 60 * line.plan.handle_seconds
            agents = math.ceil(planned / line.plan.slots_occupancy / line.plan.concurrency)
            agents = max(0, agents + self.reactions.agents(line.plan.at))
            line.slots = agents * line.plan.concurrency
            self._answer(line, self.now)

    def _answer(self, line: Line, at: datetime) -> None:
        while contact := line.next():
            contact.answered_at = at
            contact.ends_at = _milliseconds(at, contact.handle_seconds)
            self._say("answered", at, contact, wait=at - contact.offered_at)
            self._later(contact.ends_at, self._finish, contact)

    def _finish(self, at: datetime, contact: Contact) -> None:
        line = self._line(contact)
        if contact.ends_at != at:
            return  # it was cut before
        line.leave(contact)
        if not contact.lost:
            self._outcome(at, contact)
        self._say("finished", at, contact, handle=at - (contact.answered_at or at))
        self._answer(line, at)

    def _outcome(self, at: datetime, contact: Contact) -> None:
        plan = contact.plan
        if self._draw.random() < plan.escalated_share * self._factor("escalated", plan, at):
            self._say("escalated", at, contact)
        if not contact.transfer and self._draw.random() < plan.transferred_share:
            self._transfer(at, contact)
        if self._draw.random() < _RATED_SHARE:
            self._later(_milliseconds(at, float(self._draw.uniform(20, 300))), self._rate, contact)

    def _transfer(self, at: datetime, contact: Contact) -> None:
        others = [p for p in self.lines if p.channel == contact.plan.at.channel and p != contact.plan.at]
        plan = self.lines[others[int(self._draw.integers(len(others)))]].plan
        self._say("transferred", at, contact)
        second = self._contact(plan, at)
        second.contact_id = contact.contact_id + "-t"
        second.transfer = True
        self._later(at, self._arrive, second)

    def _rate(self, at: datetime, contact: Contact) -> None:
        share = contact.plan.negative_share * self._factor("negative", contact.plan, at)
        low, high = (-1.0, -0.3) if self._draw.random() < share else (0.0, 1.0)
        self._say("rated", at, contact, sentiment=round(float(self._draw.uniform(low, high)), 2))

    # the centre

    def _factor(self, what: str, plan: QueuePlan, at: datetime) -> float:
        if self.scenario is None:
            return 1.0
        of = self.scenario.escalated_factor if what == "escalated" else self.scenario.negative_factor
        return of(plan.at, at)

    def _fill_backlogs(self) -> None:
        for line in self.lines.values():
            plan = line.plan
            for i in range(round(plan.backlog_minutes * self.traffic.planned_per_minute(plan, self.now))):
                line.join(self._contact(plan, self.now - timedelta(seconds=i)))

    def _break(self, start: datetime, end: datetime) -> None:
        scenario = self.scenario
        if scenario is None or not start <= scenario.starts_at < end:
            return
        for line in self.lines.values():
            if not scenario.cuts(line.plan.at):
                continue
            for contact in list(line.in_hand.values()):
                at = self._within_cut(scenario.starts_at)
                if contact.ends_at is not None and contact.ends_at > at:
                    contact.ends_at = at
                    contact.lost, contact.reason = True, "line-lost"
                    self._later(at, self._finish, contact)
            for contact in line.everyone_waiting():
                self._later(self._within_cut(scenario.starts_at), self._give_up, contact)

    def _within_cut(self, at: datetime) -> datetime:
        return _milliseconds(at, float(self._draw.uniform(0, _CUT_SECONDS)))

    def _report(self, start: datetime, end: datetime) -> None:
        for at in _marks(start, end, _WORKFORCE_EVERY):
            self._said += [self._workforce(line, at) for line in self.lines.values()]
        for at in _marks(start, end, _HEALTH_EVERY):
            self._said += [self._tool_health(tool, at) for tool in TOOLS]

    def _workforce(self, line: Line, at: datetime) -> Workforce:
        return Workforce(
            tenant=self.tenant,
            at=at,
            queue=line.plan.at,
            staffed=line.slots,
            available=line.free,
            on_contact=len(line.in_hand),
            bench=line.slots // 10,
            on_break=line.slots // 12,
            off_phone=line.slots // 20,
            waiting=line.waiting,
            oldest_wait_seconds=line.oldest_wait_seconds(at),
        )

    def _tool_health(self, tool: str, at: datetime) -> ToolHealth:
        seconds = self.scenario.seconds(at) if self.scenario else -1.0
        for failure in self.scenario.failures if self.scenario else ():
            if failure.tool == tool and failure.from_seconds <= seconds < failure.to_seconds:
                return ToolHealth(
                    tenant=self.tenant, tool=tool, at=at, state="down", provider=_provider(tool), text=failure.text
                )
        return ToolHealth(tenant=self.tenant, tool=tool, at=at, state="up", provider=_provider(tool))

    # bookkeeping

    def _later(self, at: datetime, then: Callable[[datetime, Contact], None], contact: Contact) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (at, self._sequence, then, contact))

    def _work_off(self, end: datetime) -> None:
        while self._due and self._due[0][0] < end:
            at, _, then, contact = heapq.heappop(self._due)
            then(at, contact)

    def _say(
        self,
        type: ContactType,
        at: datetime,
        contact: Contact,
        *,
        wait: timedelta | None = None,
        handle: timedelta | None = None,
        sentiment: float | None = None,
    ) -> None:
        at_queue: QueueRef = contact.plan.at
        self._said.append(
            ContactEvent(
                type=type,
                occurred_at=at,
                source=self.source,
                event_id=f"{contact.contact_id}-{type}",
                contact_id=contact.contact_id,
                tenant=self.tenant,
                channel=at_queue.channel,
                queue=at_queue.queue or "",
                transfer=contact.transfer and type == "offered",
                reason=contact.reason,
                provider=CARRIER if at_queue.channel == "voice" else None,
                vip=contact.vip,
                sentiment=sentiment,
                wait_seconds=None if wait is None else max(0.0, wait.total_seconds()),
                handle_seconds=None if handle is None else handle.total_seconds(),
                customer=contact.customer,
            )
        )


def play(
    simulator: Simulator, start: datetime, end: datetime, told: Callable[[], Iterable[LoadShiftCommand]] = lambda: ()
) -> Iterable[Happening]:
    """What happens from `start` to `end`, in order; what came before `start` only warms the centre up. `told` gives
    the commands that came since it was last asked, once a minute of event time."""
    simulator.step(start)
    while simulator.now < end:
        for command in told():
            simulator.hear(command)
        yield from simulator.step(min(end, simulator.now + timedelta(minutes=1)))


def _milliseconds(at: datetime, seconds: float) -> datetime:
    """`at` + seconds, cut to whole milliseconds, as platforms stamp their events."""
    moment = at + timedelta(seconds=seconds)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _marks(start: datetime, end: datetime, every: timedelta) -> Sequence[datetime]:
    """The full multiples of `every` (of the hour) in [start, end)."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    first = -((hour - start) // every)
    marks = []
    while (at := hour + first * every) < end:
        marks.append(at)
        first += 1
    return marks


def _provider(tool: str) -> str | None:
    return CARRIER if tool == "telephony" else None
