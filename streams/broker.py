"""The broker as the rest of Breakwater sees it: clients' settings, whether it answers, and its topics.

Topics are compared with `schemas/topics.py`: a missing one is made, a setting that differs is put right, a number of
partitions that differs is refused, because it would send a key's next records to another partition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Literal, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from schemas.errors import BadConfig, Unavailable
from schemas.topics import Topic
from streams import clock
from streams.clients import (
    aiokafka_producer_settings,
    aiokafka_settings,
    confluent_group_settings,
    confluent_settings,
    faust_settings,
    group_name,
    kafka_python_settings,
    timeouts,
)
from streams.config import Settings
from streams.reachable import FIX as FIX_AWAY
from streams.reachable import Heard, check_reachable

__all__ = [
    "FIX_AWAY",
    "FIX_MISSING",
    "Applied",
    "Problem",
    "aiokafka_producer_settings",
    "aiokafka_settings",
    "apply_topics",
    "check_reachable",
    "check_topics",
    "confluent_group_settings",
    "confluent_settings",
    "faust_settings",
    "group_name",
    "kafka_python_settings",
    "make_topic",
    "names_with",
    "refuse_without_topics",
    "timeouts",
]

REQUEST_SECONDS_MAX = 30.0
VISIBLE_SECONDS_MAX = 15.0
FIX_MISSING = "breakwater topics apply"
REPLICAS_FOR_TWO_IN_SYNC = 3

ProblemKind = Literal["missing", "partitions", "config", "replication"]


class Problem(NamedTuple):
    """One way in which a topic is not as it should be. `topic` is its name on the broker."""

    topic: str
    kind: ProblemKind
    text: str
    fix: str

    @property
    def stops_work(self) -> bool:
        """A worker must not start with it: records would be lost, or a key's state would be in two places."""
        return self.kind in ("missing", "partitions")


class Applied(NamedTuple):
    """Names on the broker: what was made, put right, found right; and what only a person can put right."""

    created: list[str]
    altered: dict[str, dict[str, tuple[str, str]]]  # topic -> setting -> (was, is)
    right: list[str]
    problems: list[Problem]


class _Found(NamedTuple):
    topics: Mapping[str, TopicMetadata]
    configs: Mapping[str, Mapping[str, str]]


def check_topics(settings: Settings) -> list[Problem]:
    """Every topic compared with what is on the broker; changes nothing. Raises Unavailable, BadConfig."""
    check_reachable(settings)
    return _problems(settings, _look(Heard().client(settings), settings))


def refuse_without_topics(settings: Settings) -> None:
    """What a worker asks before it starts. Raises BadConfig with every topic that is missing or has a wrong number of
    partitions, and the fix."""
    check_reachable(settings)
    found = _Found(
        _listed(Heard().client(settings), settings), {}
    )  # a worker may not be allowed to read their settings
    stopping = [problem for problem in _problems(settings, found) if problem.stops_work]
    if stopping:
        raise BadConfig([(f"topic {problem.topic}", f"{problem.text}: {problem.fix}") for problem in stopping])


def apply_topics(settings: Settings) -> Applied:
    """Makes what is missing and puts settings right; the second time it changes nothing.

    Raises BadConfig, before any change, when a topic has another number of partitions; Unavailable.
    """
    check_reachable(settings)
    admin = Heard().client(settings)
    found = _look(admin, settings)
    _refuse_partitions(settings, found)
    missing = [topic for topic in settings.all_topics() if settings.topic_name(topic) not in found.topics]
    created = _create(admin, settings, missing)
    if len(created) < len(missing):  # somebody else made some in the same moment: are they as they should be?
        found = _look(admin, settings)
        _refuse_partitions(settings, found)
    differing = _differing(settings, found)
    if differing:
        _alter(admin, settings, differing)
        _await("the topics' new settings", lambda: not _differing(settings, _look(admin, settings)))
    names = [settings.topic_name(topic) for topic in settings.all_topics()]
    return Applied(
        created=created,
        altered=differing,
        right=[name for name in names if name not in created and name not in differing],
        problems=[problem for problem in _problems(settings, found) if problem.kind == "replication"],
    )


def make_topic(settings: Settings, topic: Topic) -> None:
    """Makes one that is not among `all_topics`. Raises BadConfig where the broker refuses, Unavailable."""
    _create(Heard().client(settings), settings, [topic])


def names_with(settings: Settings, prefix: str) -> list[str]:
    """Names of topics on the broker that begin so, deployment or not. Raises Unavailable, BadConfig."""
    try:
        listed = Heard().client(settings).list_topics(timeout=REQUEST_SECONDS_MAX).topics
    except KafkaException as error:
        raise _trouble(settings, "listing the topics", error) from None
    return sorted(name for name in listed if name.startswith(prefix))


def _refuse_partitions(settings: Settings, found: _Found) -> None:
    refused = [problem for problem in _problems(settings, found) if problem.kind == "partitions"]
    if refused:
        raise BadConfig([(f"topic {problem.topic}", f"{problem.text}: {problem.fix}") for problem in refused])


def wanted_config(settings: Settings, topic: Topic) -> dict[str, str]:
    """The topic's own settings; with three replicas an acknowledged record is on two of them."""
    two = {"min.insync.replicas": "2"} if settings.broker.replication >= REPLICAS_FOR_TWO_IN_SYNC else {}
    return topic.config() | two


def _look(admin: AdminClient, settings: Settings) -> _Found:
    there = _listed(admin, settings)
    # the embedded broker keeps no settings of topics
    configs = {} if settings.broker.profile == "embedded" else _configs(admin, settings, there)
    return _Found(there, configs)


def _listed(admin: AdminClient, settings: Settings) -> dict[str, TopicMetadata]:
    names = {settings.topic_name(topic) for topic in settings.all_topics()}
    try:
        listed = admin.list_topics(timeout=REQUEST_SECONDS_MAX).topics
    except KafkaException as error:
        raise _trouble(settings, "listing the topics", error) from None
    return {name: topic for name, topic in listed.items() if name in names and topic.error is None}


def _configs(admin: AdminClient, settings: Settings, names: Iterable[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    asked: dict[ConfigResource, Future[dict[str, ConfigEntry]]] = admin.describe_configs(resources)
    try:
        return {
            resource.name: {name: entry.value for name, entry in answer.result(REQUEST_SECONDS_MAX).items()}
            for resource, answer in asked.items()
        }
    except KafkaException as error:
        raise _trouble(settings, "reading the settings of the topics", error) from None


def _problems(settings: Settings, found: _Found) -> list[Problem]:
    problems: list[Problem] = []
    for topic in settings.all_topics():
        name = settings.topic_name(topic)
        there = found.topics.get(name)
        if there is None:
            problems.append(Problem(name, "missing", _missing(settings), FIX_MISSING))
            continue
        if len(there.partitions) != topic.partitions:
            text = f"has {len(there.partitions)} partitions, {topic.partitions} are wanted"
            problems.append(Problem(name, "partitions", text, _fix_partitions(settings, topic, len(there.partitions))))
        copies = min((len(partition.replicas) for partition in there.partitions.values()), default=0)
        if settings.broker.profile != "embedded" and copies < settings.broker.replication:
            text = f"has {copies} replicas, {settings.broker.replication} are wanted"
            problems.append(Problem(name, "replication", text, "kafka-reassign-partitions adds replicas"))
    for name, changes in _differing(settings, found).items():
        text = ", ".join(f"{setting} is {was}, {wanted} is wanted" for setting, (was, wanted) in changes.items())
        problems.append(Problem(name, "config", text, FIX_MISSING))
    return problems


def _missing(settings: Settings) -> str:
    """A broker that knows who asks does not show what they may not see."""
    security = settings.broker.security
    hidden = ", or hidden from this client" if security.mechanism or security.certificate_file else ""
    return f"is not on the broker{hidden}"


def _fix_partitions(settings: Settings, topic: Topic, found: int) -> str:
    """Adding partitions would move keys, so nobody does it by the way."""
    channel = topic.name.removeprefix("contact-events.")
    setting = f"set channels.{channel}.partitions to {found}, " if channel in settings.channels else ""
    return f"{setting}set another broker.topic_prefix, or delete the topic and run `{FIX_MISSING}`"


def _differing(settings: Settings, found: _Found) -> dict[str, dict[str, tuple[str, str]]]:
    """topic -> setting -> (is, should be), for the topics that are there."""
    differing = {}
    for topic in settings.all_topics():
        name = settings.topic_name(topic)
        there = found.configs.get(name)
        if there is None:
            continue
        changes = {
            setting: (there.get(setting, "unset"), wanted)
            for setting, wanted in wanted_config(settings, topic).items()
            if there.get(setting) != wanted
        }
        if changes:
            differing[name] = changes
    return differing


def _create(admin: AdminClient, settings: Settings, topics: list[Topic]) -> list[str]:
    """The names of those that were made by this call; all of them are there and led when it returns."""
    if not topics:
        return []
    wanted = [
        NewTopic(
            settings.topic_name(topic),
            num_partitions=topic.partitions,
            replication_factor=settings.broker.replication,
            config=wanted_config(settings, topic),
        )
        for topic in topics
    ]
    created = _await_all(settings, admin.create_topics(wanted, operation_timeout=REQUEST_SECONDS_MAX))
    names = [topic.topic for topic in wanted]
    _await("the new topics and their leaders", lambda: _all_led(admin, names))
    return created


def _alter(admin: AdminClient, settings: Settings, differing: Mapping[str, Mapping[str, tuple[str, str]]]) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(setting, wanted, incremental_operation=AlterConfigOpType.SET)
                for setting, (_, wanted) in changes.items()
            ],
        )
        for name, changes in differing.items()
    ]
    try:
        for answer in admin.incremental_alter_configs(resources).values():
            answer.result(REQUEST_SECONDS_MAX)
    except KafkaException as error:
        raise _trouble(settings, "changing the settings of the topics", error) from None


def _await_all(settings: Settings, answers: Mapping[str, Future[None]]) -> list[str]:
    """The names that were made; a topic that was there already is no refusal. Raises BadConfig with every refusal."""
    created, refused = [], []
    for name, answer in answers.items():
        try:
            answer.result(REQUEST_SECONDS_MAX)
            created.append(name)
        except KafkaException as error:
            if _is_passing(error):
                raise _trouble(settings, "making the topics", error) from None
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                refused.append((f"topic {name}", f"the broker refuses to make it: {error.args[0].str()}"))
    if refused:
        raise BadConfig(refused)
    return created


def _await(what: str, seen: Callable[[], bool]) -> None:
    """The broker acknowledges a change before all of it shows. Raises Unavailable when it stays away."""
    deadline = clock.elapsed() + VISIBLE_SECONDS_MAX
    while not seen():
        if clock.elapsed() > deadline:
            raise Unavailable("Kafka", f"{what} do not show after {VISIBLE_SECONDS_MAX:.0f} s", "look at its log")
        clock.sleep(0.05)


def _all_led(admin: AdminClient, names: list[str]) -> bool:
    listed = admin.list_topics(timeout=REQUEST_SECONDS_MAX).topics
    return all(name in listed and _led(listed[name]) for name in names)


def _led(topic: TopicMetadata) -> bool:
    return bool(topic.partitions) and all(partition.leader >= 0 for partition in topic.partitions.values())


def _is_passing(error: KafkaException) -> bool:
    cause = error.args[0]
    return cause.retriable() or cause.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT)


def _trouble(settings: Settings, doing: str, error: KafkaException) -> BadConfig | Unavailable:
    """What the broker does not allow is the operator's to settle; the rest passes."""
    text = error.args[0].str()
    if _is_passing(error):
        return Unavailable(f"Kafka at {','.join(settings.broker.bootstrap)}", f"{doing}: {text}", FIX_AWAY)
    user = settings.broker.security.username or "this client"
    return BadConfig([("broker", f"{doing} is refused: {text}; check what {user} is allowed to do (ACLs)")])
