"""Signals from alarms: numbers to a person's sentence. All times of day are the tenant's."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Literal

from detectors import budget
from detectors.alarms import Statement
from detectors.bank import Bank
from detectors.columns import six
from detectors.contributors import Carriers
from detectors.merge import moment_of
from detectors.roster import Change
from detectors.slots import LocalTime
from detectors.trail import Point
from schemas.base import Origin, QueueRef
from schemas.centre import Centre
from schemas.fold import digest
from schemas.signal import Evidence, Series, Signal

MOSTLY_SHARE = 0.5
_Z99 = 2.5758


def usual_range(expected: float, relative_variance: float) -> tuple[float, float]:
    """Where 99 % of counts lie whose mean is `expected`, with a relative variance beyond Poisson's: quantiles of the
    gamma law with these two moments (Wilson and Hilferty 1931). Their law fails far below one: the upper end is never
    below `expected`."""
    if expected <= 0:
        return 0.0, 0.0
    shape = expected**2 / (expected + expected**2 * relative_variance)
    centre, spread = 1 - 1 / (9 * shape), _Z99 / (3 * math.sqrt(shape))
    return expected * max(centre - spread, 0.0) ** 3, expected * max(centre + spread, 1.0) ** 3


def of_alarm(
    said: Statement,
    bank: Bank,
    index: dict[str, int],
    carriers: Carriers,
    points: list[Point],
    channel: str,
    centre: Centre,
    origin: Origin,
) -> Signal:
    """The signal that says it; `points` are the series' last panes."""
    alarm = said.alarm
    i = index[alarm.series]
    evidence = bank.fast if alarm.speed == "fast" else bank.slow
    tolerance = float((bank.tolerance if alarm.speed == "fast" else bank.slow_tolerance)[alarm.direction][i])
    panes = max((said.at - alarm.onset) / alarm.pane_seconds, 1.0)
    variance = float(bank.relative_variance[i]) / panes + (tolerance / 2) ** 2
    low, high = usual_range(alarm.expected, variance)
    at = QueueRef(channel=channel, queue=alarm.series or None)
    rarity = budget.rarity_days(alarm.highest, alarm.pane_seconds)
    explained = bank.local.explains(alarm.onset, said.at, alarm.kind, alarm.ratio)
    return Signal(
        signal_id=digest(centre.tenant, at, "offered", alarm.kind, alarm.opened),
        tenant=centre.tenant,
        series=Series(at=at),
        signal_kind=alarm.kind,
        state=said.state,
        revision=alarm.revision,
        speed=alarm.speed,
        at=moment_of(said.at),
        pane_start=moment_of(said.pane_start),
        onset=moment_of(alarm.onset),
        observed=six(alarm.observed),
        expected=six(alarm.expected),
        ratio=six(alarm.ratio) if alarm.expected > 0 else None,
        usual_low=six(low),
        usual_high=six(high),
        rarity_days=six(rarity),
        evidence=Evidence(
            statistic=six(alarm.statistic),
            threshold=six(float(evidence.threshold[alarm.direction, i])),
            tolerance=six(tolerance),
            level=six(float(bank.level_now[i])),
            learned_weeks=six(float(bank.outlook.learned_weeks[i])),
            still_learning=said.at - float(bank.facts.born[i]) < bank.params.learning_seconds,
            exposure=six(said.share),
            **curve_of(points),
        ),
        site=carriers.site,
        region=carriers.region,
        provider=carriers.provider,
        contributors=carriers.contributors,
        affected=[QueueRef(channel=channel, queue=name) for name in carriers.affected],
        reason=said.reason,
        audience=audience(centre, channel),
        explained=explained,
        drill=carriers.drill,
        text=_sentence(said, at, low, high, rarity, bank.local)
        + mostly(said.state, carriers)
        + of_calendar(said.state, explained)
        + of_drill(carriers.drill),
        origin=origin,
    )


def of_calendar(state: str, explained: str | None) -> str:
    """The calendar entry that accounts for it, at the end of the sentence."""
    return f"; the calendar says {explained}" if explained and state != "cleared" else ""


def of_drill(name: str | None) -> str:
    """The exercise that it belongs to, at the end of the sentence."""
    return f"; DRILL {name}" if name else ""


def curve_of(points: list[Point]) -> dict[str, Any]:
    """The fields of `Evidence` that say how a signal came to be."""
    return {
        "curve": [six(point.statistic) for point in points],
        "curve_at": [moment_of(point.at) for point in points],
        "curve_observed": [six(point.observed) for point in points],
        "curve_expected": [six(point.expected) for point in points],
    }


def mostly(state: str, carriers: Carriers) -> str:
    """Who carries most of it, as the end of a sentence."""
    if state == "cleared":
        return ""
    one = carriers.site or carriers.region or carriers.provider
    if one:
        return f"; nearly all of it at {one}"
    queues = [c for c in carriers.contributors if c.dimension == "queue" and c.share >= MOSTLY_SHARE]
    return f"; {min(queues[0].share, 1.0):.0%} of it {queues[0].name}" if queues else ""


def audience(centre: Centre, channel: str) -> Literal["customer", "internal"]:
    """Whom the channel serves; a channel called "internal" that the model does not know serves staff."""
    known = centre.channels.get(channel)
    return known.audience if known else "internal" if channel == "internal" else "customer"


def of_source(
    change: Change, channel: str, at: int, start: int, centre: Centre, local: LocalTime, origin: Origin
) -> Signal:
    """What a source's silence, return or leaving is called."""
    series = Series(at=QueueRef(channel=channel), measure=f"telemetry:{change.source}"[:200])
    lost_in = start if change.lost_in is None else change.lost_in
    opened = change.fact == "lost"
    heard = clock(local.at(change.covered_to), local.at(at))
    text = {
        "lost": f"{channel}: source {change.source} is not heard since {heard}; its contacts are unknown, not zero",
        "returned": f"{channel}: source {change.source} is heard again",
        "left": f"{channel}: source {change.source} signed off",
        "forgotten": f"{channel}: source {change.source} is forgotten, it was last heard {heard}",
    }[change.fact]
    return Signal(
        signal_id=digest(centre.tenant, series.at, series.measure, "telemetry-lost", lost_in),
        tenant=centre.tenant,
        series=series,
        signal_kind="telemetry-lost",
        state="opened" if opened else "cleared",
        revision=0 if opened or change.lost_in is None else 1,
        at=moment_of(at),
        pane_start=moment_of(start),
        onset=moment_of(change.covered_to or start),
        observed=0.0,
        expected=0.0,
        ratio=None,
        usual_low=0.0,
        usual_high=0.0,
        rarity_days=0.0,
        evidence=Evidence(statistic=0.0, threshold=0.0, tolerance=0.0, level=1.0, learned_weeks=0.0, exposure=0.0),
        reason=None if opened else f"source {change.fact}",
        audience=audience(centre, channel),
        text=text,
        origin=origin,
    )


def clock(moment: datetime, now: datetime) -> str:
    """Time of day, with the day where that is another."""
    return moment.strftime("%H:%M") if moment.date() == now.date() else moment.strftime("%a %d %b %H:%M")


def _sentence(said: Statement, at: QueueRef, low: float, high: float, rarity: float, local: LocalTime) -> str:
    alarm = said.alarm
    now = local.at(said.at)
    since = clock(local.at(alarm.onset), now)
    if said.state == "cleared":
        minutes = max(round((said.at - alarm.onset) / 60), 1)
        return f"{at}: {alarm.kind} over at {now:%H:%M} ({said.reason}), {minutes:,} min after it began at {since}"
    expected = amount(alarm.expected)
    usual = f"usual range {amount(low)}-{amount(high)}"
    chance = f"by chance less than once in {amount(rarity)} days"
    if alarm.kind == "silence":
        return f"{at}: nothing since {since} where {expected} were expected; {chance}; {usual}"
    change = round((alarm.ratio - 1) * 100)
    seen = f"observed {amount(alarm.observed)} vs expected {expected} ({change:+,} %) since {since}"
    return f"{at}: {seen}; {chance}; {usual}"


def amount(value: float) -> str:
    """Whole numbers from 10 on, one decimal below."""
    if value >= 1000:
        value = float(f"{value:.2g}") if value >= 10_000 else value
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
