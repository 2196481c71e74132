"""The tapes of several channels, judged in one bank while their panes are of the same moments: of few rows the calls of
a bank cost more than its numbers. What is fired is to the number what each channel fires that is judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from detectors import columns
from detectors.stack import bank_of, lend
from streams.sweep.lanes import Fired, Lane, Lanes
from streams.sweep.tape import Op, Pane, Tape, read

STEADY_PANES = 30  # that the same channels were heard together: to join them costs as much as some panes
CALLS_A_WORD = 200  # of progress


class _Joint:
    """One bank over the rows of all `members`."""

    def __init__(self, members: Sequence[Lanes]) -> None:
        self.members = members
        banks = [member.bank for member in members]
        self.rows = columns.Lanes.side_by_side([bank.size for bank in banks]).parts
        self.bank = bank_of(banks, _side_by_side(self.rows, len(members[0].lanes)))

    def close(self, panes: Sequence[Pane]) -> None:
        """A pane of each member, of the same moment."""
        bank = self.bank
        seen, known = zip(*(one.rows_of(pane) for one, pane in zip(self.members, panes, strict=True)), strict=True)
        flags = columns.joined(known, [len(mine) for mine in seen])
        closed = bank.close(panes[0].start, panes[0].seconds, np.concatenate(seen), flags)
        open_and_known = bank.without_closed(flags)
        anew = False
        for member, rows in zip(self.members, self.rows, strict=True):
            lend(bank, member.bank, rows)
            anew |= member.hear(closed.of(rows), None if open_and_known is None else open_and_known[rows])
        if anew:
            bank.refresh()

    def part(self) -> None:
        """Each member by itself again."""
        for member, rows in zip(self.members, self.rows, strict=True):
            lend(self.bank, member.bank, rows)
            member.bank.level.block = self.bank.level.block
            member.bank.clocks = msgspec.structs.replace(self.bank.clocks)
            member.bank.refresh()


def _side_by_side(members: Sequence[slice], many: int) -> columns.Lanes:
    """The lanes of each member, `many` of them interleaved, one member behind the other."""
    parts = tuple(slice(rows.start + n, rows.stop, many) for rows in members for n in range(many))
    of = [n * many + np.arange(rows.stop - rows.start) % many for n, rows in enumerate(members)]
    return columns.Lanes(parts, np.array([part.start for part in parts]), np.concatenate(of))


class Abreast:
    """Several channels under all of the settings."""

    def __init__(self, members: Sequence[Lanes]) -> None:
        self.members = members
        self._joint: _Joint | None = None
        self._heard: tuple[int, ...] = ()  # together, last
        self._steady = 0  # panes

    def apply(self, member: int, op: Op) -> None:
        """What a tape says beside panes."""
        self._part()
        self.members[member].apply(op)

    def close(self, panes: dict[int, Pane]) -> None:
        """Panes of the same moment, by member."""
        heard = tuple(panes)
        if heard != self._heard:
            self._part()
            self._heard = heard
        self._steady += 1
        if self._joint is None and len(heard) > 1 and self._steady > STEADY_PANES:
            self._join()
        if self._joint is None:
            for member, pane in panes.items():
                self.members[member].apply(pane)
        else:
            self._joint.close(list(panes.values()))

    def _join(self) -> None:
        members = [self.members[n] for n in self._heard]
        first = members[0].bank
        alike = all(
            one.bank.clocks == first.clocks
            and one.bank.level.block == first.level.block
            and one.bank.local.is_like(first.local)
            for one in members
        )
        self._joint = _Joint(members) if alike else None

    def _part(self) -> None:
        self._steady = 0
        if self._joint is not None:
            self._joint.part()
            self._joint = None


def run(
    tapes: Sequence[Tape], lanes: tuple[Lane, ...], progress: Callable[[int], None] = lambda _: None
) -> list[list[Fired]]:
    """What each of the settings says of the channels' tapes. `progress` is told how many more panes were judged, times
    series and settings."""
    members = [Lanes(tape.channel, lanes) for tape in tapes]
    abreast = Abreast(members)
    ops = [read(tape.path) for tape in tapes]
    waiting = {n: pane for n in range(len(tapes)) if (pane := _next(abreast, n, ops[n]))}
    calls = judged = 0
    while waiting:
        first = min((pane.start, pane.seconds) for pane in waiting.values())
        now = {n: pane for n, pane in waiting.items() if (pane.start, pane.seconds) == first}
        abreast.close(now)
        for n in now:
            pane = _next(abreast, n, ops[n])
            if pane is None:
                del waiting[n]
            else:
                waiting[n] = pane
        judged += sum(tapes[n].series for n in now) * len(lanes)
        calls += 1
        if calls % CALLS_A_WORD == 0:
            progress(judged)
            judged = 0
    progress(judged)
    return [[one for member in members for one in member.fired[lane]] for lane in range(len(lanes))]


def _next(abreast: Abreast, member: int, ops: Iterator[Op]) -> Pane | None:
    """A tape's next pane, once all before it has been done."""
    for op in ops:
        if isinstance(op, Pane):
            return op
        abreast.apply(member, op)
    return None
