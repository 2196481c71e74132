"""When each of our load shifts was in force, and what that changed in the queues, quarter by quarter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from response.actions import BRINGS_A_WAY_IN, LENDS_PEOPLE
from response.impact import Span
from response.whatif import QUARTER_SECONDS, Quarter
from schemas.base import QueueRef
from schemas.centre import Centre, CentreChannel
from schemas.command import LoadShiftCommand
from schemas.decision import CommandResult

# the contact is answered where other people are, and is still counted where it came
ANSWERED_ELSEWHERE = frozenset({"overflow"})
# the contact comes to the other queue instead
SENT_ON = frozenset({"deflect", "sms"})
# a machine answers at once, or promises to
BY_MACHINE = frozenset({"bot", "call-back"})


class Run(NamedTuple):
    """One command in force. `applied`: the platform said so; otherwise it is taken at its word of issue."""

    command: LoadShiftCommand
    span: Span
    applied: bool


def runs(commands: Mapping[str, LoadShiftCommand], results: Iterable[CommandResult], as_of: datetime) -> list[Run]:
    """Those that began, in the order of their begin. A command ends by its expiry, its inverse, the platform's word, or
    the next step of its way."""
    said: dict[str, list[CommandResult]] = {}
    for result in results:
        said.setdefault(result.command_id, []).append(result)
    inverses = {one.reverts: one for one in commands.values() if one.reverts}
    begun = [
        one for one in commands.values() if not one.reverts and _at(said.get(one.command_id, ()), "refused") is None
    ]
    begins = {one.command_id: _at(said.get(one.command_id, ()), "applied") or one.issued_at for one in begun}
    found = []
    for one in begun:
        begin = begins[one.command_id]
        way, ends = way_of(one), [one.expires_at, as_of]
        ends += [begins[other.command_id] for other in begun if way_of(other) == way and other.step > one.step]
        ends += [at for state in ("reverted", "expired") if (at := _at(said.get(one.command_id, ()), state))]
        if (inverse := inverses.get(one.command_id)) is not None:
            ends.append(_at(said.get(inverse.command_id, ()), "applied") or inverse.issued_at)
        span = Span(begin, min(ends))
        if span.seconds > 0:
            found.append(Run(one, span, _at(said.get(one.command_id, ()), "applied") is not None))
    return sorted(found, key=lambda run: (run.span.begins, way_of(run.command), run.command.step))


def way_of(command: LoadShiftCommand) -> tuple[str, QueueRef, QueueRef]:
    return command.action, command.from_queue, command.to_queue


def _at(answers: Iterable[CommandResult], state: str) -> datetime | None:
    return min((one.at for one in answers if one.state == state), default=None)


def is_bound(command: LoadShiftCommand) -> bool:
    """Whether it concerns only some contacts, whose number nobody counts."""
    return command.only is not None or bool(command.reasons)


def placed(quarters: Sequence[Quarter], ours: Sequence[Run], centre: Centre | None) -> list[Quarter]:
    """The quarters with what the runs changed in them; each run by the part of the quarter that it was in force."""
    channels = centre.channels if centre else {}
    found = []
    for one in quarters:
        changed = msgspec.structs.replace(one)
        for run in ours:
            share = _share(run.span, one.start)
            if share > 0 and not is_bound(run.command):
                _place(changed, run.command, share, channels, quarters)
        found.append(changed)
    return found


def _place(
    quarter: Quarter,
    command: LoadShiftCommand,
    share: float,
    channels: Mapping[str, CentreChannel],
    quarters: Sequence[Quarter],
) -> None:
    gives, gets = quarter.queue == command.from_queue, quarter.queue == command.to_queue
    part = share * command.share
    if command.action in LENDS_PEOPLE:
        concurrency = (channels.get(quarter.queue.channel) or CentreChannel()).concurrency
        quarter.lent += share * command.agents * concurrency * (gets - gives)
    elif command.action in BRINGS_A_WAY_IN and gets:
        quarter.brought += min(quarter.rate, part * quarter.usual_rate)
    elif command.action in ANSWERED_ELSEWHERE and command.from_queue != command.to_queue:
        quarter.relieved += part * quarter.rate if gives else 0.0
        quarter.guests += part * _rate(quarters, command.from_queue, quarter.start) if gets else 0.0
    elif command.action in SENT_ON and command.from_queue != command.to_queue and command.share < 1:
        sent = command.share / (1 - command.share) * share
        quarter.kept_away += sent * quarter.rate if gives else 0.0
        quarter.moved_in += (
            min(quarter.rate, sent * _rate(quarters, command.from_queue, quarter.start)) if gets else 0.0
        )
    elif command.action in BY_MACHINE and gives:
        quarter.relieved += part * quarter.rate


def _rate(quarters: Sequence[Quarter], at: QueueRef, start: datetime) -> float:
    return math.fsum(one.rate for one in quarters if one.queue == at and one.start == start)


def _share(span: Span, start: datetime) -> float:
    """Of a quarter of an hour, how much lies in the span."""
    end = start + timedelta(seconds=QUARTER_SECONDS)
    return max(0.0, (min(span.ends, end) - max(span.begins, start)).total_seconds()) / QUARTER_SECONDS
