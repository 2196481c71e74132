"""An ingest in a process of its own, to be killed: as a script it is the process, imported it is its handle.

    python tests/ingest_process.py SETTINGS.json [FAILPOINT COUNT]

With a failpoint the process kills itself, without any goodbye, at the COUNT-th passage of that point.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


class IngestProcess:
    """One member of the group; `log` has what it said."""

    def __init__(self, settings_file: Path, *failpoint: object) -> None:
        self.log = Path(tempfile.mkstemp(prefix="ingest-", suffix=".log", dir=settings_file.parent)[1])
        command = [sys.executable, __file__, str(settings_file), *map(str, failpoint)]
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def terminate(self) -> None:
        """Asks it to end once it is at work, as a supervisor does, and expects it to end well."""
        deadline = time.monotonic() + 20
        while "partitions assigned" not in self.said() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.child.terminate()
        assert self.child.wait(20) == 0, self.said()

    def freeze(self, seconds: float) -> None:
        self.child.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.child.send_signal(signal.SIGCONT)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def main(settings_file: str, failpoint: str = "", count: str = "0") -> int:
    sys.path.insert(0, str(ROOT))
    from streams import telemetry
    from streams.config import Settings
    from streams.ingest.thread import Ingest

    telemetry.configure_logging("console")
    left = {failpoint: int(count)} if failpoint else {}

    def reached(name: str) -> None:
        if name in left:
            left[name] -= 1
            if left[name] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ingest = Ingest(Settings.model_validate_json(Path(settings_file).read_text()), reached)
    ingest.start()
    while not stop.wait(0.05):
        if ingest.error is not None:
            print(f"ended: {ingest.error!r}", flush=True)
            return 1
    ingest.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
