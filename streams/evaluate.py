"""How a method does on a user's own series: its scores, alarms, and against labels what was found and how late.

Causal: a row's answer follows from the rows up to it. An alarm is a row that reaches the line (score 0.5) after one
that did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from detectors.contract import Direction, Method, score_of
from schemas.errors import BadConfig
from streams.series_file import Row, Stamps

LINE = 0.5


class Alarm(NamedTuple):
    """One alarm, its times as the file writes them; `at` in Unix seconds."""

    row: int
    at: float
    timestamp: str
    onset: str
    direction: Direction
    observed: float
    expected: float
    ratio: float | None
    score: float
    reason: str


class Label(NamedTuple):
    """Something that is known to have happened, from `start` to `end` in Unix seconds; on one channel, or on any."""

    start: float
    end: float
    what: str
    texts: tuple[str, str]
    channel: str = ""


class Found(NamedTuple):
    """A label, and how long after its start the first alarm came; None: none came."""

    label: Label
    delay_seconds: float | None


class Scored(NamedTuple):
    """A row, its score, and the alarm that begins with it."""

    row: Row
    score: float
    alarm: Alarm | None


def run(method: Method[Any, Any], fields: tuple[str, ...], rows: Iterable[Row], zone: tzinfo) -> Iterator[Scored]:
    """Each row is scored, then learned; `fields` are the names of its values."""
    above = False
    for row in rows:
        x: dict[str, float] = {"at": row.at, **dict(zip(fields, row.values, strict=True))}
        reading = method.read(x)
        score = score_of(reading.statistic, method.line)
        alarm = None
        if score >= LINE:
            alarm = None if above else _alarm(method, row, x, reading, score, zone)
        above = score >= LINE
        method.learn(x, reading)
        yield Scored(row, score, alarm)


def _alarm(
    method: Method[Any, Any], row: Row, x: Mapping[str, float], reading: Any, score: float, zone: tzinfo
) -> Alarm:
    why = method.explain(x, reading)
    onset = row.stamp if why.onset >= row.at else in_style(why.onset, row.stamp, zone)
    return Alarm(
        row.number,
        row.at,
        row.stamp,
        onset,
        why.direction,
        why.observed,
        why.expected,
        why.ratio,
        score,
        why.reason,
    )


def in_style(at: float, sample: str, zone: tzinfo) -> str:
    """A moment as the file writes its times: with or without offset, T or a blank between date and time."""
    try:
        like = datetime.fromisoformat(sample.strip())
    except ValueError:
        return f"{at:.0f}"  # a number of seconds
    moment = datetime.fromtimestamp(at, like.tzinfo or zone)
    text = (moment if like.tzinfo else moment.replace(tzinfo=None)).isoformat("T" if "T" in sample else " ")
    return text.replace("+00:00", "Z") if sample.strip().endswith("Z") else text


def read_labels(path: Path, zone: ZoneInfo | None) -> list[Label]:
    """A JSON list of {start, end, what}. Raises BadConfig with every mistake."""
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise BadConfig([(str(path), f"is no JSON list of {{start, end, what}}: {error}")]) from None
    labels, problems = [], []
    for n, entry in enumerate(entries):
        try:
            start, end = (Stamps(zone).read(str(entry[name])) for name in ("start", "end"))
            if end < start:
                raise ValueError("it ends before it starts")
            texts = str(entry["start"]), str(entry["end"])
            labels.append(Label(start, end, str(entry.get("what", "")), texts, str(entry.get("channel") or "")))
        except KeyError as error:
            problems.append((f"{path} [{n}]", f"{error.args[0]} is missing"))
        except ValueError as error:
            problems.append((f"{path} [{n}]", str(error)))
    if problems:
        raise BadConfig(problems)
    return sorted(labels)


def compare(labels: list[Label], alarms: list[Alarm]) -> tuple[list[Found], list[Alarm]]:
    """Each label with the delay of the first alarm in it, and the alarms that lie in none."""
    found = []
    for label in labels:
        inside = [alarm.at for alarm in alarms if label.start <= alarm.at <= label.end]
        found.append(Found(label, min(inside) - label.start if inside else None))
    false = [a for a in alarms if not any(label.start <= a.at <= label.end for label in labels)]
    return found, false


def figures(alarms: list[Alarm], values: int, seconds: float, notes: Mapping[str, int]) -> dict[str, Any]:
    """What programs read."""
    return {
        "alarms": [{name: value for name, value in alarm._asdict().items() if name != "at"} for alarm in alarms],
        "values": values,
        "values_per_second": round(values / seconds, 1) if seconds > 0 else 0.0,
        "wall_seconds": round(seconds, 3),
        "notes": dict(notes),
    }


def label_figures(found: list[Found], false: list[Alarm]) -> dict[str, Any]:
    """What programs read where there are labels."""
    delays = [one.delay_seconds for one in found if one.delay_seconds is not None]
    return {
        "found": len(delays),
        "missed": len(found) - len(delays),
        "false_alarms": len(false),
        "delay_seconds": delays,
        "labels": [
            {
                "start": one.label.texts[0],
                "end": one.label.texts[1],
                "what": one.label.what,
                "found": one.delay_seconds is not None,
                "delay_seconds": one.delay_seconds,
            }
            for one in found
        ],
    }
