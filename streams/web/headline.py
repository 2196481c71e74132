"""The one sentence that says what is going on, and what stands above everything else."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.incident import Incident
from schemas.status import Budget
from streams.web import words
from streams.web.cards import running_commands, waiting_proposals
from streams.web.tenant import TenantBoard
from streams.web.view import Account, Blind, Head, Headline

SEVERITIES = ("info", "warning", "error", "critical")
# How old the counts may be before the sentence says so.
STALE = timedelta(minutes=5)


def head_of(board: TenantBoard, wall: datetime, blind: Blind | None) -> Head:
    centre, status = board.centre, board.status
    return Head(
        headline=_headline(board, wall, blind),
        time_zone=str(board.zone),
        clock=board.clock,
        now=board.complete_to if board.clock == "event" else None,
        complete_to=board.complete_to,
        mode=centre.mode if centre else None,
        modes=centre.modes if centre else {},
        killed_by=board.killed_by,
        stops=status.stops if status else [],
        on_duty=status.on_duty if status else [],
        account=_account(status.budget) if status and status.budget else None,
        blind=blind,
        languages=centre.languages if centre else ("en",),
        hidden={"queues": board.rows.lost, "incidents": board.incidents.lost},
    )


def _account(budget: Budget) -> Account:
    return Account(stated=budget.stated, spent=budget.spent, projected=budget.projected, opened=budget.opened)


def blind_to(board: TenantBoard, wall: datetime, after_seconds: float) -> Blind | None:
    """Whether detection has fallen silent about this tenant. Played history simply ends: that is no blindness."""
    if board.clock == "event" or board.ticked_at is None:
        return None
    if wall - board.ticked_at <= timedelta(seconds=after_seconds):
        return None
    return Blind(since=board.ticked_at, why="detection says nothing of this centre: is a worker with role detect up?")


def open_incidents(board: TenantBoard) -> list[Incident]:
    """Those that go on, the gravest and then the oldest first."""
    found = [
        one
        for _, one in board.incidents.items()
        if one.phase not in ("pending", "resolved") and one.merged_into is None
    ]
    return sorted(found, key=lambda one: (one.phase != "open", -SEVERITIES.index(one.severity), one.onset))


def _headline(board: TenantBoard, wall: datetime, blind: Blind | None) -> Headline:
    now = board.now(wall)
    going_on = open_incidents(board)
    text, more = _what_goes_on(board, going_on, now), _besides(board, going_on, wall)
    if blind is not None:
        since = f"Blind since {words.time_of_day(blind.since, board.zone, wall)}" if blind.since else "Blind"
        known = f"Known until then: {text}" if len(board.rows) else ""
        return Headline(
            level="blind", text=f"{since}.", more=" ".join(part for part in (_capital(blind.why) + ".", known) if part)
        )
    if going_on:
        worst = max(SEVERITIES.index(one.severity) for one in going_on)
        grave = any(one.phase == "open" for one in going_on) and worst >= SEVERITIES.index("warning")
        return Headline(level="incident" if grave else "notice", text=text, more=more)
    if not len(board.rows):
        return Headline(level="waiting", text="Waiting for the first minute of contacts.", more=more)
    noticed = any(row.is_unusual for row in board.rows.values())
    return Headline(level="notice" if noticed else "usual", text=text, more=more)


def _what_goes_on(board: TenantBoard, going_on: list[Incident], now: datetime) -> str:
    if not going_on:
        unusual = sum(1 for row in board.rows.values() if row.is_unusual)
        if unusual:
            return f"No incident. {words.plural(unusual, 'series', 'series')} out of the usual range."
        return "All is usual."
    parts = [
        words.incident_sentence(going_on[0], board.zone, now),
        words.plural(len(going_on), "incident"),
    ]
    running, waiting = running_commands(board, now), waiting_proposals(board, now)
    if running:
        parts.append(f"{words.plural(running, 'command')} running")
    if waiting:
        parts.append(f"{words.plural(waiting, 'proposal')} waiting for a decision")
    return ". ".join(parts) + "."


def _besides(board: TenantBoard, going_on: list[Incident], wall: datetime) -> str:
    parts = []
    channels = len({row.at.channel for _, row in board.rows.items()})
    queues = sum(1 for _, row in board.rows.items() if row.at.queue is not None)
    if board.clock == "system" and board.complete_to is not None and wall - board.complete_to > STALE:
        minutes = int((wall - board.complete_to).total_seconds() // 60)
        parts.append(f"The counts are {words.plural(minutes, 'minute')} old.")
    if channels and not going_on:
        watched = words.plural(channels, "channel") + (f" and {words.plural(queues, 'queue')}" if queues else "")
        parts.append(f"{watched} watched.")
    if board.killed_by is not None:
        parts.append(f"Kill switch pulled by {board.killed_by}: no commands are issued.")
    return " ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
