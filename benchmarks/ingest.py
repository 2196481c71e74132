"""Contact events from the broker to panes, against a plain Faust agent doing the same count, in the same run.

    python benchmarks/ingest.py [--size small] [--rounds 3] [--json FILE]

Engines, each in a process of its own on the same Apache Kafka and the same records:
- `breakwater`: the ingest as a worker runs it: decode, check, panes, emission, acknowledgements, commits;
- `faust-agent`: `async for` over raw values, orjson, a dictionary: (channel, queue, 10 s window) -> count;
- `consume-only`: librdkafka's consumer that throws everything away: the limit.

The gate is the ratio of events per second to the Faust agent, 25; absolute figures depend on the machine. Faust reads
the first part of the records only, it would take minutes. Exit 1 when the gate is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

GATE = 25.0
SIZES = {"small": (200_000, 20_000), "full": (2_000_000, 60_000)}  # records, and how many of them Faust reads
PARTITIONS = 4
PREFIX = "bench."
TOPIC = f"{PREFIX}contact-events.voice"
DISORDER_SECONDS = 3.0
ENGINES = ("breakwater", "faust-agent", "consume-only")


# ---- the engines; each prints one line of JSON


def breakwater(bootstrap: str, group: str, records: int) -> dict[str, float]:
    from streams import telemetry
    from streams.ingest.thread import Ingest

    telemetry.configure_logging("console")
    ingest = Ingest(settings_on(bootstrap, group))
    ingest.start()
    while not ingest.status().assigned and ingest.error is None:
        time.sleep(0.001)
    watch = Watch()
    while not ingest.status().caught_up and ingest.error is None:
        time.sleep(0.005)
    ingest.stop()  # flush, acknowledgements, commit
    if ingest.error is not None:
        raise ingest.error
    read = telemetry.RECORDS_CONSUMED.labels("contact-events.voice")._value.get()
    counted = telemetry.CONTACT_EVENTS.labels("contact-events.voice", "counted")._value.get()
    assert read >= records, f"{read} records read of {records}"
    assert counted == records, f"{counted} events counted of {records}"
    return watch.result(records)


def faust_agent(bootstrap: str, group: str, records: int) -> dict[str, float]:
    import faust
    import orjson

    app = faust.App(
        group, broker=f"kafka://{bootstrap}", store="memory://", web_enabled=False, topic_disable_leader=True
    )
    app.conf.datadir = Path(tempfile.mkdtemp())
    topic = app.topic(TOPIC, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")
    counts: dict[tuple[str, str, int], int] = {}
    answer: list[dict[str, float]] = []

    @app.agent(topic)
    async def count(stream: Any) -> None:
        watch, n = Watch(), 0
        async for value in stream:
            if n == 0:
                watch = Watch()
            event = orjson.loads(value)
            window = int(datetime.fromisoformat(event["occurred_at"]).timestamp()) // 10
            key = (event["channel"], event["queue"], window)
            counts[key] = counts.get(key, 0) + 1
            n += 1
            if n == records:
                assert sum(counts.values()) == records
                answer.append(watch.result(records))
                print(json.dumps(answer[0]), flush=True)
                import os

                os._exit(0)

    worker = faust.Worker(app, loglevel="error", redirect_stdouts=False, quiet=True)
    worker.execute_from_commandline()
    return answer[0]


def consume_only(bootstrap: str, group: str, records: int) -> dict[str, float]:
    from confluent_kafka import Consumer

    from streams.ingest.rules import consumer_settings

    consumer = Consumer({**consumer_settings(settings_on(bootstrap, group)), "enable.partition.eof": False})
    consumer.subscribe([TOPIC])
    n, watch = 0, Watch()
    while n < records:
        messages = consumer.consume(500, 0.05)
        if messages and not n:
            watch = Watch()
        n += len(messages)
    result = watch.result(n)
    consumer.close()
    return result


class Watch:
    """Wall and CPU seconds of this process, all its threads, from now on."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def result(self, records: int) -> dict[str, float]:
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        unit = 1 if sys.platform == "darwin" else 1024
        return {
            "events_per_second": records / wall,
            "cpu_us_per_event": cpu / records * 1e6,
            "rss_bytes_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        }


# ---- the run


def settings_on(bootstrap: str, group: str) -> Any:
    from streams import config

    return config.load(
        environment={},
        broker={"bootstrap": bootstrap, "topic_prefix": PREFIX, "group_prefix": group},
        channels={"voice": {"partitions": PARTITIONS}},
    )


def fill(bootstrap: str, records: int) -> int:
    """Puts the records on the topic and returns their mean size. Event times are those of a live stream: now, out of
    order by up to 3 s."""
    from confluent_kafka import Producer

    from streams import broker

    broker.apply_topics(settings_on(bootstrap, "fill"))
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "acks": "all",
            "log_level": 0,
        }
    )
    rng, size = random.Random(7), 0
    for n in range(records):
        at = datetime.now(UTC) - timedelta(seconds=rng.uniform(0, DISORDER_SECONDS))
        queue = f"queue-{rng.randrange(20)}"
        value = (
            f'{{"type":"offered","event_id":"e-{n:09d}","contact_id":"c-{n:09d}","tenant":"acme","channel":"voice",'
            f'"queue":"{queue}","source":"acd-1","occurred_at":"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"}}'
        ).encode()
        size += len(value)
        while True:
            try:
                producer.produce(TOPIC, value, f"acme|{queue}")
                break
            except BufferError:
                producer.poll(0.1)
        if n % 1000 == 0:
            producer.poll(0)
    producer.flush()
    return size // records


def run_engine(engine: str, bootstrap: str, group: str, records: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--engine", engine, "--bootstrap", bootstrap, "--group", group]
    done = subprocess.run(
        [*command, "--records", str(records)], capture_output=True, text=True, timeout=600, check=False
    )
    lines = re.findall(r"\{.*\}", done.stdout)  # Faust's spinner writes before it
    if done.returncode or not lines:
        raise SystemExit(f"{engine} failed with code {done.returncode}: {done.stdout}{done.stderr}")
    result: dict[str, float] = json.loads(lines[-1])
    return result


def measure(bootstrap: str, size: str, rounds: int) -> dict[str, Any]:
    """Round by round, the engines in turn, so that a slow minute of the machine meets all of them."""
    records, faust_records = SIZES[size]
    value_bytes = fill(bootstrap, records)
    report: dict[str, Any] = {"records": records, "value_bytes": value_bytes, "rounds": rounds}
    for engine in ENGINES:
        report[engine] = {"events_per_second": [], "cpu_us_per_event": [], "rss_bytes_max": []}
    for n in range(rounds):
        for engine in ENGINES:
            many = faust_records if engine == "faust-agent" else records
            result = run_engine(engine, bootstrap, f"{engine}-{n}", many)
            for name, value in result.items():
                report[engine][name].append(value)
            print(
                f"round {n + 1}  {engine:14s} {result['events_per_second']:>12,.0f} events/s"
                f"  {result['cpu_us_per_event']:6.2f} us CPU/event  {result['rss_bytes_max'] / 1e6:5.0f} MB",
                flush=True,
            )
    ours = statistics.median(report["breakwater"]["events_per_second"])
    report["ratio_to_faust_agent"] = ours / statistics.median(report["faust-agent"]["events_per_second"])
    report["share_of_consume_only"] = ours / statistics.median(report["consume-only"]["events_per_second"])
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    for hidden in ("--engine", "--bootstrap", "--group"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        engine = {"breakwater": breakwater, "faust-agent": faust_agent, "consume-only": consume_only}[options.engine]
        sys.argv = sys.argv[:1]
        print(json.dumps(engine(options.bootstrap, options.group, options.records)), flush=True)
        return 0

    from tools.kafka import KafkaNode

    with tempfile.TemporaryDirectory() as directory:
        node = KafkaNode(Path(directory))
        node.start()
        try:
            report = measure(node.bootstrap, options.size, options.rounds)
        finally:
            node.kill()
    print(
        f"{report['ratio_to_faust_agent']:.0f} times the Faust agent's events per second (gate {GATE:.0f}), "
        f"{report['share_of_consume_only']:.0%} of consuming alone"
    )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["ratio_to_faust_agent"] >= GATE else 1


if __name__ == "__main__":
    sys.exit(main())
