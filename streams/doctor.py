"""What is wrong with this deployment, and what to do about it: broker, topics, rights, workers, lag, clocks, sinks.

It reads, and where it is asked to, it sends one test contact or one test page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple

import orjson
from confluent_kafka import ConsumerGroupTopicPartitions as GroupOffsets
from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AclOperation, AdminClient, OffsetSpec

from schemas import topics
from schemas.base import Origin
from schemas.errors import BadConfig, Unavailable
from schemas.incident import Cause, Incident, Move, Reason, Scope
from schemas.topics import Topic
from streams import broker, canary, clock, log_reader, sinks
from streams.config import Role, Settings
from streams.log_reader import Start
from streams.notify import role as notify
from streams.notify.sink import Delivered, Notice, Sink

ANSWER_SECONDS_MAX = 15.0
STILL_SECONDS_MAX = 12.0
SKEW_SECONDS_MAX = 2.0
LOOKED_AT = 20
# What each role reads in its group; the ingest's topics are the settings' channels.
READS: dict[Role, tuple[Topic, ...]] = {
    "detect": (topics.QUEUE_PANES,),
    "respond": (topics.DESK, *topics.DESK_INPUTS),
    "notify": notify.INPUTS,
}
READ_ONLY = (*topics.DESK_INPUTS, topics.DEFECTS)
State = Literal["right", "wrong", "unknown"]


class Finding(NamedTuple):
    """One thing that was looked at. A wrong one says what to do."""

    what: str
    state: State
    text: str
    fix: str = ""


def examine(settings: Settings, *, test_channel: str | None = None, page: bool = False) -> Iterator[Finding]:
    """Everything in order, each as soon as it is known. Without a broker nothing that needs it is looked at.

    Raises nothing that one of its own looks can meet.
    """
    yield from _guarded("sinks", lambda: _sinks(settings, page))
    try:
        broker.check_reachable(settings)
    except (BadConfig, Unavailable) as error:
        yield _from(error, "broker")
        return
    yield Finding("broker", "right", f"{','.join(settings.broker.bootstrap)} answers")
    yield from _guarded("topics", lambda: _topics(settings))
    admin = AdminClient(broker.confluent_settings(settings))
    yield from _guarded("rights", lambda: _rights(settings, admin))
    contact = tuple(topics.contact_events(name, one.partitions) for name, one in settings.channels.items())
    for role, read in ({"ingest": contact} | READS).items():
        yield from _guarded(f"role {role}", partial(_role, settings, admin, role, read))
    yield from _guarded("clocks", lambda: _clocks(settings))
    if test_channel is not None:
        yield from _guarded("counting", lambda: _counting(settings, test_channel))


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (BadConfig, Unavailable) as error:
        yield _from(error, what)
    except KafkaException as error:
        yield Finding(what, "unknown", f"the broker does not say: {error.args[0]}")


def _from(error: BadConfig | Unavailable, what: str) -> Finding:
    if isinstance(error, BadConfig):
        text = "; ".join(f"{place}: {problem}" for place, problem in error.problems)
        return Finding(what, "wrong", text, "put the setting right; `breakwater check-config` shows them all")
    return Finding(what, "wrong", str(error), "")


def _topics(settings: Settings) -> Iterator[Finding]:
    problems = broker.check_topics(settings)
    for problem in problems:
        yield Finding(f"topic {problem.topic}", "wrong", problem.text, problem.fix)
    if not problems:
        yield Finding("topics", "right", f"all {len(settings.all_topics())} are as they should be")


def _rights(settings: Settings, admin: AdminClient) -> Iterator[Finding]:
    """Whether this login may read and write what a worker reads and writes (KIP-430)."""
    wanted = {settings.topic_name(topic): _operations(topic) for topic in settings.all_topics()}
    asked = admin.describe_topics(
        TopicCollection(list(wanted)), include_authorized_operations=True, request_timeout=ANSWER_SECONDS_MAX
    )
    lacking: dict[str, set[AclOperation]] = {}
    for name, answer in asked.items():
        allowed = answer.result(ANSWER_SECONDS_MAX).authorized_operations
        if allowed is None:
            yield Finding("rights", "unknown", "the broker does not say what this login may do")
            return
        if missing := wanted[name] - set(allowed):
            lacking[name] = missing
    for name, missing in sorted(lacking.items()):
        words = " and ".join(sorted(one.name.lower() for one in missing))
        fix = f"kafka-acls --add --topic {name} --operation {words.replace(' and ', ' --operation ')} for this login"
        yield Finding(f"rights on {name}", "wrong", f"this login may not {words}", fix)
    if not lacking:
        yield Finding("rights", "right", f"this login may read and write its {len(wanted)} topics")


def _operations(topic: Topic) -> set[AclOperation]:
    if topic.name.startswith(topics.CONTACT_EVENTS) and not topic.name.endswith(topics.DEAD_LETTER):
        return {AclOperation.READ}
    return {AclOperation.READ} if topic in READ_ONLY else {AclOperation.READ, AclOperation.WRITE}


def _role(settings: Settings, admin: AdminClient, role: str, read: tuple[Topic, ...]) -> Iterator[Finding]:
    """Whether somebody plays the role, and how far it has read."""
    group, what = broker.group_name(settings, role), f"role {role}"
    members = _members(admin, group)
    if not members:
        fix = f"start one: breakwater worker --role {role}"
        yield Finding(what, "wrong", f"no worker is in the group {group}", fix)
        return
    place = _place(settings, admin, group, read)
    workers = f"{len(members)} worker{'s' if len(members) > 1 else ''}"
    if place is None:
        yield Finding(what, "unknown", f"{workers}; nothing was read yet")
    elif place.behind and not _gets_on(settings, admin, group, read, place):
        fix = f"look at the log of the role {role}; a restart is cheap"
        yield Finding(what, "wrong", f"{workers}, {place.behind} records behind, and it does not get on", fix)
    else:
        yield Finding(what, "right", f"{workers}, {place.behind} records behind")


def _members(admin: AdminClient, group: str) -> list[Any]:
    """The group's workers. A new broker makes its topic of groups when it is first asked, which may take too long."""
    for last in (False, True):
        described = admin.describe_consumer_groups([group], request_timeout=ANSWER_SECONDS_MAX)[group]
        try:
            return list(described.result(ANSWER_SECONDS_MAX).members)
        except KafkaException:
            if last:
                raise
    raise AssertionError("the last try returns or raises")


class _Place(NamedTuple):
    """How many records a group has read, and how many wait."""

    read: int
    behind: int


def _place(settings: Settings, admin: AdminClient, group: str, topics_read: tuple[Topic, ...]) -> _Place | None:
    """Where the group is by its commits; None where it committed nothing."""
    names = {settings.topic_name(topic) for topic in topics_read}
    asked = admin.list_consumer_group_offsets([GroupOffsets(group)], request_timeout=ANSWER_SECONDS_MAX)[group]
    committed = [
        one for one in asked.result(ANSWER_SECONDS_MAX).topic_partitions or [] if one.topic in names and one.offset >= 0
    ]
    if not committed:
        return None
    places = {TopicPartition(one.topic, one.partition): OffsetSpec.latest() for one in committed}
    ends = admin.list_offsets(places, request_timeout=ANSWER_SECONDS_MAX)
    end_of = {(place.topic, place.partition): ends[place].result(ANSWER_SECONDS_MAX).offset for place in places}
    behind = sum(max(end_of[(one.topic, one.partition)] - one.offset, 0) for one in committed)
    return _Place(sum(one.offset for one in committed), behind)


def _gets_on(
    settings: Settings, admin: AdminClient, group: str, topics_read: tuple[Topic, ...], before: _Place
) -> bool:
    """Whether it commits more within a while: some records always wait where workers write each second."""
    began = clock.elapsed()
    while clock.elapsed() - began < STILL_SECONDS_MAX:
        clock.sleep(1.0)
        now = _place(settings, admin, group, topics_read)
        if now is not None and (now.read > before.read or now.behind == 0):
            return True
    return False


def _clocks(settings: Settings) -> Iterator[Finding]:
    """Workers and sources against the broker's clock, by what they wrote last."""
    if settings.broker.profile == "embedded":
        yield Finding("clocks", "unknown", "the embedded broker has no time of its own")
        return
    workers = [
        (record.at - _moment(record.value, "at")).total_seconds()
        for record in log_reader.read_to_end(
            settings,
            [topics.QUEUE_PANES],
            Start(last=LOOKED_AT),
            lambda one: b'"kind":"progress"' in (one.value or b""),
        )
    ]
    fix = "let chrony or systemd-timesyncd keep the clock of that machine"
    yield _skew("clocks of the workers", workers, fix)
    for channel, wanted in settings.channels.items():
        topic = topics.contact_events(channel, wanted.partitions)
        late = [
            (record.at - _moment(record.value, "occurred_at")).total_seconds()
            for record in log_reader.read_to_end(settings, [topic], Start(last=LOOKED_AT))
            if b"occurred_at" in (record.value or b"")
        ]
        if late and min(late) < -SKEW_SECONDS_MAX:
            yield Finding(
                f"clocks of {channel}", "wrong", f"a source is {-min(late):.0f} s ahead of the broker's clock", fix
            )


def _moment(value: bytes | None, field: str) -> datetime:
    return datetime.fromisoformat(orjson.loads(value or b"{}")[field])


def _skew(what: str, seconds: list[float], fix: str) -> Finding:
    if not seconds:
        return Finding(what, "unknown", "no worker has written anything yet")
    worst = max(seconds, key=abs)
    if abs(worst) > SKEW_SECONDS_MAX:
        return Finding(what, "wrong", f"{abs(worst):.0f} s {'behind' if worst > 0 else 'ahead of'} the broker's", fix)
    return Finding(what, "right", f"within {abs(worst):.1f} s of the broker's")


def _counting(settings: Settings, channel: str) -> Iterator[Finding]:
    counted = canary.send_and_await(settings, channel, 30.0)
    yield Finding("counting", "right", f"a test contact on {channel} was counted after {counted.seconds:.1f} s")


def _sinks(settings: Settings, page: bool) -> Iterator[Finding]:
    built = sinks.build(settings.notify)
    if not built:
        fix = "give at least one section of `notify` (docs/sinks.md)"
        yield Finding("sinks", "wrong", "nobody is told of incidents", fix)
    for sink in built:
        if not page:
            yield Finding(f"sink {sink.name}", "right", "its settings are right; --page sends it a test page")
        elif Incident in sink.hears:
            yield _paged(sink)


def _paged(sink: Sink) -> Finding:
    """A page that says what it is, opened and resolved at once."""
    opened = _test_incident()
    outcome = sink.send(Notice(notice_id=f"{opened.incident_id}-1", what="opened", subject=opened, says="test"))
    if not isinstance(outcome, Delivered):
        return Finding(f"sink {sink.name}", "wrong", f"the test page did not arrive: {outcome.why}", "docs/sinks.md")
    notice = Notice(
        notice_id=f"{opened.incident_id}-2",
        what="resolved",
        subject=_test_incident(resolved=True),
        says="test",
        reference=outcome.reference,
    )
    ended = sink.send(notice)
    if not isinstance(ended, Delivered):
        return Finding(f"sink {sink.name}", "wrong", f"the test page could not be resolved: {ended.why}", "resolve it")
    return Finding(f"sink {sink.name}", "right", "the test page arrived and was resolved")


def _test_incident(resolved: bool = False) -> Incident:
    now = clock.now()
    reason = Reason(code="test", text="breakwater doctor sent a test page")
    return Incident(
        incident_id=f"doctor-{now:%Y%m%d%H%M}",
        tenant="doctor",
        revision=2 if resolved else 1,
        phase="resolved" if resolved else "open",
        severity="info",
        title="Test page of `breakwater doctor`: nothing is wrong",
        cause=Cause(kind="unknown", sureness=0.0, because=["this is a test"]),
        scope=Scope(level="tenant", channels=[], queues=[]),
        opened_at=now - timedelta(seconds=1),
        onset=now - timedelta(seconds=1),
        at=now,
        symptoms=[],
        moves=[Move(at=now, phase="resolved" if resolved else "open", reason=reason)],
        origin=Origin(topic="doctor", partition=0, offset=0),
    )
