"""A backtest in words and tables: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from streams.backtest.figures import Compared, Side
from streams.backtest.match import Pair
from streams.backtest.ran import Told
from streams.sweep.page import span, table

MEASURES = (
    "signals",
    "incidents",
    "pages",
    "pages_a_week",
    "budget_a_month",
    "budget_spent_a_month",
    "found",
    "missed",
    "false_alarms",
    "unjudged_pages",
    "delay_seconds_median",
    "delay_seconds_max",
    "staffing_alerts",
    "load_shift_commands",
    "load_shift_proposals",
)
WORDS = {
    "pages_a_week": "pages a week",
    "budget_a_month": "budget: false incidents a month",
    "budget_spent_a_month": "... spent",
    "false_alarms": "false alarms",
    "unjudged_pages": "pages that nobody judged",
    "delay_seconds_median": "delay (median)",
    "delay_seconds_max": "delay (longest)",
    "staffing_alerts": "staffing alerts",
    "load_shift_commands": "load-shift commands",
    "load_shift_proposals": "load-shift proposals",
}


def measures(compared: Compared) -> tuple[list[str], list[list[str]]]:
    """A row a measure, a column a configuration."""
    sides = [side.figures() for side in compared.sides]
    heads = ["", *(side["name"] for side in sides)]
    rows = []
    for name in MEASURES:
        if any(name in side for side in sides):
            rows.append([WORDS.get(name, name), *(_cell(name, side.get(name)) for side in sides)])
    return heads, rows


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "not known" if name == "budget_spent_a_month" else "-"
    if "seconds" in name:
        return span(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def changes(pairs: Sequence[Pair], zone: tzinfo) -> tuple[list[str], list[list[str]]]:
    """A row for each incident that is not told alike."""
    rows = [[pair.where, *_what(pair, zone)] for pair in pairs if pair.where != "same"]
    return ["where", "begins", "channels", "what", "told otherwise"], rows


def _what(pair: Pair, zone: tzinfo) -> Iterator[str]:
    one = pair.a or pair.b
    assert one is not None
    yield _moment(one.onset, zone)
    yield ", ".join(one.channels)
    wakes = "" if one.paged else " (wakes nobody)"
    yield f"{one.title} [{one.cause}, {one.severity}]{wakes}"
    yield "; ".join(_change(name, pair.a, pair.b) for name in pair.differs) if pair.a and pair.b else ""


def _change(name: str, a: Told, b: Told) -> str:
    before, after = getattr(a, name), getattr(b, name)
    if isinstance(before, datetime):
        seconds = (after - before).total_seconds()
        later = "later" if seconds > 0 else "earlier"
        return f"{name.removesuffix('_at')} {span(abs(seconds))} {later}"
    if name == "paged":
        if len(before) == len(after) and before:
            seconds = (after[0] - before[0]).total_seconds()
            return f"page {span(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"
        return f"pages {len(before)} -> {len(after)}"
    if isinstance(before, list):
        return f"{name} {', '.join(before)} -> {', '.join(after)}"
    return f"{name} {before} -> {after}"


def counts(pairs: Sequence[Pair]) -> str:
    """How many incidents are where, as a sentence."""
    found = {where: sum(pair.where == where for pair in pairs) for where in ("same", "both", "only A", "only B")}
    return (
        f"{found['same']} incidents told alike, {found['both']} told otherwise, "
        f"{found['only A']} only in the first, {found['only B']} only in the second"
    )


def markdown(source: str, compared: Compared, notes: Sequence[str], plot: str, zone: tzinfo) -> str:
    heard = compared.heard
    first, last = (_moment(datetime.fromtimestamp(at, UTC), zone) for at in (heard.first, heard.last))
    out = [f"# Backtest of {source}", "", f"{first} to {last}, {heard.days:.1f} days.", ""]
    out += [*(f"- {side.config}" for side in compared.sides), ""]
    out += [*table(*measures(compared), left=1), "", f"![]({plot})", ""]
    for side, pairs in zip(compared.sides[1:], compared.pairs, strict=True):
        out += [f"## {compared.sides[0].config.name} against {side.config.name}", "", counts(pairs) + ".", ""]
        heads, rows = changes(pairs, zone)
        if rows:
            out += [*table(heads, rows, left=len(heads)), ""]
    if any(side.judged for side in compared.sides):
        out += ["## What is known to have happened", "", *_known(compared.sides, zone), ""]
    out += [f"- {note}" for note in notes]
    return "\n".join(out).rstrip() + "\n"


def _known(sides: Sequence[Side], zone: tzinfo) -> list[str]:
    judged = [side.judged for side in sides if side.judged]
    rows = []
    for n, (known, _) in enumerate(judged[0].found):
        begins = _moment(datetime.fromtimestamp(known.start, UTC), zone)
        delays = (one.found[n][1] for one in judged)
        told = ["missed" if delay is None else span(delay) for delay in delays]
        rows.append([begins, ", ".join(sorted(known.channels)) or "any", known.what, *told])
    return table(["from", "channel", "what", *(side.config.name for side in sides)], rows, left=3)


def _moment(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
