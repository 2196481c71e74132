"""A sweep as a table, for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from streams.sweep.figures import Advice, Row


def cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, in words."""
    judged = any(row.judged for row in rows)
    names = list(rows[0].setting.values())
    heads = [*names, "alarms", "pages", "pages a week"]
    if judged:
        heads += ["found", "delay (median)", "delay (longest)", "false a month", "unjudged"]
    return heads, [_row(row, names) for row in rows]


def _row(row: Row, names: Sequence[str]) -> list[str]:
    values = row.setting.values()
    mine = [f"{values[name]:g}" for name in names]
    mine += [f"{row.alarms:,}", f"{len(row.pages):,}", f"{row.pages_a_week:.3g}"]
    if row.judged is None:
        return mine
    delays = sorted(row.judged.delays)
    longest = span(delays[-1]) if delays else "-"
    found = f"{row.found} of {len(row.judged.found)}"
    middle = "-" if row.delay is None else span(row.delay)
    return [*mine, found, middle, longest, f"{row.false_a_month:.3g}", f"{row.judged.unjudged}"]


def span(seconds: float) -> str:
    """A length of time in the unit that it is read in."""
    for size, unit in ((172_800, "d"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / (size / 2):.1f} {unit}"
    return f"{seconds:.0f} s"


def markdown(source: str, rows: Sequence[Row], advice: Advice, notes: Sequence[str], plot: str) -> str:
    heads, lines = cells(rows)
    out = [f"# Sweep of {source}", "", f"**{advice.row.setting}.** {advice.reason}", "", f"![]({plot})", ""]
    out += table(heads, lines)
    out += ["", *(f"- {note}" for note in notes)]
    return "\n".join(out) + "\n"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], left: int = 0) -> list[str]:
    """A Markdown table; the first `left` columns are words."""
    out = ["| " + " | ".join(heads) + " |"]
    out.append("|" + "|".join("---" if n < left else "---:" for n in range(len(heads))) + "|")
    out += ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return out
