from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from notice_examples import incident, notice, resolved

from schemas.errors import BadConfig
from streams.config import FileSink, Notify
from streams.notify.sink import Delivered, Notice, Retry
from streams.sinks import file as file_sink
from streams.sinks.file import LinesSink


def built(path: Path) -> LinesSink:
    return LinesSink.build(FileSink(path=path), Notify())


def lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_a_notice_is_one_line_and_a_resend_is_none(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "notices.jsonl"
    sink = built(path)

    assert sink.send(notice()) == Delivered()
    assert sink.send(notice()) == Delivered()
    built(path).send(notice())  # after a restart

    (line,) = lines(path)
    assert (line["id"], line["what"], line["data"]["incident_id"]) == ("n1", "opened", incident().incident_id)


def test_a_line_torn_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "notices.jsonl"
    built(path).send(notice())
    path.write_bytes(path.read_bytes() + b'{"id": "half of a li')

    built(path).send(Notice(notice_id="n2", what="resolved", subject=resolved()))

    whole, torn, after = path.read_bytes().splitlines()
    assert orjson.loads(whole)["id"] == "n1"
    assert torn == b'{"id": "half of a li'
    assert orjson.loads(after)["id"] == "n2"


def test_a_full_disk_leaves_no_half_line_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notices.jsonl"
    sink = built(path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(file_sink.os, "fsync", full)
        outcome = sink.send(notice())
    assert outcome == Retry(f"notify.file.path: {path}: No space left on device")
    assert path.read_bytes() == b""

    assert sink.send(notice()) == Delivered()
    assert len(lines(path)) == 1


def test_a_folder_that_vanished_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "var" / "notices.jsonl"
    sink = built(path)
    path.unlink()
    path.parent.rmdir()

    outcome = sink.send(notice())

    assert isinstance(outcome, Retry)
    assert "No such file or directory" in outcome.why


def test_a_path_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"notify\.file\.path: .*cannot be written"):
        built(tmp_path)
