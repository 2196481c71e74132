"""What a replay says, on a bus: under names of its own that no worker, sink or intake of ours can be made to read.

`streams.config` refuses every `broker.topic_prefix` that begins with REPLAY_PREFIX, so that nobody is paged and no
command is executed of what was replayed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from schemas import topics
from schemas.errors import BadConfig
from schemas.fold import Output
from streams import broker
from streams.bus import outgoing
from streams.config import REPLAY_PREFIX, Settings
from streams.player import Player, Sending

KEPT_SECONDS = 7 * topics.DAY
_RUN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class OntoBus:
    """Writes each output to the topic of its own name behind `replay.<run>.`, made when it is first needed."""

    def __init__(self, settings: Settings, run: str) -> None:
        self._own = settings_of(settings, run)
        self._made: set[str] = set()
        self._player = Player(self._own)
        self.records = 0

    def output(self, partition: int, output: Output) -> None:
        """One output of either fold. Raises Unavailable; BadConfig where the broker does not let us make a topic."""
        del partition  # that of its key, as live
        topic = output.topic
        if topic.name not in self._made:
            made = {"compacted": False, "retention_seconds": KEPT_SECONDS, "compact_often": False}
            broker.make_topic(self._own, msgspec.structs.replace(topic, **made))
            self._made.add(topic.name)
        record = outgoing(output, "replay")
        assert record.key is not None and record.value is not None
        heads = list(record.headers)
        self._player.send(Sending(output.time, record.topic, None, record.key, record.value, heads))
        self.records += 1

    def finish(self) -> None:
        """Returns when the broker has all of it. Raises Unavailable."""
        self._player.finish()


@contextmanager
def onto_bus(settings: Settings, run: str) -> Iterator[OntoBus]:
    """Raises BadConfig where the run's name is none or is taken, Unavailable."""
    if not _RUN.fullmatch(run):
        raise BadConfig([("--onto-bus", f"{run!r} is no name of a run: small letters, digits and dashes, at most 40")])
    prefix = settings_of(settings, run).broker.topic_prefix
    broker.check_reachable(settings)
    if taken := broker.names_with(settings, prefix):
        raise BadConfig([("--onto-bus", f"{taken[0]} is there already: choose another name, or delete {prefix}*")])
    bus = OntoBus(settings, run)
    yield bus
    bus.finish()


def settings_of(settings: Settings, run: str) -> Settings:
    """Those of a writer alone: no file can hold them."""
    prefix = f"{REPLAY_PREFIX}{run}.{settings.broker.topic_prefix}"
    return settings.model_copy(update={"broker": settings.broker.model_copy(update={"topic_prefix": prefix})})
