"""The notify role alone, as a process of its own that test_pages_survive_kills.py kills.

python notifying_worker.py SETTINGS.yaml
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from schemas.fold import Output
from streams import telemetry
from streams.bus import Bus, outgoing
from streams.config import load
from streams.faust_role import FaustRole
from streams.notify import role as notify


def end() -> None:
    os._exit(1)


async def run(settings_path: Path) -> None:
    settings = load(settings_path, environment={})
    telemetry.configure_logging("json")
    bus = Bus(settings)
    await bus.start()

    async def record(output: Output) -> None:
        await bus.send([outgoing(output, "notify")])

    role, notifier = FaustRole(settings, "notify", bus, end), notify.Notifier(settings, record, end=end)
    role.read("notify", notify.INPUTS, 200, notifier)
    await notifier.start()
    await role.service().start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await role.service().stop()
    await notifier.stop()
    await bus.stop()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
