"""One queue or channel over its last minutes: counts against the expected band, signals as marks, agents."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta

from response.floor import believed
from schemas.base import QueueRef
from schemas.signal import QueueLoad, Signal
from schemas.workforce import Workforce
from streams.web import words
from streams.web.view import Agents, Mark, Point, Row

MARKS_MAX = 40
SITES_MAX = 50
# A minute of which less than this share was delivered is shown as unknown, not as few contacts.
KNOWN_SHARE_MIN = 0.5
# So many minutes in a row outside the usual range are worth a word also without a signal; one alone is chance.
OUTSIDE_MINUTES = 3
# Without a new minute for so long, measured against the tenant's own time, a row is unknown.
QUIET = timedelta(minutes=3)


class RowTrack:
    """What is remembered of one row. Bounded: `points_max` minutes, 40 signals, 50 sites."""

    def __init__(self, at: QueueRef, points_max: int) -> None:
        self.at = at
        self._points_max = points_max
        self._points: list[Point] = []
        self._fresh: list[Point] = []
        self._load: QueueLoad | None = None
        self._seconds = 60.0
        self._last_at: datetime | None = None
        self._signals: dict[str, Signal] = {}
        self._agents: dict[str | None, Workforce] = {}

    def take_load(self, load: QueueLoad, at: datetime, seconds: float) -> None:
        known = load.known_seconds >= seconds * KNOWN_SHARE_MIN
        self._place(
            Point(
                at=int(at.timestamp()),
                observed=float(load.arrivals) if known else None,
                expected=load.expected,
                low=load.expected_low,
                high=load.expected_high,
            )
        )
        if self._last_at is None or at >= self._last_at:
            # a channel of longer panes than a minute has a whole pane in the minute that it ends in
            self._load, self._last_at, self._seconds = load, at, max(seconds, load.known_seconds)

    def take_signal(self, signal: Signal) -> None:
        known = self._signals.get(signal.signal_id)
        if known is not None and known.revision > signal.revision:
            return
        self._signals[signal.signal_id] = signal
        if len(self._signals) > MARKS_MAX:
            done = (name for name, kept in self._signals.items() if kept.state == "cleared")
            del self._signals[next(done, next(iter(self._signals)))]

    def take_agents(self, said: Workforce) -> None:
        known = self._agents.get(said.site)
        if (known is None or known.at <= said.at) and (known is not None or len(self._agents) < SITES_MAX):
            self._agents[said.site] = said

    @property
    def is_unusual(self) -> bool:
        """Whether a signal is open on it."""
        return any(signal.state != "cleared" for signal in self._signals.values())

    def open_signals(self) -> list[Signal]:
        """Those that are open, the weightiest first."""
        open_now = [signal for signal in self._signals.values() if signal.state != "cleared"]
        return sorted(open_now, key=lambda s: (-words.WEIGHT[s.signal_kind], s.onset, s.signal_id))

    @property
    def agents(self) -> Agents | None:
        if not self._agents:
            return None
        said = believed(self._agents.values())
        return Agents(
            at=min(one.at for one in said),
            staffed=sum(one.staffed for one in said),
            idle=sum(one.available for one in said),
            busy=sum(one.on_contact for one in said),
            bench=sum(one.bench for one in said),
        )

    def view(self, complete_to: datetime | None, agents: Agents | None, unusual_queues: int, *, whole: bool) -> Row:
        """The row; with all points, or only with those that came since it was last shown as a part."""
        status, because, since = self._status(complete_to, unusual_queues)
        load = self._load
        row = Row(
            at=self.at,
            status=status,  # type: ignore[arg-type]  # a signal's kind or a word of our own
            because=because,
            since=since,
            unusual_queues=unusual_queues,
            seconds=self._seconds,
            known_seconds=load.known_seconds if load else 0.0,
            last_at=self._last_at,
            answered=load.answered if load else 0,
            abandoned=load.abandoned if load else 0,
            escalated=load.escalated if load else 0,
            wait_seconds_mean=load.wait_seconds_mean if load else None,
            backlog=load.backlog if load else None,
            backlog_since=load.backlog_since if load else None,
            agents=agents,
            marks=[self._mark(signal) for signal in self._signals.values()],
            points=list(self._points if whole else self._fresh),
        )
        if not whole:
            self._fresh.clear()
        return row

    def is_behind(self, complete_to: datetime | None) -> bool:
        """Whether the tenant's time has moved on without this row."""
        if self._last_at is None or complete_to is None:
            return self._last_at is None
        return complete_to - self._last_at > QUIET + timedelta(seconds=self._seconds)

    def _status(self, complete_to: datetime | None, unusual_queues: int) -> tuple[str, str, datetime | None]:
        found = self.open_signals()
        if found:
            return found[0].signal_kind, words.state_of(found[0]), found[0].onset
        if self.is_behind(complete_to):
            return "unknown", "nothing delivered", self._last_at
        if self._points and self._points[-1].observed is None:
            return "unknown", "nothing delivered", self._unknown_since()
        outside = self._outside()
        if outside is not None:
            return outside
        if unusual_queues:
            return "usual", f"usual as a whole, {words.plural(unusual_queues, 'queue')} not", None
        return "usual", "as usual", None

    def _outside(self) -> tuple[str, str, datetime] | None:
        last = self._points[-OUTSIDE_MINUTES:]
        seen = [point.observed for point in last if point.observed is not None]
        if len(seen) < OUTSIDE_MINUTES or self._last_at is None:
            return None
        above = all(point.observed > point.high for point in last if point.observed is not None)
        below = all(point.observed < point.low for point in last if point.observed is not None)
        if not above and not below:
            return None
        expected = sum(point.expected for point in last)
        change = words.change(sum(seen) / expected if expected else None, sum(seen))
        first = last[0]
        for point in reversed(self._points):
            if point.observed is None or not (point.observed > point.high if above else point.observed < point.low):
                break
            first = point
        since = datetime.fromtimestamp(first.at, tz=self._last_at.tzinfo)
        return ("above", f"above usual, {change}", since) if above else ("below", f"below usual, {change}", since)

    def _unknown_since(self) -> datetime | None:
        seen = [point.at for point in self._points if point.observed is not None]
        return datetime.fromtimestamp(seen[-1], tz=self._last_at.tzinfo) if seen and self._last_at else None

    def _place(self, point: Point) -> None:
        """Puts the minute where it belongs in time; a repeat replaces, the oldest leaves."""
        where = bisect_left(self._points, point.at, key=lambda known: known.at)
        if where < len(self._points) and self._points[where].at == point.at:
            if self._points[where] == point:
                return
            self._points[where] = point
        else:
            self._points.insert(where, point)
        self._fresh.append(point)
        if len(self._points) > self._points_max:
            del self._points[: len(self._points) - self._points_max]
            del self._fresh[: max(0, len(self._fresh) - self._points_max)]

    @staticmethod
    def _mark(signal: Signal) -> Mark:
        return Mark(
            signal_id=signal.signal_id,
            kind=signal.signal_kind,
            measure=signal.series.measure,
            start=signal.onset,
            end=signal.at if signal.state == "cleared" else None,
            text=signal.text,
        )


def added(parts: list[Agents]) -> Agents | None:
    """The agents of a channel where only its queues are reported. Agents with several skills are counted in each."""
    if not parts:
        return None
    return Agents(
        at=min(part.at for part in parts),
        staffed=sum(part.staffed for part in parts),
        idle=sum(part.idle for part in parts),
        busy=sum(part.busy for part in parts),
        bench=sum(part.bench for part in parts),
    )
