"""The demo's day folded without a broker: the same player, the same panes, the same two folds, in one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import msgspec

from detectors.panes import EPOCH, MILLISECOND, PanePartition
from detectors.pipeline import DetectionFold, DetectParams
from drills import retailer
from response.pipeline import RespondParams, ResponseFold
from schemas import codec, topics
from schemas.base import Message, Origin
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.contact import ContactEvent
from schemas.decision import CommandResult
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.pane import Progress, QueuePane
from schemas.workforce import Workforce
from streams import config, demo, learned, player
from streams.ingest.rules import pane_rules
from streams.roles import params_of
from streams.story import Line, Story

DESK_KINDS = {
    topics.WORKFORCE.name: Workforce,
    topics.TOOL_HEALTH.name: ToolHealth,
    topics.COMMAND_RESULTS.name: CommandResult,
}


class Folded(msgspec.Struct):
    """All that the day became."""

    story: Story
    lines: list[Line]
    outputs: Counter[str]
    desk: list[DeskEntry]
    orders: list[LoadShiftCommand] = []

    def told(self) -> list[LoadShiftCommand]:
        """Commands for the centre, each once."""
        orders, self.orders = self.orders, []
        return orders


def settings() -> config.Settings:
    return config.load(environment={}, **demo.settings_tree("127.0.0.1:1", real=False, port=0, folder=Path("nowhere")))


def records(
    seed: int = demo.SEED, told: Callable[[], list[LoadShiftCommand]] = list
) -> Iterator[QueuePane | Progress | Workforce | ToolHealth | CommandResult]:
    """What the day puts on the bus, in the order of event time, panes as the ingest closes them; `told` gives the
    commands that the centre hears."""
    day, ours = demo.tuesday(), settings()
    lanes = [player.lane(retailer.TENANT, name, channel) for name, channel in sorted(ours.channels.items())]
    partitions = {
        topics.contact_events(name).name: PanePartition(name, 0, pane_rules(ours, name)) for name in ours.channels
    }
    offsets: Counter[str] = Counter()
    due = day.start
    for sending in player.sendings(demo.happenings_of(day, seed, told), lanes, demo.SOURCE, day.start, day.end):
        while due <= sending.at:
            yield Progress(
                at=due, read_to={f"{name}/0": due for name in partitions}, partitions=dict.fromkeys(partitions, 1)
            )
            due += timedelta(seconds=demo.PANE_SECONDS)
        partition = partitions.get(sending.topic)
        if partition is None:
            yield codec.decode(DESK_KINDS[sending.topic], sending.value)  # type: ignore[type-var]
            continue
        arrival = (sending.at - EPOCH) // MILLISECOND
        partition.feed([offsets[sending.topic]], [arrival], [codec.decode(ContactEvent, sending.value)])
        offsets[sending.topic] += 1
        yield from (record for record, _ in partition.take())


def learned_fold(seed: int = demo.SEED) -> DetectionFold:
    """A detection fold that took up what the demo learns, through its snapshot as the worker does."""
    fold = DetectionFold(params_of(DetectParams, settings().detect))
    fold.restore(_entries(seed))
    return fold


@cache
def _entries(seed: int) -> dict[str, bytes]:
    return demo.learned_entries(settings(), seed)


def folded(seed: int = demo.SEED) -> Folded:
    """The whole day through both folds."""
    detect, respond = learned_fold(seed), ResponseFold(params_of(RespondParams, settings().respond))
    found = Folded(Story(retailer.TENANT, demo.tuesday().scenario), [], Counter(), [])
    source = learned.source_of(retailer.TENANT)
    place, offset = Origin(topic=source.topic, partition=source.partition, offset=0), 0
    centre = retailer.centre()
    _hear(found, respond, DeskEntry(tenant=centre.tenant, origin=_origin("centre", 0), body=centre))
    for n, record in enumerate(records(seed, found.told)):
        if isinstance(record, Workforce | ToolHealth | CommandResult):
            _hear(
                found, respond, DeskEntry(tenant=record.tenant, origin=_origin(type(record).__name__, n), body=record)
            )
            continue
        for output in detect.step(record, msgspec.structs.replace(place, offset=offset)):
            assert isinstance(output.value, DeskEntry)
            _hear(found, respond, output.value)
        offset += 1
    return found


def _origin(topic: str, offset: int) -> Origin:
    return Origin(topic=topic, partition=0, offset=offset)


def _hear(found: Folded, respond: ResponseFold, entry: DeskEntry) -> None:
    found.lines += found.story.hear(entry)
    found.desk.append(entry)
    for output in respond.step(entry, _origin("desk", len(found.desk))):
        found.outputs[output.topic.name] += 1
        if output.topic is topics.LOAD_SHIFT_COMMANDS and isinstance(output.value, LoadShiftCommand):
            found.orders = [*found.orders, output.value]
        found.lines += _tell(found.story, output)


def _tell(story: Story, output: Output) -> list[Line]:
    value: Message = output.value
    if isinstance(value, LoadShiftCommand) and output.topic is topics.LOAD_SHIFT_PROPOSALS:
        return story.hear_proposal(value)
    return story.hear(value) if isinstance(value, Incident | StaffingAlert | LoadShiftCommand) else []
