"""Apache Kafka on this machine, without a container: `make kafka`, `make kafka-stop`, and the tests' nodes.

The jars come from Maven once (`kafka-pom.xml` pins them) and are kept under the user's cache. A node is one Java
process with broker and controller in it (KRaft), on 127.0.0.1 only; several of them make a cluster.

    python -m tools.kafka start    one node in the background; prints how to use it; does nothing when it runs already
    python -m tools.kafka stop     ends it; `start` finds its topics again, `start --fresh` does not
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
import xml.etree.ElementTree as ElementTree
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import Unavailable
from streams.config import cache_directory
from tools.fetched import fetched, kept, only_one

POM = Path(__file__).with_name("kafka-pom.xml")
JAVA_MIN = 17
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
STARTED = "Kafka Server started"
INSTALL = {
    "java": "apt-get install default-jre-headless (macOS: brew install openjdk)",
    "mvn": "apt-get install maven (macOS: brew install maven)",
}
# A small broker: groups form at once; dead members and dead nodes are noticed soon.
BROKER_PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.index.size.max.bytes": str(1024 * 1024),
    "log.segment.delete.delay.ms": "1000",
}


def version() -> str:
    """The version that the pom pins."""
    found = ElementTree.parse(POM).find(".//{*}kafka.version")
    assert found is not None and found.text, "the pom names the version"
    return found.text


def missing() -> str | None:
    """What this machine lacks to run Apache Kafka, with the command that installs it; None when nothing."""
    try:
        _java()
        if not kept(_name_of_the_jars()).is_dir():
            _tool("mvn")
    except Unavailable as error:
        return str(error)
    return None


def jars() -> Path:
    """The directory of the jars; fetched when they are not there yet. Raises Unavailable."""
    return fetched(_name_of_the_jars(), _fetch)


def _name_of_the_jars() -> str:
    return f"kafka-{version()}"


def _fetch(directory: Path) -> None:
    maven = _tool("mvn")
    print(f"Fetching Apache Kafka {version()} with Maven, once (43 MB) ...", file=sys.stderr)
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={directory}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Unavailable("Apache Kafka's download", (run.stdout + run.stderr).strip()[-2000:])


def _java() -> str:
    java = _tool("java")
    run = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', run.stderr)
    if run.returncode != 0 or not found:  # macOS has a `java` that only says that there is none
        raise Unavailable("Java", f"`{java} -version` does not answer", INSTALL["java"])
    if int(found[1]) < JAVA_MIN:
        raise Unavailable("Java", f"version {found[1]} is too old, {JAVA_MIN} is needed", INSTALL["java"])
    return java


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable({"java": "Java", "mvn": "Maven"}[name], "it is not installed", INSTALL[name])
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def new_cluster_id() -> str:
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@dataclass
class KafkaNode:
    """One broker with its controller; everything of it lies in `directory`.

    `voters` are the controllers of a cluster (node id -> port). `listeners` adds listeners beside the plain one
    (name -> port); `properties` and `format_arguments` say what they need. `for_tests` starts sooner, runs slower under
    load and dies with this process.
    """

    directory: Path
    node_id: int = 1
    port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)
    cluster_id: str = field(default_factory=new_cluster_id)
    voters: dict[int, int] = field(default_factory=dict)
    listeners: dict[str, int] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    format_arguments: list[str] = field(default_factory=list)
    for_tests: bool = True
    pid: int | None = None
    _child: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "kafka.log"

    @property
    def _properties_file(self) -> Path:
        return self.directory / "kafka.properties"

    def start(self) -> KafkaNode:
        """Formats the storage where it is new, starts and returns when the broker answers. Raises Unavailable."""
        self.launch()
        self.wait()
        return self

    def launch(self) -> None:
        """Starts without waiting: the nodes of a cluster need each other."""
        java, classpath = _java(), f"{jars()}/*"
        self.directory.mkdir(parents=True, exist_ok=True)
        self._properties_file.write_text("".join(f"{key}={value}\n" for key, value in self._all_properties().items()))
        if not (self.directory / "storage" / "meta.properties").exists():
            self._format(java, classpath)
        quick = ["-XX:TieredStopAtLevel=1", "-Xshare:auto"] if self.for_tests else []
        command = [java, "-Xmx512m", "-XX:+UseSerialGC", *quick, *self._logging(), "-cp", classpath]
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                [*self._end_with_us(), *command, "kafka.Kafka", str(self._properties_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=not self.for_tests,  # a background node outlives the terminal's Ctrl-C
            )
        self.pid = self._child.pid

    def wait(self) -> None:
        """Until the broker has said that it started. Raises Unavailable with the end of its log."""
        assert self._child is not None, "launch comes first"
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if STARTED in self.log.read_text(errors="replace"):
                return
            if self._child.poll() is not None:
                raise Unavailable("Apache Kafka", f"it ended with code {self._child.returncode}\n{self._log_tail()}")
            time.sleep(0.05)
        self.kill()
        raise Unavailable("Apache Kafka", f"it did not start within {START_SECONDS_MAX:.0f} s\n{self._log_tail()}")

    def stop(self) -> None:
        """Ends the node in order (SIGTERM); its storage stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the node as a power cut would; its storage stays."""
        self._end(signal.SIGKILL)

    def restart(self) -> KafkaNode:
        """Starts the stopped or killed node on its storage and its port."""
        return self.start()

    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _end(self, how: signal.Signals) -> None:
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.send_signal(how)
        try:
            self._child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = self.pid = None

    def _all_properties(self) -> dict[str, str]:
        voters = self.voters or {self.node_id: self.controller_port}
        copies = str(min(3, len(voters)))
        in_sync = str(max(1, min(2, len(voters) - 1)))
        ports = {"PLAINTEXT": self.port, **self.listeners, "CONTROLLER": self.controller_port}
        protocols = {name: name.split("-")[0] for name in ports} | {"CONTROLLER": "PLAINTEXT"}
        return {
            **BROKER_PROPERTIES,
            "node.id": str(self.node_id),
            "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in voters.items()),
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "log.dirs": str(self.directory / "storage"),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            **self.properties,
        }

    def _format(self, java: str, classpath: str) -> None:
        command = [java, "-XX:TieredStopAtLevel=1", *self._logging("warn"), "-cp", classpath, "kafka.tools.StorageTool"]
        # with "=": the identifier may begin with a dash
        identity = f"--cluster-id={self.cluster_id}"
        command += ["format", identity, "-c", str(self._properties_file), *self.format_arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unavailable("Apache Kafka", f"its storage cannot be formatted\n{(run.stdout + run.stderr)[-2000:]}")

    def _logging(self, level: str = "info") -> list[str]:
        return [f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}", "-Dorg.slf4j.simpleLogger.showDateTime=true"]

    def _end_with_us(self) -> list[str]:
        """On Linux the kernel ends a test's broker when the test's process is gone, however that happened."""
        setpriv = shutil.which("setpriv") if self.for_tests else None
        return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []

    def _log_tail(self) -> str:
        return f"the end of {self.log}:\n" + self.log.read_text(errors="replace")[-2000:]


class KafkaCluster:
    """Several nodes that hold each other's replicas: a leader can be lost."""

    def __init__(self, directory: Path, size: int = 3) -> None:
        voters = {node: free_port() for node in range(1, size + 1)}
        cluster_id = new_cluster_id()
        self.nodes = [
            KafkaNode(directory / f"node-{node}", node, controller_port=port, cluster_id=cluster_id, voters=voters)
            for node, port in voters.items()
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> KafkaCluster:
        """Returns when every node answers. Raises Unavailable; then none is left running."""
        try:
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.wait()
        except BaseException:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


# ---- `make kafka`: the one node in the background


@dataclass(frozen=True)
class Background:
    """The node that a person started; its pid and port are recorded beside its storage."""

    directory: Path

    @property
    def record(self) -> Path:
        return self.directory / "running.json"

    def running(self) -> tuple[int, int] | None:
        """(pid, port) when it is there; a record whose process is another one by now counts as none."""
        try:
            found = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return None
        pid, port = found["pid"], found["port"]
        return (pid, port) if str(self.directory) in _command_line(pid) else None

    def start(self, wanted_port: int, fresh: bool) -> int:
        """The port of the running node."""
        jars()
        self.directory.mkdir(parents=True, exist_ok=True)
        with only_one(self.directory.with_suffix(".lock")):
            found = self.running()
            if found:
                return found[1]
            if fresh:
                shutil.rmtree(self.directory / "storage", ignore_errors=True)
            port = wanted_port if _is_free(wanted_port) else free_port()
            node = KafkaNode(self.directory, port=port, for_tests=False).start()
            self.record.write_text(json.dumps({"pid": node.pid, "port": port}))
            return port

    def stop(self) -> bool:
        """Whether there was one to end."""
        found = self.running()
        self.record.unlink(missing_ok=True)
        if not found:
            return False
        os.kill(found[0], signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while str(self.directory) in _command_line(found[0]):
            if time.monotonic() > deadline:
                os.kill(found[0], signal.SIGKILL)
            time.sleep(0.05)
        return True


def _command_line(pid: int) -> str:
    """The command of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        pass
    if Path("/proc/self").exists() or not shutil.which("ps"):
        return ""
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def main() -> int:
    parser = argparse.ArgumentParser(prog="make kafka", description="One Apache Kafka node in the background.")
    parser.add_argument("what", choices=("start", "stop", "fetch"), help="fetch only brings the jars")
    parser.add_argument("--port", type=int, default=9092, help="another free one is taken where this is in use")
    parser.add_argument("--fresh", action="store_true", help="start without the topics of the last time")
    given = parser.parse_args()
    background = Background(cache_directory() / "kafka-node")
    try:
        if given.what == "fetch":
            print(jars())
        elif given.what == "stop":
            print("Apache Kafka is stopped." if background.stop() else "Apache Kafka was not running.")
        else:
            _say(background.start(given.port, given.fresh), background)
    except Unavailable as error:
        print(f"make kafka: {error}", file=sys.stderr)
        return 3
    return 0


def _say(port: int, background: Background) -> None:
    print(f"BREAKWATER_BROKERS=127.0.0.1:{port}")
    print()
    print(
        f"Apache Kafka {version()} answers on 127.0.0.1:{port} (one node, no password, log in {background.directory})."
    )
    print(f"  export BREAKWATER_BROKERS=127.0.0.1:{port}")
    print("  .venv/bin/breakwater topics apply      creates Breakwater's topics")
    print("  .venv/bin/breakwater worker            runs every role")
    print("  make kafka-stop                        ends it; its topics stay for the next time")


if __name__ == "__main__":
    sys.exit(main())
