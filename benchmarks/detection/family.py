"""What the benchmark asks of shares and backlogs, beside counts."""

from __future__ import annotations

from benchmarks.detection import backlogs, shares
from benchmarks.detection.musts import Must

SIZES = {"small": (24, 3), "full": (200, 10)}  # series of each rate, changes each


def run(size: str, seed: int) -> tuple[shares.Figures, backlogs.Figures]:
    series, forks = SIZES[size]
    return shares.run(series, forks, seed), backlogs.run(series, forks, seed)


def musts(of_shares: shares.Figures, of_backlogs: backlogs.Figures) -> list[Must]:
    return [*shares.musts(of_shares), *backlogs.musts(of_backlogs)]


def page(of_shares: shares.Figures, of_backlogs: backlogs.Figures) -> list[str]:
    """Markdown."""
    false = ", ".join(f"{n:.2g} at {rate:g} a minute" for rate, n in of_shares.false_a_month.items())
    return [
        "## Shares",
        "",
        "3 % of contacts escalate, then more. Minutes to the alarm, beside the exact CUSUM that knows both shares.",
        "",
        "| contacts a minute | to | calibrated | nominal | oracle | multiple | missed in 7 h |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {c.rate:g} | {c.changed:.3g} | {c.calibrated:.3g} | {c.nominal:.3g} | {c.oracle:.3g} "
            f"| {c.multiple:.2f} | {c.missed:.0%} |"
            for c in of_shares.cells
        ),
        "",
        f"False alarms a series and month, nominal: {false}; the promise is 1.",
        "",
        "## Backlogs",
        "",
        f"A queue of {backlogs.RATE:g} contacts a minute whose people are busy {backlogs.OCCUPANCY:.0%} of their time. "
        "Minutes to the alarm.",
        "",
        "| change | calibrated | nominal | missed in 2 h |",
        "|---|---|---|---|",
        *(f"| {c.change} | {c.calibrated:.3g} | {c.nominal:.3g} | {c.missed:.0%} |" for c in of_backlogs.cells),
        "",
        f"False alarms a series and month, nominal: {of_backlogs.false_a_month:.2g}; the promise is 1.",
    ]
