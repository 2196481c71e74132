"""What operators said of incidents, as truth: acknowledged was real, "not an incident" was not. What nobody spoke of
stays open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schemas import topics
from schemas.decision import OperatorDecision
from schemas.errors import BadConfig, BadMessage
from schemas.incident import Incident
from streams import log_reader
from streams.backtest.ran import Ran
from streams.backtest.truth import Known, Truth
from streams.config import Settings
from streams.values import value_of

REAL = {"acknowledge": True, "not-an-incident": False}


def of_bus(settings: Settings) -> Iterable[Incident | OperatorDecision]:
    """All incidents and decisions that the broker still has. Raises Unavailable."""
    for record in log_reader.read_to_end(settings, [topics.INCIDENTS, topics.OPERATOR_DECISIONS]):
        try:
            value = value_of(record.topic, record.value)
        except BadMessage:
            continue
        if isinstance(value, Incident | OperatorDecision):
            yield value


def truth(said: Iterable[Incident | OperatorDecision], first: float, last: float) -> Truth:
    """Of incidents from `first` to `last` (Unix seconds); the last word on one counts. Raises BadConfig where nobody
    said anything of any."""
    ran, words = Ran(), dict[str, tuple[datetime, bool]]()
    for value in said:
        if isinstance(value, Incident):
            ran.incident(value)
        elif value.action in REAL:
            before = words.get(value.target)
            if before is None or before[0] <= value.at:
                words[value.target] = value.at, REAL[value.action]
    known = []
    for one in ran.in_order():
        start, end = one.onset.timestamp(), one.until.timestamp()
        if one.incident_id in words and end >= first and start <= last:
            known.append(Known(start, end, one.title, frozenset(one.channels), words[one.incident_id][1]))
    if not known:
        why = "no incident of that time was acknowledged or said to be none: give --labels instead"
        raise BadConfig([("--feedback", why)])
    return Truth(tuple(known), whole=False)
