"""A recorded log through the same decoding and the same fold as live: the same outputs, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from schemas.base import Origin
from schemas.errors import BadMessage
from schemas.fold import Fold, Output
from streams.faust_handler import Arrival, FoldRole
from streams.state import Source


def refold(
    role: FoldRole, log: Iterable[Arrival], states: Mapping[Source, Mapping[str, bytes]] | None = None
) -> Iterator[Output]:
    """What `role` says to the records of `log`, each partition in order, from `states` or from nothing.

    A record that cannot be read is left out, as live, where it goes to its dead letter topic.
    """
    folds: dict[Source, Fold] = {}
    for arrival in log:
        source = Source(arrival.topic, arrival.partition)
        if source not in folds:
            folds[source] = role.build()
            folds[source].restore((states or {}).get(source, {}))
        try:
            record = role.decode(arrival)
        except BadMessage:
            continue
        yield from folds[source].step(
            record, Origin(topic=source.topic, partition=source.partition, offset=arrival.offset)
        )
