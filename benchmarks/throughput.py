"""Contacts from a Parquet file through panes, detection and incidents, against polars doing the count alone.

    python benchmarks/throughput.py [--size small] [--rounds 3] [--json FILE]

Engines, each in a process of its own on the same file:
- `replay`: what `breakwater replay` runs: contacts sorted, counted into panes (of many in a process of its own, whose
  time and memory are in the figures), both folds, files written;
- `panes`: the same without the folds;
- `scan-only`: polars reads the same columns and counts them by channel, queue and pane: the limit.

A month of a large centre: 10 million contacts on four channels of six queues, at four hours of the night nearly none,
in panes of five minutes, with an outage of one channel on the last day. It is `small` for 500,000 contacts of a day and
a half at the same rate. Full size has to be done in 60 s within 2 GB on two cores; small size, on any machine, at no
less than the share GATE of what the scan alone reads. Exit 1 when that is missed, or the outage is not found.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

GATE = 0.005
SECONDS_MAX, RSS_BYTES_MAX = 60.0, 2e9  # at full size
SIZES = {"small": (500_000, 1.5), "full": (10_000_000, 30.0)}  # contacts, days
ENGINES = ("replay", "panes", "scan-only")
CHANNELS = ("app", "chat", "voice", "web")
QUEUES, PANE_SECONDS = 6, 300
START = datetime(2025, 3, 3, tzinfo=UTC)
OUTAGE_HOURS = 3.0  # before the end; a third of the chats come, and half as many calls more


# ---- the file


def write_contacts(file: Path, contacts: int, days: float) -> None:
    """In the order of time, by a seed; a tenth of the columns' names come in words."""
    draw = np.random.default_rng(1)
    hours = np.arange(0, days * 24, 1 / 60)
    busy = 0.05 + np.exp(-((((hours % 24) - 13.0) / 4.0) ** 2))
    seconds = np.sort(draw.choice(hours, contacts, p=busy / busy.sum()) * 3600 + draw.random(contacts) * 60)
    channel = draw.integers(0, len(CHANNELS), contacts)
    out = seconds > (days * 24 - OUTAGE_HOURS) * 3600
    moved = out & (channel == CHANNELS.index("chat")) & (draw.random(contacts) < 2 / 3)
    channel[moved] = CHANNELS.index("voice")
    at = pl.Series((START.timestamp() + seconds) * 1e6).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    reasons = np.array(["login", "invoice", "delivery", "cancel"])
    frame = pl.DataFrame({"occurred_at": at.sort(), "queue": draw.integers(0, QUEUES, contacts)}).with_columns(
        pl.lit("offered").alias("type"),
        pl.lit("acme").alias("tenant"),
        pl.Series("channel", np.array(CHANNELS)[channel]),
        pl.format("team-{}", "queue").alias("queue"),
        pl.format("contact-{}/offered", pl.int_range(contacts)).alias("event_id"),
        pl.Series("reason", reasons[draw.integers(0, len(reasons), contacts)]),
        pl.Series("wait_seconds", draw.exponential(30.0, contacts).round(1)),
    )
    frame.write_parquet(file, row_group_size=250_000)


def settings() -> Any:
    from streams.config import Settings

    pane = {"pane_seconds": PANE_SECONDS, "unknown_after_seconds": PANE_SECONDS / 2}
    return Settings.model_validate({"channels": dict.fromkeys(CHANNELS, pane)})


# ---- the engines; each prints one line of JSON


def replay(file: Path, folder: Path) -> dict[str, Any]:
    from streams.__main__ import main
    from streams.config import write_yaml

    write_yaml(folder / "settings.yaml", settings().model_dump(mode="json", exclude_defaults=True))
    figures = folder / "figures.json"
    options = ("--out", str(folder / "out"), "--config", str(folder / "settings.yaml"), "--json", str(figures))
    try:
        main(["replay", str(file), *options])
    except SystemExit as ended:
        assert ended.code in (0, None), f"the replay failed with {ended.code}"
    told: dict[str, Any] = json.loads(figures.read_text())
    return {name: told[name] for name in ("contacts", "panes", "signals", "incidents")}


def panes(file: Path, folder: Path) -> dict[str, Any]:
    from schemas.pane import QueuePane
    from streams import history
    from streams.frames import files

    del folder
    chosen, found = settings(), Counter[str]()
    with files.read(file, chosen) as (events, _):
        for record in history.of_sorted(events, chosen, events.lanes):
            if isinstance(record, QueuePane):
                found["panes"] += 1
                found["contacts"] += sum(counts.offered for counts in record.queues.values())
    return dict(found)


def scan_only(file: Path, folder: Path) -> dict[str, Any]:
    del folder
    pane = pl.col("occurred_at").dt.truncate(f"{PANE_SECONDS}s").alias("pane")
    counts = [pl.len().alias("n"), pl.col("wait_seconds").sum(), pl.col("event_id").n_unique().alias("ids")]
    found = pl.scan_parquet(file).group_by("tenant", "channel", "queue", "reason", pane).agg(counts)
    return {"contacts": int(found.collect(engine="streaming")["n"].sum())}


def engine(name: str, file: Path) -> dict[str, Any]:
    began, cpu = time.perf_counter(), cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        found = {"replay": replay, "panes": panes, "scan-only": scan_only}[name](file, Path(folder))
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    most = sum(resource.getrusage(of).ru_maxrss for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return found | {
        "seconds": seconds,
        "events_per_second": found["contacts"] / seconds,
        "cpu_us_per_event": cpu / found["contacts"] * 1e6,
        "rss_bytes_max": most * unit,
    }


def cpu_seconds() -> float:
    """Of this process and of those that it began and that have ended."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


# ---- the run


def measure(name: str, file: Path, contacts: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--engine", name, "--file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name} failed:\n{done.stderr[-2000:]}"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["contacts"] == contacts, f"{name} counted {found['contacts']:,} contacts of {contacts:,}"
    return found


def missed(size: str, figures: dict[str, Any]) -> list[str]:
    """What was promised and is not so."""
    rounds = figures["replay"]
    share = figures["share_of_scan_only"]
    problems = [] if share >= GATE else [f"share of the scan alone {share:.4f}, {GATE} is promised"]
    if not min(rounds["incidents"]):
        problems.append("the outage was not found")
    if size == "full" and statistics.median(rounds["seconds"]) > SECONDS_MAX:
        problems.append(f"{statistics.median(rounds['seconds']):.0f} s, {SECONDS_MAX:.0f} s are promised")
    if max(rounds["rss_bytes_max"]) > RSS_BYTES_MAX:
        problems.append(f"{max(rounds['rss_bytes_max']) / 1e9:.1f} GB, {RSS_BYTES_MAX / 1e9:.0f} GB are promised")
    return problems


def run(size: str, rounds: int) -> dict[str, Any]:
    contacts, days = SIZES[size]
    found: dict[str, Any] = {name: {} for name in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contacts.parquet"
        # in a process of its own: whoever is started by a large process counts its memory as theirs (Linux, ru_maxrss)
        writer = multiprocessing.get_context("spawn").Process(target=write_contacts, args=(file, contacts, days))
        writer.start()
        writer.join()
        assert not writer.exitcode, "the contacts could not be written"
        for _ in range(rounds):
            for name in ENGINES:
                for figure, value in measure(name, file, contacts).items():
                    found[name].setdefault(figure, []).append(value)
    pairs = zip(found["replay"]["events_per_second"], found["scan-only"]["events_per_second"], strict=True)
    shares = [ours / limit for ours, limit in pairs]
    return found | {"contacts": contacts, "days": days, "share_of_scan_only": statistics.median(shares)}


def show(figures: dict[str, Any]) -> None:
    print(f"{figures['contacts']:,} contacts of {figures['days']:g} days, panes of {PANE_SECONDS} s")
    print(f"{'engine':12} {'seconds':>9} {'contacts/s':>12} {'CPU us each':>12} {'RSS MB':>8}  panes")
    for name in ENGINES:
        mine = {figure: statistics.median(values) for figure, values in figures[name].items()}
        print(
            f"{name:12} {mine['seconds']:9.1f} {mine['events_per_second']:12,.0f} {mine['cpu_us_per_event']:12.1f} "
            f"{mine['rss_bytes_max'] / 1e6:8,.0f}  {mine.get('panes', 0):,.0f}"
        )
    print(f"share of the scan alone: {figures['share_of_scan_only']:.4f} (at least {GATE})")


def main() -> int:
    parser = argparse.ArgumentParser(description="Contacts a second through panes, detection and incidents.")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine:
        print(json.dumps(engine(given.engine, given.file)))
        return 0
    figures = run(given.size, given.rounds)
    show(figures)
    problems = missed(given.size, figures)
    for problem in problems:
        print(f"MISSED: {problem}")
    if given.json:
        given.json.write_text(json.dumps(figures | {"missed": problems}, indent=2) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
