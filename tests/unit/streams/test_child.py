"""A worker as a child: its last words are ours to show, and it never outlives us."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import Unavailable
from streams import child, config
from streams.child import WorkerProcess


def a_worker(folder: Path, *, allow_embedded: bool, **tree: object) -> WorkerProcess:
    config.write_yaml(folder / "settings.yaml", dict(tree))
    return WorkerProcess(
        folder / "settings.yaml", folder / "worker.log", "http://127.0.0.1:1", allow_embedded=allow_embedded
    )


def test_a_worker_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    worker = a_worker(tmp_path, allow_embedded=False, broker={"profile": "embedded"})
    worker.start()
    with pytest.raises(Unavailable) as away:
        worker.await_ready()
    assert "code 2" in str(away.value)
    assert "--allow-embedded" in str(away.value)
    worker.stop()


def test_a_worker_that_is_not_ready_in_time_is_told_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "READY_SECONDS_MAX", 0.3)
    worker = a_worker(tmp_path, allow_embedded=True, broker={"bootstrap": ["127.0.0.1:1"]})
    worker.start()
    try:
        with pytest.raises(Unavailable, match="not ready after"):
            worker.await_ready()
    finally:
        worker.stop()
    with pytest.raises(Unavailable, match="it ended with code"):
        worker.check()


def test_settings_of_our_environment_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKWATER_BROKERS", "elsewhere:9092")
    monkeypatch.setenv("KEPT", "yes")
    found = config.environment_without_settings(EXTRA="1")
    assert "BREAKWATER_BROKERS" not in found
    assert (found["KEPT"], found["EXTRA"]) == ("yes", "1")
