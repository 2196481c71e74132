"""The ledger of one tenant as blocks of a page: a table a question, and under each what its figures mean; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from response.on_call import zone_of
from response.reliability import Failures
from streams.reliability import Account, Ledger, Tool
from streams.report.lessons import span
from streams.report.markup import Block, Heading, Table, Text

NONE = "—"
FAILURES = ["failures", "MTBF", "MTTR", "longest", "repeats"]
FAILURES_MEAN = """\
A failure: from the word that it is down (of an incident: its onset) until it is not, or works again; what is down again
within a quarter of an hour is the same failure. MTBF = (observed - failed) / failures; MTTR = mean length of those that
are over; repeats begin within seven days of the end of the one before. Slow: how often, and how long in all, the desk
found a tool to answer later than usual, whatever the tool said of itself; that is no failure. The bus keeps of long ago
only the last word on it, an archive all."""
FELT_MEANS = """\
Felt availability: of the minutes of service hours that were seen, the share in which no signal of the channel by an
open incident was out; weighted: the same by expected contacts, sum of expected in those minutes / sum of expected.
Reachable: no silence and no drop. False alarms, exercises and lost data feeds do not count; minutes that were not
delivered are not in it. The promise is that of the contract (`promised_availability` of the centre's model)."""


def page(ledgers: Iterable[Ledger]) -> list[Block]:
    return [block for one in ledgers for block in _tenant(one)]


def percent(share: float | None) -> str:
    """Two digits behind the point: availability is told by its nines."""
    return NONE if share is None else f"{share:.2%}"


def _tenant(one: Ledger) -> Iterator[Block]:
    zone = zone_of(one.time_zone)
    begins, ends = (moment.astimezone(zone) for moment in one.seen)
    yield Heading(f"Ledger of {one.tenant}", 1)
    yield Text(f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} ({zone.key}), {span(one.seen.seconds)}, as far as it "
               "is recorded.", "small")  # fmt: skip
    yield from _tools(one)
    yield from _causes(one)
    yield Text(FAILURES_MEAN, "small")
    yield from _channels(one)
    yield Heading("False alarms")
    yield from _account(one.account)


def _tools(one: Ledger) -> Iterator[Block]:
    yield Heading("Tools and providers, by their probes")
    if not one.tools:
        yield Text("Not known: no word of tool health is recorded.")
        return
    rows = []
    for tool in one.tools:
        told = _failures(tool.failures) if tool.failures else ["no probe", *[NONE] * (len(FAILURES) - 1)]
        up = percent(tool.failures.up_share if tool.failures else None)
        rows.append([tool.tool, tool.provider or NONE, *told, up, _slow(tool), percent(tool.promised)])
    yield Table(["tool", "provider", *FAILURES, "up", "slow", "promised"], rows, frozenset(range(2, 10)))


def _slow(tool: Tool) -> str:
    if tool.slow is None:
        return NONE
    return f"{tool.slow.count} x, {span(tool.slow.failed_seconds)}" + (" (goes on)" if tool.slow.open else "")


def _causes(one: Ledger) -> Iterator[Block]:
    yield Heading("Incidents, by likely cause")
    if not one.causes:
        yield Text("None was open.")
        return
    rows = [[cause.cause, *_failures(cause.failures)] for cause in one.causes]
    yield Table(["cause", *FAILURES], rows, frozenset(range(1, 6)))


def _failures(one: Failures) -> list[str]:
    count = f"{one.count}" + (" (1 goes on)" if one.open else "")

    def told(seconds: float | None) -> str:
        return NONE if seconds is None else span(seconds)

    return [count, told(one.mtbf_seconds), told(one.mttr_seconds), told(one.longest_seconds or None), str(one.repeats)]


def _channels(one: Ledger) -> Iterator[Block]:
    yield Heading("What customers felt")
    rows = [
        [
            channel.name if channel.customer else f"{channel.name} (internal)",
            percent(channel.felt.share),
            percent(channel.felt.weighted),
            percent(channel.felt.reachable),
            ", ".join(f"{name} {percent(share)}" for name, share in channel.promised.items()) or NONE,
            span(60 * channel.felt.minutes),
            span(60 * channel.felt.unseen) if channel.felt.unseen else NONE,
        ]
        for channel in one.channels
    ]
    yield Table(["channel", "felt", "weighted", "reachable", "promised", "seen", "not seen"], rows,
                frozenset({1, 2, 3, 5, 6}))  # fmt: skip
    yield Text(FELT_MEANS, "small")


def _account(one: Account) -> Iterator[Block]:
    spent = f"{len(one.false)} of {one.allowed:.3g} allowed in this time ({one.allowed_a_month:g} in thirty days)"
    rows = [
        ["incidents that were open", f"{one.opened}"],
        ["of them could wake somebody", f"{one.paged}"],
        ["people said that it was none", spent],
    ]
    if one.as_told is not None and (told := one.as_told.budget) is not None:
        rate = f", {told.projected:g} at this rate" if told.projected is not None else ""
        account = f"{told.spent} of {told.stated:g} in thirty days{rate}, as of {one.as_told.at:%Y-%m-%d %H:%M} UTC"
        rows.append(["the desk's own account", account])
    yield Table(["", ""], rows)
    if one.false:
        yield Text("False: " + ", ".join(f"`{name}`" for name in one.false), "small")
