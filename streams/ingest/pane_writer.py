"""What the ingest writes: panes, progress, dead letters, late contacts; settled once it is acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas import codec
from schemas.errors import BadConfig, Unavailable
from schemas.pane import QueuePane
from streams import broker, clock, reachable, telemetry
from streams.config import Settings

_POLL_SECONDS = 0.05
_FULL_SECONDS_MAX = 30.0
FIX_TOPICS = "`breakwater topics apply` makes what is missing"
_REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not write to it",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not write idempotently",
    KafkaError.UNKNOWN_TOPIC_OR_PART: f"is not there: {FIX_TOPICS}",
    KafkaError._UNKNOWN_TOPIC: f"is not there: {FIX_TOPICS}",
    KafkaError._UNKNOWN_PARTITION: f"has fewer partitions than it had: {FIX_TOPICS}",
}


class Batch:
    """Records written together; `open` of them are not acknowledged yet. `then` is what to do when none is."""

    __slots__ = ("began", "open", "then")

    def __init__(self) -> None:
        self.open = 0
        self.then: list[Any] = []
        self.began = clock.elapsed()


class PaneWriter:
    """A producer that knows which batches are acknowledged. For one thread.

    The producer is idempotent and keeps the order of each partition, so that batches may be under way one behind the
    other; `settled` gives back those that are acknowledged, in order, with all before them. A record that is refused
    for good raises out of the next call, and no later batch is ever settled.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer(_producer_settings(settings))
        self._batches: deque[Batch] = deque([Batch()])
        self._error: BadConfig | Unavailable | None = None

    def write(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        partition: int | None = None,
    ) -> None:
        """One record of the current batch; `topic` without the prefix. Waits while the producer's queue is full.

        Raises BadConfig, Unavailable.
        """
        batch = self._batches[-1]
        place = {} if partition is None else {"partition": partition}
        written = telemetry.RECORDS_PRODUCED.labels(topic)

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is None:
                batch.open -= 1
                written.inc()
            elif self._error is None:
                self._error = _what(topic, error)

        began = clock.elapsed()
        while True:
            self._raise()
            try:
                self._producer.produce(
                    self._settings.topic_name(topic), value, key, headers=list(headers), on_delivery=delivered, **place
                )
                break
            except BufferError:
                self._producer.poll(_POLL_SECONDS)
                if clock.elapsed() - began > _FULL_SECONDS_MAX:
                    full = f"took nothing for {_FULL_SECONDS_MAX:.0f} s"
                    raise Unavailable(f"writing to {topic}", full, reachable.FIX) from None
            except KafkaException as error:
                raise _what(topic, error.args[0]) from None
        batch.open += 1

    def close_batch(self, then: list[Any]) -> None:
        """What was written until now is a batch; `then` comes back with it from `settled`."""
        batch = self._batches[-1]
        batch.then = then
        batch.began = clock.elapsed()
        self._batches.append(Batch())

    def settled(self) -> list[Batch]:
        """Closed batches that are acknowledged, with all before them. Raises BadConfig, Unavailable."""
        self._producer.poll(0)
        self._raise()
        done = []
        while len(self._batches) > 1 and self._batches[0].open == 0:
            done.append(self._batches.popleft())
        return done

    def under_way(self) -> bool:
        """Whether a closed batch is not acknowledged yet."""
        return len(self._batches) > 1

    def wait(self) -> None:
        """Gives the producer a moment to get acknowledgements."""
        self._producer.poll(_POLL_SECONDS)

    def drop(self) -> None:
        """Gives up what is not acknowledged; whoever reads its source again writes it again."""
        self._producer.purge()
        self._producer.poll(0)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def _what(topic: str, error: KafkaError) -> BadConfig | Unavailable:
    if error.code() in _REFUSED:
        return BadConfig([(f"topic {topic}", _REFUSED[error.code()])])
    return Unavailable(f"writing to {topic}", error.str(), reachable.FIX)


def _producer_settings(settings: Settings) -> dict[str, Any]:
    real = settings.broker.profile == "production"
    return {
        **broker.confluent_settings(settings),
        "partitioner": "murmur2_random",
        "acks": "all",
        # the embedded broker knows no producer ids; one request at a time keeps the order there
        "enable.idempotence": real,
        "max.in.flight.requests.per.connection": 5 if real else 1,
        "linger.ms": 5,
        # a broker that is away is waited for, however long: what is not acknowledged is not committed
        "message.timeout.ms": 0,
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 65_536,
        # the one compression that aiokafka and kafka-python read without another package
        "compression.type": "gzip" if real else "none",
        "log_level": 0,
        "error_cb": _ignore,
    }


def _ignore(error: KafkaError) -> None:
    """The consumer's own callback tells of the same broker."""


def pane_id(record: QueuePane) -> str:
    """The identity of a pane record, with its version."""
    start = codec.rfc3339(record.pane_start)
    place = f"{record.tenant}/{record.channel}/{start}/{record.partition}/{record.part}"
    return f"{place}/{record.version}"
