"""The ingest's thread as a service of the worker: what ends the thread ends the worker."""

from __future__ import annotations

import asyncio

from mode import Service

from streams import clock
from streams.ingest.thread import Ingest

LOOK_SECONDS = 0.2


class IngestService(Service):  # type: ignore[misc]  # mode is not typed for us
    """Starts and stops the ingest; a part of the worker's health."""

    name = "ingest"

    def __init__(self, ingest: Ingest) -> None:
        super().__init__()
        self._ingest = ingest

    async def on_start(self) -> None:
        self._ingest.start()

    async def on_stop(self) -> None:
        await asyncio.to_thread(self._ingest.stop)

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            if self._ingest.error is not None and not self.should_stop:
                raise self._ingest.error

    def ready(self) -> tuple[bool, str]:
        joined = self._ingest.status().joined
        return joined, "ready" if joined else "waiting for its partitions"

    def progress_at(self) -> float:
        return min(self._ingest.status().progress_at, clock.elapsed())

    async def lag(self) -> int:
        return self._ingest.status().lag_records
