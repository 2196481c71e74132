"""47 minutes without telephony on a Tuesday in peak season: the carrier's trunks fail at 10:12, and callers turn to
everything else."""

from __future__ import annotations

from datetime import datetime, timedelta

from drills.scenario import Curve, Effect, Row, Scenario, ToolFailure
from schemas.base import QueueRef
from schemas.signal import SignalKind

MINUTES = 47
_END = MINUTES * 60.0
_LIMIT_SECONDS = 180.0
_SURGE: tuple[SignalKind, ...] = ("surge",)


def _diverted(after: float, ramp: float, factor: float, decay: float) -> Curve:
    """Usual until `after`, `factor` once the ramp is over, usual again `decay` seconds after telephony is back."""
    return Curve(((after, 1.0), (after + ramp, factor), (_END, factor), (_END + decay, 1.0)))


# Calls stop at once; when the trunks are back, those who gave up call again.
_VOICE = Curve(((0.0, 1.0), (0.001, 0.0), (_END, 0.0), (_END + 60, 1.25), (_END + 900, 1.0)))
# Customers try the phone again first: others channels rise one after the other.
_CHAT = _diverted(60, 60, 3.8, 600)
_EMAIL = _diverted(150, 60, 2.4, 900)
_SOCIAL = _diverted(120, 120, 6.0, 1200)
_REFUNDS = _diverted(240, 120, 3.2, 900)
_ESCALATED = Curve(((660, 1.0), (960, 3.5), (_END, 3.5), (_END + 1200, 1.0)))
_NEGATIVE = Curve(((300, 1.0), (900, 3.0), (_END, 3.0), (_END + 1200, 1.0)))


def build(starts_at: datetime) -> Scenario:
    """The scenario with its break at `starts_at` (any zone)."""
    channel = {name: QueueRef(channel=name) for name in ("voice", "chat", "email", "social")}
    refunds = QueueRef(channel="app", queue="refunds")
    effects = (
        Effect(at=channel["voice"], arrivals=_VOICE, cut=True),
        Effect(at=channel["chat"], arrivals=_CHAT, escalated=_ESCALATED, negative=_NEGATIVE),
        Effect(at=channel["email"], arrivals=_EMAIL, escalated=_ESCALATED, negative=_NEGATIVE),
        Effect(at=channel["social"], arrivals=_SOCIAL, escalated=_ESCALATED, negative=_NEGATIVE),
        Effect(at=refunds, arrivals=_REFUNDS),
    )
    return Scenario(
        name="telephony-outage",
        text="the carrier's trunks fail; nobody can call for 47 minutes",
        starts_at=starts_at,
        lasts=timedelta(minutes=MINUTES),
        effects=effects,
        failures=(
            ToolFailure(tool="telephony", from_seconds=25, to_seconds=_END + 20, text="SIP OPTIONS time out: no trunk"),
        ),
        rows=(
            _timed("voice silent", channel["voice"], ("silence", "drop"), _VOICE),
            _timed("chat +280 %", channel["chat"], _SURGE, _CHAT),
            _timed("social x6", channel["social"], _SURGE, _SOCIAL),
            _timed("e-mail arrivals x2", channel["email"], _SURGE, _EMAIL),
            _timed("refunds x3", refunds, _SURGE, _REFUNDS),
            Row(what="voice agents idle", at=channel["voice"], measure="idle", kinds=(), broke_seconds=0.0),
            Row(
                what="e-mail backlog growing",
                at=channel["email"],
                measure="backlog",
                kinds=("backlog-growth",),
                broke_seconds=_EMAIL.leaves_seconds(),
            ),
            Row(
                what="escalations rising",
                at=channel["chat"],
                measure="escalated",
                kinds=("escalation-wave",),
                broke_seconds=_ESCALATED.leaves_seconds(),
            ),
        ),
        cause="telephony",
    )


def _timed(what: str, at: QueueRef, kinds: tuple[SignalKind, ...], arrivals: Curve) -> Row:
    return Row(
        what=what,
        at=at,
        measure="offered",
        kinds=kinds,
        broke_seconds=arrivals.leaves_seconds(),
        limit_seconds=_LIMIT_SECONDS,
    )
