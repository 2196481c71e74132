"""A person's word on the bus, and what the desk made of it.

The desk answers in messages whose origin is the desk entry of that word. Everything that it said is durable once its
state says that the entry was applied, so the answer is whole: silence after that means that nothing had to change.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from schemas import topics
from schemas.base import Message
from schemas.command import Bulletin
from schemas.decision import OperatorDecision
from schemas.errors import BadMessage
from schemas.fold import digest
from streams import log_reader, state
from streams.config import Settings
from streams.log_reader import Start
from streams.publish import Place, publish
from streams.values import value_of

# The state's records carry the clock of the worker's machine, the others the brokers'.
CLOCKS_APART = timedelta(seconds=60)
REFUSAL = "refusal"


class Outcome(NamedTuple):
    """What became of a decision. `no-answer`: it is on the bus, and the desk has not said anything yet."""

    word: Literal["done", "refused", "no-answer"]
    reason: str | None
    said: list[Message]


def carry_out(settings: Settings, made: OperatorDecision, source: str, seconds: float) -> Outcome:
    """Writes a decision and waits for the desk. Raises Unavailable, BadConfig."""
    place = publish(
        settings, topics.OPERATOR_DECISIONS, made, key=made.tenant, id=made.decision_id, source=source, time=made.at
    )
    heard = await_heard(settings, place, seconds)
    if heard is None:
        return Outcome("no-answer", None, [])
    said = answers(settings, place, heard)
    why = refusal(said)
    return Outcome("done" if why is None else "refused", why, said)


class Heard(NamedTuple):
    """Where a word lies on the desk."""

    partition: int
    offset: int


def await_heard(settings: Settings, place: Place, seconds: float) -> Heard | None:
    """Waits until the response fold has applied the record at `place`; None where it has not within `seconds`."""
    name = digest(place.topic, place.partition, place.offset).encode()
    heard: Heard | None = None
    applied: dict[int, int] = {}
    wanted = (topics.DESK, topics.RESPOND_STATE)
    for record in log_reader.follow(settings, wanted, Start(since=place.at - CLOCKS_APART), seconds=seconds):
        if record.topic == topics.DESK.name:
            if dict(record.headers).get("ce_id") == name:
                heard = Heard(record.partition, record.offset)
        else:
            commit = state.applied_by(record.key, record.headers)
            if commit is not None and commit[0].topic == topics.DESK.name:
                number = commit[0].partition
                applied[number] = max(commit[1], applied.get(number, state.NOTHING))
        if heard is not None and applied.get(heard.partition, state.NOTHING) >= heard.offset:
            return heard
    return None


def answers(settings: Settings, place: Place, heard: Heard) -> list[Message]:
    """All that the desk said because of the word at `place`, topic by topic, in its order."""
    found = []
    start = Start(since=place.at - CLOCKS_APART)
    for record in log_reader.read_to_end(settings, topics.DESK_OUTPUTS, start):
        try:
            value = value_of(record.topic, record.value)
        except BadMessage:
            continue  # not of this release
        origin = getattr(value, "origin", None)
        if origin and (origin.topic, origin.partition, origin.offset) == (topics.DESK.name, *heard):
            found.append(value)
    return found


def refusal(said: list[Message]) -> str | None:
    """Why the desk did not do it, in English where it speaks English; None where it did."""
    texts = {one.language: one.text for one in said if isinstance(one, Bulletin) and one.template == REFUSAL}
    return texts.get("en") or next(iter(texts.values()), None)
