"""The only module that may ask the time or sleep."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


def now() -> datetime:
    """Wall clock, UTC."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Monotonic seconds, for durations."""
    return time.monotonic()


def cpu_seconds() -> float:
    """CPU time of this process, seconds."""
    return time.process_time()


def sleep(seconds: float) -> None:
    """Blocks the calling thread; never call it in the event loop."""
    time.sleep(seconds)


async def pause(seconds: float) -> None:
    """Gives the event loop back for so many seconds."""
    await asyncio.sleep(seconds)
