"""A worker as a child process: started, awaited until it is ready, watched, ended with us."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from schemas.errors import Unavailable
from streams import clock
from streams.config import environment_without_settings
from streams.embedded import end_with_us

READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
LOOK_SECONDS = 0.1
LOG_LINES = 30


class WorkerProcess:
    """`breakwater worker` with the settings of one file; what it says goes to `log`."""

    def __init__(self, config: Path, log: Path, url: str, *, allow_embedded: bool) -> None:
        self._command = [sys.executable, "-m", "streams", "worker", "--role", "all", "--config", str(config)]
        self._command += ["--allow-embedded"] if allow_embedded else []
        self._log = log
        self._url = url
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S603  # our own command
                [*end_with_us(), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment_without_settings(),
                # a Ctrl-C at the terminal is ours to pass on, in our order
                start_new_session=True,
            )

    def await_ready(self) -> None:
        """Returns when every role is ready. Raises Unavailable with the end of its log when it dies or is not ready in
        time."""
        deadline, why = clock.elapsed() + READY_SECONDS_MAX, "it does not answer"
        while clock.elapsed() < deadline:
            self.check()
            ready, why = self._ready()
            if ready:
                return
            clock.sleep(LOOK_SECONDS)
        raise Unavailable("the worker", f"not ready after {READY_SECONDS_MAX:.0f} s: {why}\n{self.log_tail()}")

    def check(self) -> None:
        """Raises Unavailable with the end of its log when it ended."""
        code = self._child.poll() if self._child else None
        if code is not None:
            raise Unavailable("the worker", f"it ended with code {code}; its last words:\n{self.log_tail()}")

    def stop(self) -> None:
        """Asks it to end; kills it when it does not."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def log_tail(self) -> str:
        """The last lines that it said."""
        if not self._log.exists():
            return "(it said nothing)"
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def _ready(self) -> tuple[bool, str]:
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=2.0) as answer:  # noqa: S310  # our own address
                return answer.status == 200, ""
        except urllib.error.HTTPError as error:
            return False, error.read().decode(errors="replace").strip()
        except OSError as error:
            return False, str(error)
