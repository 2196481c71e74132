"""`breakwater evaluate`: a user's own file in, scores and alarms out; every mistake names its row."""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from streams.__main__ import main

START = datetime(2026, 3, 2, tzinfo=UTC)
Run = Callable[..., int]


def quiet_then_odd(count: int = 1200, odd: range = range(900, 912), step: int = 300) -> list[tuple[str, str]]:
    rng = random.Random(5)
    rows = []
    for n in range(count):
        value = 50 + 20 * math.sin(n * step / 86_400 * 2 * math.pi) + rng.gauss(0, 2) + (90 if n in odd else 0)
        rows.append((f"{START + timedelta(seconds=step * n):%Y-%m-%d %H:%M:%S}", f"{value:.3f}"))
    return rows


def written(path: Path, rows: Sequence[tuple[str, ...]], header: str = "timestamp,value") -> Path:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path


@pytest.fixture
def evaluate(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", *map(str, arguments)])
        code = ended.value.code
        return code if isinstance(code, int) else 0

    return run


def test_a_spike_is_found_and_said_in_every_form(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = quiet_then_odd()
    series = written(tmp_path / "s.csv", rows)
    labels = tmp_path / "l.json"
    labels.write_text(
        json.dumps(
            [
                {"start": rows[898][0], "end": rows[930][0], "what": "outage"},
                {"start": rows[400][0], "end": rows[410][0], "what": "nothing there"},
            ]
        )
    )
    out, figures, plot = tmp_path / "o.csv", tmp_path / "f" / "f.json", tmp_path / "p.svg"
    assert evaluate(series, "--labels", labels, "--scores", out, "--json", figures, "--plot", plot) == 0
    found = json.loads(figures.read_text())
    assert (found["found"], found["missed"], found["delay_seconds"]) == (1, 1, [600.0])
    first = next(alarm for alarm in found["alarms"] if alarm["timestamp"] == rows[900][0])
    assert first["direction"] == "up"
    assert first["onset"] == rows[900][0]
    assert first["observed"] == float(rows[900][1])
    assert first["ratio"] == pytest.approx(first["observed"] / first["expected"])
    assert found["false_alarms"] == len(found["alarms"]) - 1
    assert found["values_per_second"] > 0
    scores = list(csv.DictReader(out.open()))
    assert [(row["timestamp"], row["value"]) for row in scores] == rows, "as the file writes them"
    assert float(scores[900]["score"]) >= 0.5 > float(scores[880]["score"])
    assert all(0.0 <= float(row["score"]) < 1.0 for row in scores)
    titles = [node.text for node in ElementTree.parse(plot).iter("{http://www.w3.org/2000/svg}title")]
    assert "outage" in titles
    shown = capfd.readouterr().out
    assert "outage: found after 10 minutes" in shown
    assert "nothing there: missed" in shown
    assert list(tmp_path.glob("*.partial")) == []


def test_a_file_cut_anywhere_gives_the_same_answers(tmp_path: Path, evaluate: Run) -> None:
    rows = quiet_then_odd()
    evaluate(written(tmp_path / "s.csv", rows), "--scores", tmp_path / "all.csv")
    whole = (tmp_path / "all.csv").read_text().splitlines()
    for cut in (2, 150, 151, 901, 1000):
        evaluate(written(tmp_path / "c.csv", rows[:cut]), "--scores", tmp_path / "cut.csv")
        assert (tmp_path / "cut.csv").read_text().splitlines() == whole[: cut + 1]


def test_scores_do_not_depend_on_how_times_are_written_or_the_file_is_packed(tmp_path: Path, evaluate: Run) -> None:
    rows = quiet_then_odd(400, range(380, 385))
    others = [(text.replace(" ", "T") + "+00:00", value) for text, value in rows]
    written(tmp_path / "a.csv", rows)
    written(tmp_path / "b.csv", others, header="\ufeffTimestamp, Value")
    with gzip.open(tmp_path / "c.csv.gz", "wt") as packed:
        packed.write((tmp_path / "a.csv").read_text())
    scores = []
    for name in ("a.csv", "b.csv", "c.csv.gz"):
        assert evaluate(tmp_path / name, "--scores", tmp_path / "o.csv") == 0
        scores.append([row["score"] for row in csv.DictReader((tmp_path / "o.csv").open())])
    assert scores[0] == scores[1] == scores[2]
    assert max(map(float, scores[0])) >= 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: the first row must be timestamp,value"),
        ("2026-03-02 00:00:00,5\n", "is no header: the first row must be timestamp,value"),
        ("timestamp;value\n2026-03-02;5\n", "row 1: the columns are not separated by commas"),
        ("timestamp,level\n2026-03-02,5\n", "row 1: there is no column value in timestamp,level"),
        ("timestamp,value\n2026-03-02,5\nyesterday,6\n", "row 3: 'yesterday' is no ISO 8601 time"),
        ("timestamp,value\n2026-03-02,5\n2026-03-03,six\n", "row 3: 'six' is no number"),
        ("timestamp,value\n2026-03-02\n", "row 2: has 1 cells; it needs 2"),
        ("timestamp,value\n2026-03-02,1\n2026-03-03T00:00Z,2\n", "row 3: '2026-03-03T00:00Z' has an offset"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_row(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    series = tmp_path / "s.csv"
    series.write_text(text)
    assert evaluate(series, "--scores", tmp_path / "o.csv") == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "o.csv").exists()


def test_a_file_that_runs_backwards_is_refused(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(written(tmp_path / "s.csv", quiet_then_odd()[::-1])) == 2
    assert "row 13: " in (said := capfd.readouterr().err)
    assert "sort the file by time" in said


def test_odd_rows_are_scored_counted_and_named(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = quiet_then_odd(400, range(0))
    rows[200] = rows[199]  # repeated
    rows[210] = (rows[205][0], rows[210][1])  # backward
    rows[220] = (rows[220][0], "NaN")
    del rows[300:310]
    assert evaluate(written(tmp_path / "s.csv", rows), "--scores", tmp_path / "o.csv", "--json", tmp_path / "f") == 0
    said = capfd.readouterr().err
    for line in (
        "1 repeated times: scored, not learned (row 202)",
        "1 times before one above: scored, not learned (row 212)",
        "1 rows without a value: unknown (row 222)",
        "3 gaps (rows 203, 213, 302)",
    ):
        assert line in said
    assert len((tmp_path / "o.csv").read_text().splitlines()) == 391


def test_the_hour_that_daylight_saving_repeats_is_two_hours(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    first = datetime(2026, 10, 24, 12, tzinfo=UTC)
    utc = [first + timedelta(minutes=15 * n) for n in range(100)]
    local = [moment.timestamp() + (7200 if moment.day == 24 or moment.hour < 1 else 3600) for moment in utc]
    rows = [(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}", "1") for at in local]
    assert evaluate(written(tmp_path / "s.csv", rows), "--time-zone", "Europe/Berlin") == 0
    assert "times" not in capfd.readouterr().err
    assert evaluate(tmp_path / "s.csv", "--time-zone", "Mars/Olympus") == 2
    assert "'Mars/Olympus' is no time zone" in capfd.readouterr().err


def test_wrong_labels_are_all_named(tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]) -> None:
    series = written(tmp_path / "s.csv", quiet_then_odd(10, range(0)))
    labels = tmp_path / "l.json"
    labels.write_text(
        '[{"start": "2026-03-02"}, {"start": "2026-03-03", "end": "2026-03-02"}, {"start": "x", "end": "y"}]'
    )
    assert evaluate(series, "--labels", labels) == 2
    said = capfd.readouterr().err
    assert "[0]: end is missing" in said
    assert "[1]: it ends before it starts" in said
    assert "[2]: 'x' is no ISO 8601 time" in said
    labels.write_text('{"start": 1}')
    assert evaluate(series, "--labels", labels) == 2


def test_an_unknown_method_is_answered_with_the_list(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(written(tmp_path / "s.csv", quiet_then_odd(10)), "--method", "guess") == 2
    assert "'guess' is no method; there are " in (said := capfd.readouterr().err)
    assert "metric" in said


def test_the_plot_of_a_long_series_is_no_longer(tmp_path: Path, evaluate: Run) -> None:
    for name, count in (("short", 3000), ("long", 12_000)):
        evaluate(written(tmp_path / "s.csv", quiet_then_odd(count)), "--plot", tmp_path / f"{name}.svg")
    short, long = ((tmp_path / f"{name}.svg").stat().st_size for name in ("short", "long"))
    assert long < 2 * short


def test_a_method_of_two_numbers_refuses_one_and_reads_two(
    tmp_path: Path, evaluate: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = quiet_then_odd(3000, range(0), step=60)
    for name in ("ratio", "backlog", "mix"):
        assert evaluate(written(tmp_path / "one.csv", rows), "--method", name, "--json", tmp_path / "f.json") == 2
        assert f"{name} needs " in (said := capfd.readouterr().err)
        assert "a row: give a file with the header timestamp," in said
    rng = random.Random(2)
    three = [
        (stamp, str(sum(rng.random() < (0.4 if 2800 <= n < 2830 else 0.05) for _ in range(20))), "20")
        for n, (stamp, _) in enumerate(rows)
    ]
    series = written(tmp_path / "two.csv", three, header="timestamp,part,whole")
    assert evaluate(series, "--method", "ratio", "--scores", tmp_path / "o.csv", "--json", tmp_path / "f.json") == 0
    [alarm] = json.loads((tmp_path / "f.json").read_text())["alarms"]
    assert rows[2799][0] < alarm["timestamp"] <= rows[2805][0]
    assert (tmp_path / "o.csv").read_text().startswith("timestamp,part,whole,score\n")
    other = [(stamp, part, str(20 - int(part))) for stamp, part, _ in three]
    assert evaluate(written(tmp_path / "mix.csv", other, "timestamp,billing,other"), "--method", "mix") == 0
    assert "billing: " in capfd.readouterr().out
