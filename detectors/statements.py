"""What is said of a pane: signals with their sentence, and the minute's load."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec

from detectors.columns import Numbers, six
from detectors.gather import FIELDS, ClosedPane
from detectors.parameters import DAY_SECONDS
from detectors.series_bank import ChannelBank, PaneView, Verdict
from schemas.base import Origin, QueueRef
from schemas.fold import digest
from schemas.signal import Contribution, Evidence, Load, QueueLoad, Series, Signal

REVISE_SECONDS = 60
REVISE_ALWAYS_SECONDS = 900
REVISE_RATIO = 1.2
TOP_MAX = 5
RARITY_DAYS_MAX = 1e6
SPEED_NAMES = ("fast", "slow")
CASE_CHANNELS = ("email", "social", "web", "app")


def moment(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)


def due(verdict: Verdict, now: int) -> str | None:
    """Which statement a verdict deserves now: an alarm that goes on is repeated when it changed notably."""
    alarm = verdict.alarm
    if verdict.state != "held":
        return verdict.state
    ratio = alarm.observed / max(alarm.expected, 1e-9)
    since = now - alarm.said_at
    moved = max(ratio, 1e-3) / max(alarm.said_ratio, 1e-3)
    if since >= REVISE_ALWAYS_SECONDS or (since >= REVISE_SECONDS and not 1 / REVISE_RATIO < moved < REVISE_RATIO):
        alarm.said_at, alarm.said_ratio = now, ratio
        alarm.revision += 1
        return "revised"
    return None


def signal(
    tenant: str,
    channel: str,
    bank: ChannelBank,
    verdict: Verdict,
    state: str,
    pane: ClosedPane,
    view: PaneView,
    seen: Numbers,
    threshold: float,
    audience: str,
    origin: Origin,
) -> Signal:
    """The statement of one verdict."""
    alarm = verdict.alarm
    i = alarm.series
    if state == "cleared":
        alarm.revision += 1
    series = Series(at=QueueRef(channel=channel, queue=bank.names[i]))
    speed = SPEED_NAMES[alarm.speed]
    weeks = float(bank.sums.known_seconds[i]) / (7 * DAY_SECONDS)
    spread = float(bank.dispersion.estimate()[i]) / max(alarm.panes, 1)
    tolerance = float(view.tolerance[i])
    low, high = usual(alarm.expected, spread, tolerance)
    rarity = six(min(math.exp(min(alarm.statistic, 60.0)) * pane.seconds / DAY_SECONDS, RARITY_DAYS_MAX))
    ratio = six(alarm.observed / alarm.expected) if alarm.expected > 1e-9 else None
    end = pane.start + pane.seconds
    made = Signal(
        signal_id=digest(tenant, series, alarm.kind, speed, alarm.opened),
        tenant=tenant,
        series=series,
        signal_kind=alarm.kind,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        revision=alarm.revision,
        speed=speed,  # type: ignore[arg-type]
        at=moment(end),
        pane_start=moment(alarm.opened),
        onset=moment(alarm.onset),
        observed=six(alarm.observed),
        expected=six(alarm.expected),
        ratio=ratio,
        usual_low=six(low),
        usual_high=six(high),
        rarity_days=rarity,
        evidence=Evidence(
            statistic=six(alarm.statistic),
            threshold=six(threshold),
            tolerance=six(tolerance),
            level=six(float(view.level[i])),
            learned_weeks=six(weeks),
            still_learning=bool(bank.sums.known_seconds[i] < bank.params.learning_seconds),
            curve=[six(float(point)) for point in bank.sums.curve[:, i]],
            top=top(bank, seen, view) if i == 0 else [],
        ),
        reason=verdict.reason,
        audience=audience,  # type: ignore[arg-type]
        text="",
        origin=origin,
    )
    return made


def usual(expected: float, spread: float, tolerance: float) -> tuple[float, float]:
    """Where 99 % of such sums lie while the true rate stays inside the band."""
    half = 2.576 * math.sqrt(expected + expected * expected * spread)
    return max(expected / (1 + tolerance) - half, 0.0), expected * (1 + tolerance) + half


def top(bank: ChannelBank, seen: Numbers, view: PaneView) -> list[Contribution]:
    """The queues that stand out most in this pane."""
    order = sorted(range(1, len(bank.names)), key=lambda i: (-abs(float(seen[i] - view.mean[i])), bank.names[i] or ""))[
        :TOP_MAX
    ]
    return [
        Contribution(name=bank.names[i] or "", observed=six(float(seen[i])), expected=six(float(view.mean[i])))
        for i in order
    ]


def sentence(made: Signal, bank: ChannelBank) -> str:
    """One sentence for a person, in the tenant's local time."""
    since = bank.local.at(made.onset.timestamp()).strftime("%H:%M")
    change = "" if made.ratio is None else f" ({(made.ratio - 1) * 100:+,.0f} %)"
    facts = f"{made.series}: observed {made.observed:,.0f} vs expected {made.expected:,.0f}{change} since {since}"
    if made.state == "cleared":
        return f"{facts}; back in its usual range at {bank.local.at(made.at.timestamp()):%H:%M}"
    learning = "; still learning" if made.evidence.still_learning else ""
    rare = f"by chance less than once in {made.rarity_days:,.0f} days"
    return f"{facts}; {rare}; usual range {made.usual_low:,.0f}-{made.usual_high:,.0f}{learning}"


class Minute:
    """The sums of one channel since the last load, by series name."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.rows: dict[str, dict[str, float]] = {}
        self.backlog: dict[str, list[float]] = {}

    def add(self, pane: ClosedPane, bank: ChannelBank, known: list[bool], view: PaneView) -> None:
        means, lows, highs = view.mean.tolist(), view.low.tolist(), view.high.tolist()
        for i, name in enumerate(bank.names):
            row = self.rows.get(name or "")
            if row is None:
                row = self.rows[name or ""] = dict.fromkeys((*FIELDS, "seconds", "mean", "low2", "high2"), 0.0)
            counts = total(pane) if name is None else pane.counts.get(name)
            if known[i]:
                row["seconds"] += pane.seconds
                row["mean"] += means[i]
                row["low2"] += (means[i] - lows[i]) ** 2
                row["high2"] += (highs[i] - means[i]) ** 2
            if counts:
                for field in FIELDS:
                    row[field] += counts[field]
            if name is not None and counts:
                self._flow(name, pane, counts)

    def _flow(self, name: str, pane: ClosedPane, counts: dict[str, int]) -> None:
        waiting = self.backlog.setdefault(name, [0.0, float(pane.start)])
        came = counts["offered"] + counts["offered_by_transfer"]
        gone = counts["finished"] if self.channel in CASE_CHANNELS else counts["answered"]
        waiting[0] = max(0.0, waiting[0] + came - gone - counts["abandoned"])

    def take(self) -> list[QueueLoad]:
        rows, self.rows = self.rows, {}
        return [self._load(name, row) for name, row in sorted(rows.items())]

    def _load(self, name: str, row: dict[str, float]) -> QueueLoad:
        waiting = self.backlog.get(name) if name else None
        if not name and self.backlog:
            waiting = [sum(w for w, _ in self.backlog.values()), min(since for _, since in self.backlog.values())]
        mean = row["mean"]
        return QueueLoad(
            at=QueueRef(channel=self.channel, queue=name or None),
            known_seconds=row["seconds"],
            arrivals=int(row["offered"]),
            expected=six(mean),
            expected_low=six(max(0.0, mean - math.sqrt(row["low2"]))),
            expected_high=six(mean + math.sqrt(row["high2"])),
            answered=int(row["answered"]),
            abandoned=int(row["abandoned"]),
            escalated=int(row["escalated"]),
            finished=int(row["finished"]),
            negative=int(row["sentiment_negative"]),
            handle_seconds_mean=_mean(row["handle_milliseconds"], row["handle_n"]),
            wait_seconds_mean=_mean(row["wait_milliseconds"], row["wait_n"]),
            backlog=None if waiting is None else int(waiting[0]),
            backlog_since=None if waiting is None else moment(waiting[1]),
        )


def _mean(milliseconds: float, n: float) -> float | None:
    return six(milliseconds / n / 1000) if n else None


def total(pane: ClosedPane) -> dict[str, int]:
    """The whole channel's counts."""
    return {field: sum(counts[field] for counts in pane.counts.values()) for field in FIELDS}


def load(tenant: str, at: int, rows: list[QueueLoad], origin: Origin) -> Load:
    return Load(tenant=tenant, at=moment(at), seconds=60.0, loads=rows, origin=origin)


def source_lost(tenant: str, channel: str, source: str, start: int, end: int, audience: str, origin: Origin) -> Signal:
    """A source of the channel stopped sending heartbeats: what it feeds is unknown from `start` on."""
    series = Series(at=QueueRef(channel=channel), measure=f"heartbeat of {source}"[:200])
    return Signal(
        signal_id=digest(tenant, series, "telemetry-lost", start),
        tenant=tenant,
        series=series,
        signal_kind="telemetry-lost",
        state="opened",
        revision=0,
        at=moment(end),
        pane_start=moment(start),
        onset=moment(start),
        observed=0.0,
        expected=1.0,
        ratio=None,
        usual_low=1.0,
        usual_high=1.0,
        rarity_days=RARITY_DAYS_MAX,
        evidence=Evidence(statistic=0.0, threshold=0.0, tolerance=0.0, level=1.0, learned_weeks=0.0),
        audience=audience,  # type: ignore[arg-type]
        text=f"{channel}: {source} sends no heartbeats; what it feeds is unknown, not silent",
        origin=origin,
    )


def source_back(before: Signal, end: int, reason: str, origin: Origin) -> Signal:
    """The source is heard again, or has left."""
    text = before.text.split(":")[0] + (": is heard again" if reason == "recovered" else ": has left")
    return msgspec.structs.replace(
        before, state="cleared", revision=before.revision + 1, at=moment(end), reason=reason, text=text, origin=origin
    )
