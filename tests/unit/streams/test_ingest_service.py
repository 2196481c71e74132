"""What ends the ingest's thread ends the worker, with its own reason."""

from __future__ import annotations

import asyncio

from streams import clock
from streams.ingest.service import IngestService
from streams.ingest.thread import IngestStatus


class Thread:
    """An ingest that ends when it is told to."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.done: list[str] = []
        self.joined = False

    def start(self) -> None:
        self.done.append("start")

    def stop(self) -> None:
        self.done.append("stop")

    def status(self) -> IngestStatus:
        return IngestStatus(0, True, 7, clock.elapsed(), self.joined)


def test_an_ingest_that_ends_by_itself_ends_the_worker_with_its_reason() -> None:
    async def story() -> None:
        thread = Thread()
        service = IngestService(thread)  # type: ignore[arg-type]
        await service.start()
        thread.error = RuntimeError("ten thousand dead letters in a row")
        stopped = await service.wait_for_stopped(asyncio.sleep(5))
        assert stopped
        assert service.crash_reason is thread.error

    asyncio.run(story())


def test_a_worker_that_stops_lets_the_ingest_finish_first() -> None:
    async def story() -> None:
        thread = Thread()
        service = IngestService(thread)  # type: ignore[arg-type]
        await service.start()
        assert service.ready() == (False, "waiting for its partitions")
        thread.joined = True  # there may be no partition left for it
        assert service.ready() == (True, "ready")
        assert await service.lag() == 7
        await service.stop()
        assert thread.done == ["start", "stop"]
        assert service.crash_reason is None

    asyncio.run(story())
