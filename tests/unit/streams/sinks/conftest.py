from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from standing import KEY, Running

from streams.stand_in import serve


@pytest.fixture
def stand_in() -> Iterator[Running]:
    standing = Running(routing_key=KEY, token="grafana-token")
    loop = asyncio.new_event_loop()
    listening = threading.Event()

    def heard(port: int) -> None:
        standing.port = port
        listening.set()

    task = loop.create_task(serve(standing, "127.0.0.1", 0, heard))

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    yield standing
    loop.call_soon_threadsafe(task.cancel)
    thread.join(10)
    assert not thread.is_alive()
    loop.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "routing-key"
    path.write_text(f"{KEY}\n")
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("grafana-token\n")
    return path
