"""Seeded outages as one desk hears them: signals, loads, agents, tool health and ticks, with the truth kept apart.

They begin at the signals, not at contacts: what is tried is how signals become incidents, a thousand times over; how
contacts become signals is tried elsewhere. The noise is that of real centres: a sign shows with probability 0.7, its
onset is misjudged by minutes, what is counted varies as `drills.busyness` says, probes are silent in a quarter of the
cases and lie in a hundredth, in one case of three something unrelated surges, in one of four a second outage begins 30
to 50 minutes into the first, and both are there for half an hour at least.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import numpy as np

from drills.busyness import Busyness
from drills.natures import NATURES, PRESENT, TIMINGS, TOOL_FALSE_ALARM, TOOLS, Nature, Sign
from drills.retailer import QUEUES, TENANT, agents_at_peak, centre
from schemas.base import Origin, QueueRef
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import digest
from schemas.health import ToolHealth
from schemas.incident import CauseKind
from schemas.signal import Evidence, Load, QueueLoad, Series, Signal
from schemas.tick import Tick
from schemas.workforce import Workforce

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
CAUSES: tuple[CauseKind, ...] = tuple(NATURES)

PAIR_SHARE = 0.25
PAIR_GAP_SECONDS = (1800.0, 3000.0)
PAIR_OVERLAPS_SECONDS = 1800.0
DISTRACTOR_SHARE = 1 / 3
PROBES_SILENT_SHARE = 0.25
ONSET_JITTER_SECONDS = 60.0  # standard deviation of what detection takes for the onset
LASTS_SECONDS = (2400.0, 4200.0)
CLEARS_SECONDS = (60.0, 900.0)
MISSING_STAYS = 0.25  # of the planned slots, where agents are missing
LOAD_SECONDS = 120.0
# an alarm is raised for what left its usual range, whatever is counted in its window
SURGE_RATIO_MIN, DROP_RATIO_MAX = 1.25, 0.75
_ORIGIN = Origin(topic="queue-panes", partition=0, offset=0)


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """The truth about one outage; seconds after START. `signals` are its signs that showed, by signal id; `unseen`
    could not show, for the other outage of the case had that series in its hands; `probes_silent`, `tools_down`,
    `idle` and `missing` are what else was there to be seen."""

    cause: CauseKind
    channels: tuple[str, ...]
    onset_seconds: float
    end_seconds: float
    signals: dict[str, Sign]
    unseen: frozenset[Sign]
    probes_silent: bool
    tools_down: frozenset[str]
    idle: bool
    missing: bool
    reach: Literal["site", "region"] | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One log of a desk, and the truth behind it."""

    seed: int
    entries: list[DeskEntry]
    outages: list[Outage]


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A signal from its opening to its clearing; seconds after START."""

    sign: Sign
    owner: int
    onset_seconds: float
    said_seconds: float
    cleared_seconds: float
    ratio: float

    @property
    def signal_id(self) -> str:
        return digest(TENANT, self.sign.at, self.sign.measure, self.sign.kind, self.said_seconds)


class _Break(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn of one outage before its signs."""

    cause: CauseKind
    nature: Nature
    onset_seconds: float
    end_seconds: float
    idle: bool
    missing: bool
    probed: bool


def draw(seed: int) -> Case:
    """The case of a seed; drawn again while an outage of it shows no sign at all, as nobody could know of it."""
    random = np.random.default_rng([seed, 20261124])
    while True:
        breaks = _breaks(random)
        spoken, unseen = _take_turns(_all_signs(random, breaks))
        if {line.owner for line in spoken} >= set(range(len(breaks))):
            break
    silent = bool(random.random() < PROBES_SILENT_SHARE)
    lying = [tool for tool in TOOLS if random.random() < TOOL_FALSE_ALARM]
    outages = [_truth(n, one, breaks, spoken, unseen, silent, lying) for n, one in enumerate(breaks)]
    counted = np.random.default_rng([seed, 20261124, 1])
    bodies = sorted(_said(spoken, breaks, silent, lying, counted), key=lambda line: line[0])
    entries = [
        DeskEntry(tenant=TENANT, origin=Origin(topic="drill", partition=0, offset=n), body=body)
        for n, (_, body) in enumerate(bodies)
    ]
    return Case(seed=seed, entries=entries, outages=outages)


def _breaks(random: np.random.Generator) -> list[_Break]:
    pair = random.random() < PAIR_SHARE
    causes = [CAUSES[int(i)] for i in random.permutation(len(CAUSES))[: 2 if pair else 1]]
    onset, drawn = float(random.uniform(300, 900)), []
    for cause in causes:
        gap = float(random.uniform(*PAIR_GAP_SECONDS)) if pair else 0.0
        lasts = max(float(random.uniform(*LASTS_SECONDS)), gap + PAIR_OVERLAPS_SECONDS if gap else 0.0)
        natures = NATURES[cause]
        nature = natures[int(random.integers(len(natures)))]
        one = _Break(
            cause=cause,
            nature=nature,
            onset_seconds=onset,
            end_seconds=onset + lasts,
            idle=bool(nature.idle and random.random() < PRESENT),
            missing=bool(nature.missing and random.random() < PRESENT),
            probed=bool(nature.tool and random.random() < PRESENT),
        )
        drawn.append(one)
        onset += gap
    return drawn


def _all_signs(random: np.random.Generator, breaks: list[_Break]) -> list[Spoken]:
    """Of every outage those signs that show, and of the distractor (owner -1) a queue and its channel."""
    said = [
        _spoken(random, sign, n, one.onset_seconds, one.end_seconds)
        for n, one in enumerate(breaks)
        for sign in one.nature.signs
        if random.random() < PRESENT
    ]
    if random.random() < DISTRACTOR_SHARE:
        at = QUEUES[int(random.integers(len(QUEUES)))].at
        onset = breaks[0].onset_seconds + float(random.uniform(-240, 3600))
        end = onset + float(random.uniform(*LASTS_SECONDS))
        said += [_spoken(random, Sign(name, "surge"), -1, onset, end) for name in (at.channel, str(at))]
    return said


def _spoken(random: np.random.Generator, sign: Sign, owner: int, onset: float, end: float) -> Spoken:
    timing = TIMINGS[sign.kind]
    began = onset + float(random.uniform(*timing.lag_seconds))
    seen = began + float(random.uniform(*timing.delay_seconds))
    judged = min(seen - 5.0, began + float(random.normal(0.0, ONSET_JITTER_SECONDS)))
    cleared = max(end, seen + 60.0) + float(random.uniform(*CLEARS_SECONDS))
    return Spoken(
        sign=sign,
        owner=owner,
        onset_seconds=round(judged, 1),
        said_seconds=round(seen, 1),
        cleared_seconds=round(cleared, 1),
        ratio=round(float(random.uniform(*timing.ratio)), 2),
    )


def _take_turns(said: list[Spoken]) -> tuple[list[Spoken], list[Spoken]]:
    """A series is in one alarm at a time, and one that is not delivered in none: what is heard, and what cannot be."""
    heard: list[Spoken] = []
    unheard: list[Spoken] = []
    for line in sorted(said, key=lambda one: (one.said_seconds, one.sign)):
        busy = any(_hides(other, line) for other in heard if other.cleared_seconds > line.said_seconds)
        (unheard if busy else heard).append(line)
    return heard, unheard


def _hides(earlier: Spoken, line: Spoken) -> bool:
    same = (earlier.sign.at, earlier.sign.measure) == (line.sign.at, line.sign.measure)
    lost = earlier.sign.kind == "telemetry-lost" and earlier.sign.at == _channel(line.sign)
    return same or (lost and line.owner != earlier.owner)


def _channel(sign: Sign) -> str:
    return sign.at.partition("/")[0]


def _truth(
    n: int,
    one: _Break,
    breaks: list[_Break],
    spoken: list[Spoken],
    unheard: list[Spoken],
    silent: bool,
    lying: list[str],
) -> Outage:
    others = {other.nature.tool for other in breaks if other is not one and other.probed}
    down = set(lying) | ({one.nature.tool} if one.probed and one.nature.tool else set())
    return Outage(
        cause=one.cause,
        channels=tuple(sorted({_channel(sign) for sign in one.nature.signs})),
        onset_seconds=one.onset_seconds,
        end_seconds=one.end_seconds,
        signals={line.signal_id: line.sign for line in spoken if line.owner == n},
        unseen=frozenset(line.sign for line in unheard if line.owner == n),
        probes_silent=silent,
        tools_down=frozenset(down - others) if not silent else frozenset(),
        idle=one.idle,
        missing=one.missing,
        reach=one.nature.reach,
    )


# what the desk hears


def _said(
    spoken: list[Spoken], breaks: list[_Break], silent: bool, lying: list[str], counted: np.random.Generator
) -> Iterator[tuple[float, DeskBody]]:
    yield -1.0, centre("approve")
    end = max(line.cleared_seconds for line in spoken) + 900.0
    busy = Busyness(counted, [plan.at for plan in QUEUES], LOAD_SECONDS, int(end // LOAD_SECONDS) + 1)
    for line in spoken:
        ratio = _counted_ratio(line, busy)
        yield line.said_seconds, _signal(line, ratio, cleared=False)
        yield line.cleared_seconds, _signal(line, ratio, cleared=True)
    for second in np.arange(0.0, end, 30.0).tolist():
        moment = START + timedelta(seconds=second)
        yield second, Tick(tenant=TENANT, at=moment, read_to=moment, complete_to=moment)
        if second % LOAD_SECONDS == 0:
            yield second, _load(second, spoken, busy)
            if not silent:
                yield from ((second, _health(tool, second, breaks, lying)) for tool in TOOLS)
        if second % 300 == 0:
            yield from ((second, line) for line in _agents(second, breaks))


def _counted_ratio(line: Spoken, busy: Busyness) -> float:
    """What a window shows of the ratio, where contacts are counted: never back within the usual range."""
    if line.sign.kind not in ("surge", "drop"):
        return line.ratio
    queues = [plan.at for plan in QUEUES if line.sign.at in (str(plan.at), plan.at.channel)]
    factor = sum(busy.factor(at, line.said_seconds) for at in queues) / len(queues)
    expected = _expected(line, line.said_seconds)
    ratio = round(busy.count(expected * line.ratio * factor) / expected, 2)
    return max(SURGE_RATIO_MIN, ratio) if line.sign.kind == "surge" else min(DROP_RATIO_MAX, ratio)


def _expected(line: Spoken, until: float) -> float:
    """Contacts that usually come from a line's onset on."""
    return max(10.0, until - line.onset_seconds) / 3


def _signal(line: Spoken, ratio: float, cleared: bool) -> Signal:
    channel, _, queue = line.sign.at.partition("/")
    seconds = line.cleared_seconds if cleared else line.said_seconds
    opened = START + timedelta(seconds=line.said_seconds)
    series = Series(at=QueueRef(channel=channel, queue=queue or None), measure=line.sign.measure)
    expected = _expected(line, seconds)
    return Signal(
        signal_id=line.signal_id,
        tenant=TENANT,
        series=series,
        signal_kind=line.sign.kind,
        state="cleared" if cleared else "opened",
        revision=2 if cleared else 1,
        at=START + timedelta(seconds=seconds),
        pane_start=opened,
        onset=START + timedelta(seconds=line.onset_seconds),
        observed=expected * ratio,
        expected=expected,
        ratio=ratio,
        usual_low=0.8 * expected,
        usual_high=1.2 * expected,
        rarity_days=1000.0,
        evidence=Evidence(statistic=20.0, threshold=15.0, tolerance=0.2, level=1.0, learned_weeks=8.0),
        site=line.sign.site or None,
        region=line.sign.region or None,
        reason="recovered" if cleared else None,
        text=f"{series}: {line.sign.kind}",
        origin=_ORIGIN,
    )


def _load(second: float, spoken: list[Spoken], busy: Busyness) -> Load:
    """Two minutes of every channel and queue, as the signals that are open then have it."""
    factor = {
        line.sign.at: line.ratio
        for line in spoken
        if line.sign.measure == "offered" and line.onset_seconds <= second < line.cleared_seconds
    }
    seen: dict[QueueRef, tuple[float, int]] = {}
    for plan in QUEUES:
        usual = LOAD_SECONDS / 60 * plan.per_minute_peak
        outage = factor.get(str(plan.at), factor.get(plan.at.channel, 1.0))
        came = busy.count(usual * outage * busy.factor(plan.at, second))
        for at in (plan.at, QueueRef(channel=plan.at.channel)):
            before = seen.get(at, (0.0, 0))
            seen[at] = (before[0] + usual, before[1] + came)
    loads = [
        QueueLoad(
            at=at,
            known_seconds=LOAD_SECONDS,
            arrivals=came,
            expected=expected,
            expected_low=0.8 * expected,
            expected_high=1.2 * expected,
        )
        for at, (expected, came) in sorted(seen.items(), key=lambda item: str(item[0]))
    ]
    moment = START + timedelta(seconds=second)
    return Load(tenant=TENANT, at=moment, seconds=LOAD_SECONDS, loads=loads, origin=_ORIGIN)


def _health(tool: str, second: float, breaks: list[_Break], lying: list[str]) -> ToolHealth:
    broken = any(
        one.probed and one.nature.tool == tool and one.onset_seconds <= second < one.end_seconds for one in breaks
    )
    return ToolHealth(
        tenant=TENANT,
        tool=tool,
        at=START + timedelta(seconds=second),
        state="down" if broken else "degraded" if tool in lying else "up",
    )


def _agents(second: float, breaks: list[_Break]) -> Iterator[Workforce]:
    now = [one for one in breaks if one.onset_seconds <= second < one.end_seconds]
    idle = {channel for one in now if one.idle for channel in one.nature.idle}
    missing = any(one.missing for one in now)
    for plan in QUEUES:
        staffed = agents_at_peak(plan) * plan.concurrency
        if missing:
            staffed = round(staffed * MISSING_STAYS)
        free = round(staffed * (0.95 if plan.at.channel in idle else 0.1))
        yield Workforce(
            tenant=TENANT,
            at=START + timedelta(seconds=second),
            queue=plan.at,
            staffed=staffed,
            available=free,
            on_contact=staffed - free,
        )
