"""Signals from shares that left their band: numbers to a person's sentence."""

from __future__ import annotations

import math

from detectors import budget
from detectors.columns import six
from detectors.contributors import Carriers
from detectors.merge import moment_of
from detectors.metric_bank import LINE
from detectors.metrics import MetricStatement
from detectors.parameters import DAY_SECONDS, CountParams
from detectors.slots import LocalTime
from detectors.wave_alarms import WaveAlarm, WaveStatement
from detectors.waves import Group
from detectors.wording import amount, audience, clock, curve_of, mostly, of_calendar, of_drill, usual_range
from schemas.base import Origin, QueueRef
from schemas.centre import Centre
from schemas.fold import digest
from schemas.signal import Evidence, Growth, Series, Signal

_Z99 = 2.5758
_WEEK_SECONDS = 7 * DAY_SECONDS
CONCERNED = {
    "escalated": "of {of} decided contacts escalated",
    "abandoned": "of {of} gave up",
    "negative": "of {of} ratings are negative",
}


def of_wave(
    said: WaveStatement,
    group: Group,
    born: float,
    carriers: Carriers,
    channel: str,
    centre: Centre,
    local: LocalTime,
    origin: Origin,
) -> Signal:
    """The signal that says it. `born` is when the series was first seen."""
    alarm, bank = said.alarm, group.bank
    row = alarm.row
    i = group.alarms.index[row]
    at = QueueRef(channel=channel, queue=row.series or None)
    growth = growth_of(alarm, said.at, at, centre) if row.measure == "backlog" else None
    observed, expected = _counted(alarm, growth)
    low, high = _usual(alarm, expected, float(bank.tolerance[i]), growth)
    rarity = budget.rarity_days(alarm.highest, alarm.pane_seconds)
    ratio = observed / expected if expected > 0 else None
    explained = local.explains(alarm.onset, said.at, alarm.kind, ratio)
    return Signal(
        signal_id=digest(centre.tenant, at, row.measure, alarm.kind, alarm.opened),
        tenant=centre.tenant,
        series=Series(at=at, measure=row.measure),
        signal_kind=alarm.kind,
        state=said.state,
        revision=alarm.revision,
        at=moment_of(said.at),
        pane_start=moment_of(said.pane_start),
        onset=moment_of(alarm.onset),
        observed=six(observed),
        expected=six(expected),
        ratio=None if ratio is None else six(ratio),
        usual_low=six(low),
        usual_high=six(high),
        rarity_days=six(rarity),
        evidence=Evidence(
            statistic=six(alarm.statistic),
            threshold=six(float(bank.threshold[i])),
            tolerance=six(float(bank.tolerance[i])),
            level=1.0,
            learned_weeks=six(float(bank.marks.exposure[i]) / _WEEK_SECONDS),
            still_learning=said.at - born < CountParams().learning_seconds,
            **curve_of(list(group.trail.points(i))),
        ),
        of=six(alarm.of),
        category=row.category,
        growth=growth,
        contributors=carriers.contributors,
        affected=[QueueRef(channel=channel, queue=name) for name in carriers.affected],
        reason=said.reason,
        audience=audience(centre, channel),
        explained=explained,
        drill=carriers.drill,
        text=_sentence(said, at, observed, expected, growth, local)
        + _tail(said, rarity, low, high)
        + mostly(said.state, carriers)
        + of_calendar(said.state, explained)
        + of_drill(carriers.drill),
        origin=origin,
    )


def of_metric(
    said: MetricStatement,
    born: float,
    learned_seconds: float,
    carriers: Carriers,
    channel: str,
    centre: Centre,
    local: LocalTime,
    origin: Origin,
) -> Signal:
    """The signal of a mean that left its usual range. `rarity_days` is that of its rarest surprise in its own history,
    which is no promise."""
    alarm = said.alarm
    at = QueueRef(channel=channel, queue=alarm.series or None)
    reach = math.exp(_Z99 * alarm.spread)
    low, high = alarm.expected / reach, alarm.expected * reach
    return Signal(
        signal_id=digest(centre.tenant, at, alarm.measure, "metric-shift", alarm.opened),
        tenant=centre.tenant,
        series=Series(at=at, measure=alarm.measure),
        signal_kind="metric-shift",
        state=said.state,
        revision=alarm.revision,
        at=moment_of(said.at),
        pane_start=moment_of(said.pane_start),
        onset=moment_of(alarm.onset),
        observed=six(alarm.observed),
        expected=six(alarm.expected),
        ratio=six(alarm.observed / alarm.expected) if alarm.expected > 0 else None,
        usual_low=six(low),
        usual_high=six(high),
        rarity_days=six(min(10**alarm.rarity * 60 / DAY_SECONDS, 1e6)),
        evidence=Evidence(
            statistic=six(alarm.surprise),
            threshold=LINE,
            tolerance=six(reach - 1),
            level=1.0,
            learned_weeks=six(learned_seconds / _WEEK_SECONDS),
            still_learning=said.at - born < CountParams().learning_seconds,
        ),
        of=float(alarm.contacts),
        contributors=carriers.contributors,
        affected=[QueueRef(channel=channel, queue=name) for name in carriers.affected],
        reason=said.reason,
        audience=audience(centre, channel),
        drill=carriers.drill,
        text=_of_metric(said, at, low, high, local) + mostly(said.state, carriers) + of_drill(carriers.drill),
        origin=origin,
    )


def _of_metric(said: MetricStatement, at: QueueRef, low: float, high: float, local: LocalTime) -> str:
    alarm, now = said.alarm, local.at(said.at)
    since = clock(local.at(alarm.onset), now)
    name = alarm.measure.removesuffix("_seconds") + (" time" if alarm.measure == "handle_seconds" else "")
    if said.state == "cleared":
        minutes = max(round((said.at - alarm.onset) / 60), 1)
        return f"{at}: {name} is usual again at {now:%H:%M} ({said.reason}), {minutes:,} min after {since}"
    change = f" ({100 * (alarm.observed / alarm.expected - 1):+,.0f} %)" if alarm.expected > 0 else ""
    seen = f"mean {name} {amount(alarm.observed)} s vs {amount(alarm.expected)} s{change} since {since}"
    return f"{at}: {seen}, {alarm.contacts:,} contacts; usual range {amount(low)}-{amount(high)} s"


def growth_of(alarm: WaveAlarm, now: int, at: QueueRef, centre: Centre) -> Growth:
    """How fast what waits grows since the onset."""
    came, left = alarm.observed, alarm.of - alarm.observed
    minutes = max((now - alarm.onset) / 60, 1.0)
    per_minute = (came - left) / minutes
    limit = limit_of(at, centre)
    ahead = limit - alarm.waiting if limit is not None else None
    return Growth(
        per_minute=six(per_minute),
        backlog=alarm.waiting,
        minutes_to_double=six(alarm.waiting / per_minute) if per_minute > 0 and alarm.waiting else None,
        limit=None if limit is None else six(limit),
        minutes_to_limit=six(ahead / per_minute) if ahead is not None and ahead > 0 and per_minute > 0 else None,
    )


def limit_of(at: QueueRef, centre: Centre) -> float | None:
    """As many as the queue's people (of a channel: of its queues) work off within the channel's target; None where the
    model knows neither."""
    channel = centre.channels.get(at.channel)
    if channel is None:
        return None
    mine = [queue for queue in centre.queues if queue.at.channel == at.channel and at.queue in (None, queue.at.queue)]
    a_second = math.fsum(
        queue.agents * (1 - centre.shrinkage) * channel.concurrency / (queue.handle_seconds or channel.handle_seconds)
        for queue in mine
    )
    return a_second * channel.target_seconds or None


def _counted(alarm: WaveAlarm, growth: Growth | None) -> tuple[float, float]:
    """What to show as observed and expected: the contacts concerned; of a backlog what waits now and at the onset."""
    if growth is not None:
        grown = 2 * alarm.observed - alarm.of
        return float(growth.backlog), max(growth.backlog - grown, 0.0)
    if alarm.row.falling:
        return alarm.of - alarm.observed, max(alarm.of - alarm.expected, 0.0)
    return alarm.observed, alarm.expected


def _usual(alarm: WaveAlarm, expected: float, tolerance: float, growth: Growth | None) -> tuple[float, float]:
    if growth is None:
        low, high = usual_range(expected, (tolerance / 2) ** 2)
        return low, min(high, alarm.of)
    spread = _Z99 * math.sqrt(alarm.of)
    return max(expected - spread, 0.0), expected + spread


def _tail(said: WaveStatement, rarity: float, low: float, high: float) -> str:
    if said.state == "cleared":
        return ""
    return f"; by chance less than once in {amount(rarity)} days; usual range {amount(low)}-{amount(high)}"


def _sentence(
    said: WaveStatement, at: QueueRef, observed: float, expected: float, growth: Growth | None, local: LocalTime
) -> str:
    alarm, row = said.alarm, said.alarm.row
    now = local.at(said.at)
    since = clock(local.at(alarm.onset), now)
    if said.state == "cleared":
        minutes = max(round((said.at - alarm.onset) / 60), 1)
        return f"{at}: {alarm.kind} over at {now:%H:%M} ({said.reason}), {minutes:,} min after it began at {since}"
    if growth is not None:
        text = f"{at}: backlog grows by {amount(growth.per_minute)} a minute since {since}: "
        text += f"{amount(observed)} wait, {amount(expected)} did"
        if growth.minutes_to_double:
            text += f"; doubles in {amount(growth.minutes_to_double)} min"
        if growth.minutes_to_limit:
            text += f"; more than can be served in time in {amount(growth.minutes_to_limit)} min"
        return text
    share, usual = observed / max(alarm.of, 1.0), expected / max(alarm.of, 1.0)
    shares = f"({share:.1%}, usually {usual:.1%}) since {since}"
    if row.measure == "reason":
        return f"{at}: {row.category} is {amount(observed)} of {amount(alarm.of)} arrivals {shares}"
    return f"{at}: {amount(observed)} {CONCERNED[row.measure].format(of=amount(alarm.of))} {shares}"
