"""Contact events from the broker into an archive, against kafka-python that only counts them, in the same run.

    python -m benchmarks.archive [--size small] [--rounds 3] [--json FILE]

Engines, each in a process of its own on the same Apache Kafka, the same records and the same consumer settings:
- `archive`: what `breakwater archive` does: read, hand on, decode, write Parquet, commit; then the polars scan of it;
- `kafka-python`: the consumer's own loop, that counts the records and throws them away: the limit.

The gate is the archive's share of that limit, 0.8; absolute figures depend on the machine. Exit 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.ingest import TOPIC, fill, settings_on

ROOT = Path(__file__).parent.parent
GATE = 0.8
SIZES = {"small": 1_000_000, "full": 2_000_000}
ENGINES = ("kafka-python", "archive")
MEGABYTE = 1e6


# ---- the engines; each prints one line of JSON


def kafka_python(bootstrap: str, records: int) -> dict[str, float]:
    from kafka import TopicPartition

    from streams.archive import source

    with closing(source.consumer(settings_on(bootstrap, "count"))) as consumer:
        places = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        began, count = time.perf_counter(), 0
        while count < records:
            count += sum(map(len, consumer.poll(timeout_ms=500).values()))
        return {"records_per_second": count / (time.perf_counter() - began)} | memory()


def archive(bootstrap: str, records: int) -> dict[str, float]:
    import polars as pl

    from streams.archive import reader, source
    from streams.archive import run as archives
    from streams.archive.store import open_store

    settings = settings_on(bootstrap, "archive")
    with tempfile.TemporaryDirectory() as place:
        figures = archives.run(settings, place, open_store(place), source.chosen(settings, ["contact-events.voice"]))
        assert figures["records"] == records, figures
        peak = memory()
        began = time.perf_counter()
        frame = reader.frame(place, "contact-events")
        counted = frame.group_by("queue").agg(pl.len(), pl.col("occurred_at").max()).collect()
        seconds = time.perf_counter() - began
        assert counted["len"].sum() == records
        return {
            "records_per_second": records / figures["seconds"],
            "scan_records_per_second": records / seconds,
            "bytes_per_record": figures["bytes"] / records,
        } | peak


def memory() -> dict[str, float]:
    """The peak of the reading process, and of the writing one."""
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "rss_bytes_max": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        "writer_rss_bytes_max": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit,
    }


# ---- the run


def run_engine(engine: str, bootstrap: str, records: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.archive", "--engine", engine, "--bootstrap", bootstrap]
    done = subprocess.run(
        [*command, "--records", str(records)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise SystemExit(f"{engine} failed with code {done.returncode}: {done.stdout}{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(bootstrap: str, records: int, rounds: int) -> dict[str, Any]:
    """Round by round, the engines in turn, so that a slow minute of the machine meets both."""
    report: dict[str, Any] = {"records": records, "value_bytes": fill(bootstrap, records), "rounds": rounds}
    report |= {engine: {} for engine in ENGINES}
    for n in range(rounds):
        for engine in ENGINES:
            result = run_engine(engine, bootstrap, records)
            for name, value in result.items():
                report[engine].setdefault(name, []).append(value)
            peak = max(result["rss_bytes_max"], result["writer_rss_bytes_max"]) / MEGABYTE
            rate = result["records_per_second"]
            print(f"round {n + 1}  {engine:14s} {rate:>12,.0f} records/s  {peak:5.0f} MB at most", flush=True)
    pairs = zip(*(report[engine]["records_per_second"] for engine in reversed(ENGINES)), strict=True)
    report["ratio"] = statistics.median(ours / theirs for ours, theirs in pairs)
    report["scan_records_per_second"] = statistics.median(report["archive"]["scan_records_per_second"])
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    for hidden in ("--engine", "--bootstrap"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        engine = {"kafka-python": kafka_python, "archive": archive}[options.engine]
        print(json.dumps(engine(options.bootstrap, options.records)), flush=True)
        return 0

    from tools.kafka import KafkaNode

    with tempfile.TemporaryDirectory() as directory:
        node = KafkaNode(Path(directory))
        node.start()
        try:
            report = measure(node.bootstrap, SIZES[options.size], options.rounds)
        finally:
            node.kill()
    print(
        f"{report['ratio']:.2f} of what kafka-python alone reads (gate {GATE}); "
        f"polars scans the archive at {report['scan_records_per_second']:,.0f} records/s"
    )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["ratio"] >= GATE else 1


if __name__ == "__main__":
    sys.exit(main())
