"""What one sink has still to be told. Pure: time and chance are arguments, `streams/notify/role.py` does the rest.

At most one entry an incident (or staffing alert), always its newest state: so an outage of the sink costs no memory and
ends with what is still true, not with its history.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from datetime import datetime
from typing import Literal

import msgspec

from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.incident import Incident
from schemas.notice import Notification, Told
from streams.config import Notify
from streams.notify.notices import Skipped, due
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Retry, Sink, What
from streams.notify.subjects import Change, Subject, incident_id, is_over, record_id, subject_id

RANKS = {"critical": 4, "error": 3, "warning": 2, "info": 1}


class Entry(msgspec.Struct):
    """A subject whose newest state the sink does not have. `not_before` is monotonic, in seconds."""

    subject: Subject
    what: What
    order: int
    not_before: float
    # how much the sink had taken when this was first put: whether it is the notice or the sink that fails
    taken_before: int
    attempts: int = 0
    trace: str | None = None

    def rank(self) -> int:
        if self.what == "repeated" or isinstance(self.subject, Change):
            return 0
        return RANKS[self.subject.severity] if isinstance(self.subject, Incident) else RANKS["warning"]


class Outbox:
    """`put` what happened, `take` what is to be sent now (one at a time), `settle` what became of it."""

    def __init__(self, sink: Sink, limits: Notify) -> None:
        self.sink = sink
        self.limits = limits
        self.dropped = 0
        self.failures_in_a_row = 0
        self._taken = 0
        self._hold_until = 0.0
        self._in_flight: str | None = None
        self._orders = itertools.count()
        self._waiting: dict[str, Entry] = {}
        # the last record of each subject, and when it last was told (monotonic seconds); oldest first
        self._last: OrderedDict[str, Notification] = OrderedDict()
        self._told_at: dict[str, float] = {}

    def __len__(self) -> int:
        """What the sink has still to be told; what it is merely told again is not counted."""
        if self.sink.repeat_seconds is None:
            return len(self._waiting)
        return sum(entry.what != "repeated" for entry in self._waiting.values())

    def remember(self, record: Notification) -> None:
        """A record as read back from the bus. What was refused is tried once more: the start may be the cure."""
        self._keep(msgspec.structs.replace(record, outcome="retry") if record.outcome == "refused" else record)

    def going_on(self, before: datetime) -> list[Notification]:
        """The records of incidents that the sink was told of and not of their end, written before then."""
        return [
            record
            for key, record in self._last.items()
            if key == record.incident_id and record.told and record.told.what != "resolved" and record.at < before
        ]

    def was_told(self, key: str) -> bool:
        """Whether the sink has anything of the subject."""
        return self._told(key) is not None

    def put(self, subject: Subject, now: float, at: datetime, trace: str | None = None) -> Notification | None:
        """The newest state of a subject. Gives the record of what is deliberately not sent, once."""
        key = subject_id(subject)
        if key == self._in_flight:  # what is due next depends on what becomes of that attempt
            self._waiting[key].subject, self._waiting[key].trace = subject, trace
            return None
        notice = self._due(subject)
        if isinstance(notice, Notice) and not self._was_refused(key, notice):
            self._enter(key, subject, notice, now, trace)
            return None
        if notice is None and self._repeats(subject):
            self._enter_repeat(key, subject, now)
            return None
        self._waiting.pop(key, None)
        return self._skip(key, subject, notice, at) if isinstance(notice, Skipped) else None

    def take(self, now: float) -> Notice | None:
        """The notice to send now: what was never tried first, then by severity, then in order of arrival."""
        while now >= self._hold_until:
            ready = [item for item in self._waiting.items() if item[1].not_before <= now]
            if not ready:
                return None
            key, entry = min(ready, key=lambda item: (item[1].attempts > 0, -item[1].rank(), item[1].order))
            notice = self._due(entry.subject)
            if notice is None and entry.what == "repeated":
                notice = self._repeat(entry.subject)
            if isinstance(notice, Notice):
                self._in_flight = key
                return msgspec.structs.replace(notice, trace=entry.trace)
            del self._waiting[key]  # an attempt from before the partitions moved turned out to have told it
        return None

    def begin(self, notice: Notice, at: datetime) -> Notification | None:
        """What is to be recorded before an attempt, if anything: that the sink may have something else from now on."""
        key = subject_id(notice.subject)
        if self._tried(key) or notice.what == "repeated":
            return None
        return self._keep(self._record(notice, "trying", 1, at))

    def wait_seconds(self, now: float) -> float | None:
        """How long until there is something to take; None: until the next `put`."""
        if not self._waiting:
            return None
        soonest = min(entry.not_before for entry in self._waiting.values())
        return max(soonest, self._hold_until, now) - now

    def settle(self, notice: Notice, outcome: Outcome, now: float, at: datetime, chance: float) -> list[Notification]:
        """What is to be recorded after an attempt; `chance` in [0, 1) spreads the retries."""
        key = subject_id(notice.subject)
        entry = self._waiting[key]
        entry.attempts += 1
        self._in_flight = None
        if notice.what == "repeated":
            self._repeated(entry, outcome, now, chance)
            skipped = self.put(entry.subject, now, at, entry.trace)
            return [skipped] if skipped else []
        match outcome:
            case Delivered(reference):
                record = self._delivered(key, entry, notice, reference, now, at)
            case Refused(why):
                record = self._refused(key, entry, notice, why, at)
            case Retry(why, after_seconds):
                record = self._retry(key, entry, notice, why, after_seconds, now, at, chance)
        # the subject may have moved on while it was being sent
        skipped = self.put(entry.subject, now, at, entry.trace)
        return [record, skipped] if skipped else [record]

    def _taken_one(self, now: float) -> None:
        self._taken += 1
        self.failures_in_a_row = 0
        for other in self._waiting.values():  # the sink is back: nobody waits out an old back-off
            if other.attempts:
                other.not_before = now

    def _delivered(
        self, key: str, entry: Entry, notice: Notice, reference: str | None, now: float, at: datetime
    ) -> Notification:
        self._taken_one(now)
        del self._waiting[key]
        self._told_at[key] = now
        told = Told(
            notice_id=notice.notice_id,
            what=notice.what,
            says=notice.says,
            at=at,
            acknowledged=notice.acknowledged,
            step=notice.step,
        )
        return self._keep(self._record(notice, "delivered", entry.attempts, at, told=told, reference=reference))

    def _refused(self, key: str, entry: Entry, notice: Notice, why: str, at: datetime) -> Notification:
        self.failures_in_a_row += 1
        del self._waiting[key]
        return self._keep(self._record(notice, "refused", entry.attempts, at, why))

    def _retry(
        self,
        key: str,
        entry: Entry,
        notice: Notice,
        why: str,
        after_seconds: float | None,
        now: float,
        at: datetime,
        chance: float,
    ) -> Notification:
        if entry.attempts >= self.limits.attempts_max and self._taken > entry.taken_before:
            why = f"given up after {entry.attempts} attempts, while others were taken: {why}"
            return self._refused(key, entry, notice, why, at)
        self._back_off(entry, after_seconds, now, chance)
        return self._keep(self._record(notice, "retry", entry.attempts, at, why))

    def _back_off(self, entry: Entry, after_seconds: float | None, now: float, chance: float) -> None:
        self.failures_in_a_row += 1
        doubled = self.limits.backoff_seconds * 2.0 ** min(entry.attempts - 1, 30)
        pause = min(self.limits.backoff_seconds_max, doubled) * (0.5 + 0.5 * chance)
        if after_seconds is not None:
            pause = max(pause, after_seconds)
            self._hold_until = now + pause
        entry.not_before = now + pause

    # --- what is told again and again while it lasts -----------------------------------------------------------------

    def _repeats(self, subject: Subject) -> bool:
        return (
            self.sink.repeat_seconds is not None
            and not is_over(subject)
            and self._told(subject_id(subject)) is not None
        )

    def _enter_repeat(self, key: str, subject: Subject, now: float) -> None:
        entry = self._waiting.get(key)
        if entry is not None and entry.what == "repeated":
            entry.subject = subject
            return
        due_at = now + (self.sink.repeat_seconds or 0.0) if key in self._told_at else now
        self._waiting[key] = Entry(subject, "repeated", next(self._orders), due_at, self._taken)

    def _repeat(self, subject: Subject) -> Notice | None:
        last = self._last.get(subject_id(subject))
        if last is None or last.told is None:
            return None
        told = last.told
        return Notice(
            notice_id=told.notice_id,
            what="repeated",
            subject=subject,
            says=told.says,
            acknowledged=told.acknowledged,
            step=told.step,
            step_before=told.step,
            reference=last.reference,
        )

    def _repeated(self, entry: Entry, outcome: Outcome, now: float, chance: float) -> None:
        """Nothing is recorded: what the sink was told is the same."""
        match outcome:
            case Delivered():
                self._taken_one(now)
                entry.attempts, entry.not_before = 0, now + (self.sink.repeat_seconds or 0.0)
            case Retry(_, after_seconds):
                self._back_off(entry, after_seconds, now, chance)
            case Refused():
                self.failures_in_a_row += 1
                entry.not_before = now + self.limits.backoff_seconds_max

    # --- what is known ------------------------------------------------------------------------------------------------

    def _due(self, subject: Subject) -> Notice | Skipped | None:
        key = subject_id(subject)
        last = self._last.get(key)
        told, reference = (last.told, last.reference) if last else (None, None)
        return due(self.sink, subject, told, reference, tried=self._tried(key))

    def _tried(self, key: str) -> bool:
        last = self._last.get(key)
        return last is not None and last.outcome != "delivered" and last.attempt > 0

    def _was_refused(self, key: str, notice: Notice) -> bool:
        last = self._last.get(key)
        return last is not None and last.outcome == "refused" and last.notice_id == notice.notice_id

    def _enter(self, key: str, subject: Subject, notice: Notice, now: float, trace: str | None) -> None:
        entry = self._waiting.get(key)
        if entry is not None and entry.what != "repeated":
            entry.subject, entry.trace = subject, trace
            if notice.what != entry.what:  # an end does not wait for what a change had to wait for
                entry.what, entry.not_before = notice.what, now
            return
        if len(self) >= self.limits.outbox_notices_max:
            self._drop()
        not_before = now
        if notice.what == "changed" and key in self._told_at:
            not_before = max(now, self._told_at[key] + self.limits.change_interval_seconds)
        self._waiting[key] = Entry(subject, notice.what, next(self._orders), not_before, self._taken, trace=trace)

    def _drop(self) -> None:
        """Makes room: of the least severe the oldest goes. It is told with its next change or after the next start."""
        candidates = [
            key for key, entry in self._waiting.items() if key != self._in_flight and entry.what != "repeated"
        ]
        if not candidates:
            return
        del self._waiting[min(candidates, key=lambda key: (self._waiting[key].rank(), self._waiting[key].order))]
        self.dropped += 1

    def _skip(self, key: str, subject: Subject, skipped: Skipped, at: datetime) -> Notification | None:
        last = self._last.get(key)
        if last is not None and last.outcome == "skipped" and last.text == skipped.why:
            return None
        notice = Notice(notice_id="none", what="opened", subject=subject)
        return self._keep(
            self._record(notice, "skipped", last.attempt if self._tried(key) and last else 0, at, skipped.why)
        )

    def _record(
        self,
        notice: Notice,
        outcome: Literal["trying", "delivered", "retry", "refused", "skipped"],
        attempt: int,
        at: datetime,
        text: str = "",
        *,
        told: Told | None = None,
        reference: str | None = None,
    ) -> Notification:
        subject = notice.subject
        return Notification(
            notice_id=notice.notice_id,
            tenant=subject.tenant,
            incident_id=incident_id(subject),
            sink=self.sink.name,
            what=notice.what,
            outcome=outcome,
            attempt=attempt,
            at=at,
            text=text,
            reference=reference or notice.reference,
            queue=subject.queue if isinstance(subject, StaffingAlert) else None,
            command_id=subject.command_id if isinstance(subject, LoadShiftCommand) else None,
            told=told or self._told(subject_id(subject)),
        )

    def _told(self, key: str) -> Told | None:
        last = self._last.get(key)
        return last.told if last else None

    def _keep(self, record: Notification) -> Notification:
        key = record_id(record)
        self._last[key] = record
        self._last.move_to_end(key)
        while len(self._last) > self.limits.notices_remembered_max:
            forgotten, _ = self._last.popitem(last=False)
            self._told_at.pop(forgotten, None)
        return record
