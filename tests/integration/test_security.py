"""Every way to log in, by every library, at an Apache Kafka that asks; and the setting at fault when one is wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ConfluentPartition
from secured_kafka import GUEST, PASSWORD, USER, SecuredKafka

from schemas import topics
from schemas.errors import BadConfig, Unavailable
from streams import broker, config, log_reader
from streams.config import Settings

LOGINS = ["SCRAM-SHA-512 over TLS", "SCRAM-SHA-256", "PLAIN over TLS", "PLAIN", "OAUTHBEARER over TLS", "certificate"]
TOPIC = topics.TOOL_HEALTH


@pytest.fixture(scope="module")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    running = SecuredKafka(tmp_path_factory.mktemp("secured-kafka"))
    try:
        yield running.start()
    finally:
        running.node.kill()


class _TokenServer(BaseHTTPRequestHandler):
    """Unsigned tokens, as Apache Kafka's own development module takes them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        now = int(time.time())
        parts = [{"alg": "none"}, {"sub": USER, "iat": now, "exp": now + 60}]
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": token + ".", "expires_in": 60}).encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def token_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _TokenServer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


class Logins:
    """Settings for each way to log in."""

    def __init__(self, kafka: SecuredKafka, directory: Path, token_url: str) -> None:
        self.kafka = kafka
        self.token_url = token_url
        self.password = directory / "password"
        self.password.write_text(PASSWORD + "\n")

    def settings(self, login: str, **changed: Any) -> Settings:
        files = self.kafka.certificates
        tls = {"tls": True, "ca_file": files / "ca.pem"}
        if login == "certificate":
            security = tls | {"certificate_file": files / "client.crt", "key_file": files / "client.key"}
            return self._load("SSL", security | changed)
        mechanism = login.split()[0]
        if mechanism == "OAUTHBEARER":
            secret = {"client_id": USER, "client_secret_file": self.password}
            security = {"mechanism": mechanism, "oauth": secret | {"token_url": self.token_url}}
        else:
            security = {"mechanism": mechanism, "username": USER, "password_file": self.password}
        if login.endswith("TLS"):
            return self._load("SASL_SSL", security | tls | changed)
        return self._load("SASL_PLAINTEXT", security | changed)

    def _load(self, listener: str, security: dict[str, Any]) -> Settings:
        security = {name: value for name, value in security.items() if value is not None}
        place = {"bootstrap": self.kafka.bootstrap(listener), "topic_prefix": "secured.", "security": security}
        return config.load(environment={}, channels={"voice": {"partitions": 1}}, broker=place)


@pytest.fixture
def logins(secured_kafka: SecuredKafka, tmp_path: Path, token_url: str) -> Logins:
    return Logins(secured_kafka, tmp_path, token_url)


@pytest.mark.parametrize("login", LOGINS)
def test_every_library_logs_in(login: str, logins: Logins, tmp_path: Path) -> None:
    settings = logins.settings(login)
    broker.check_reachable(settings)
    broker.apply_topics(settings)
    name = settings.topic_name(TOPIC)
    word = login.encode()

    offset = asyncio.run(_write_by_aiokafka(settings, name, word))
    assert _read_by_confluent(settings, name, offset) == word
    assert asyncio.run(_read_by_aiokafka(settings, name, offset)) == word
    assert word in [record.value for record in log_reader.read_to_end(settings, [TOPIC])]
    assert asyncio.run(_read_by_faust(settings, name, word, tmp_path))


async def _write_by_aiokafka(settings: Settings, topic: str, value: bytes) -> int:
    async with AIOKafkaProducer(**broker.aiokafka_producer_settings(settings)) as producer:
        written = await producer.send_and_wait(topic, value, partition=0)
        offset: int = written.offset
        return offset


async def _read_by_aiokafka(settings: Settings, topic: str, offset: int) -> bytes:
    consumer = AIOKafkaConsumer(**broker.aiokafka_settings(settings))
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek(TopicPartition(topic, 0), offset)
        value: bytes = (await asyncio.wait_for(consumer.getone(), 20)).value
        return value
    finally:
        await consumer.stop()


def _read_by_confluent(settings: Settings, topic: str, offset: int) -> bytes | None:
    consumer = Consumer(broker.confluent_group_settings(settings, "test"))
    try:
        consumer.assign([ConfluentPartition(topic, 0, offset)])
        message = consumer.poll(20)
        assert message is not None
        assert message.error() is None
        value: bytes | None = message.value()
        return value
    finally:
        consumer.close()


async def _read_by_faust(settings: Settings, topic: str, wanted: bytes, directory: Path) -> bool:
    """A real Faust app in this loop, as the worker runs it."""
    app = faust.App(
        f"test-{uuid.uuid4().hex}",
        **broker.faust_settings(settings),
        datadir=str(directory / "faust"),
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        store="memory://",
    )
    seen = asyncio.Event()

    @app.agent(app.topic(topic, value_type=bytes, value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def reader(stream: Any) -> None:
        async for value in stream:
            if value == wanted:
                seen.set()

    await app.start()
    try:
        await asyncio.wait_for(seen.wait(), 30)
    finally:
        await app.stop()
    return seen.is_set()


@pytest.mark.parametrize(
    ("login", "changed", "setting"),
    [
        ("SCRAM-SHA-512 over TLS", {"username": "somebody"}, "password_file"),
        ("SCRAM-SHA-512 over TLS", {"ca_file": "stranger.pem"}, "ca_file"),
        ("SCRAM-SHA-512 over TLS", {"ca_file": None}, "ca_file"),
        ("SCRAM-SHA-512 over TLS", {"tls": False, "ca_file": None}, "tls"),
        ("SCRAM-SHA-512 over TLS", {"mechanism": None}, "mechanism"),
        ("SCRAM-SHA-256", {"tls": True}, "tls"),
        ("SCRAM-SHA-256", {"mechanism": None}, "mechanism"),
        ("certificate", {"certificate_file": None, "key_file": None}, "certificate_file"),
        ("certificate", {"certificate_file": "own.pem", "key_file": "own.key"}, "certificate_file"),
    ],
)
def test_a_wrong_setting_is_named_within_seconds(
    login: str, changed: dict[str, Any], setting: str, logins: Logins
) -> None:
    directory = logins.kafka.certificates.directory
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=own -keyout own.key -out own.pem"
    subprocess.run(make.split(), cwd=directory, check=True, capture_output=True)
    files = {name: directory / value for name, value in changed.items() if name.endswith("_file") and value}
    began = time.monotonic()
    with pytest.raises(BadConfig) as raised:
        broker.check_reachable(logins.settings(login, **changed | files))
    assert [where for where, _ in raised.value.problems] == [f"broker.security.{setting}"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("login", ["SCRAM-SHA-512 over TLS", "SCRAM-SHA-256", "PLAIN"])
def test_a_wrong_password_is_refused_at_once_and_not_shown(login: str, logins: Logins) -> None:
    logins.password.write_text("not the password")
    began = time.monotonic()
    with pytest.raises(BadConfig) as raised:
        broker.check_reachable(logins.settings(login))
    assert time.monotonic() - began < 3
    assert raised.value.problems[0][0] == "broker.security.password_file"
    assert "not the password" not in str(raised.value)


def test_what_a_client_may_not_do_is_refused_in_words(logins: Logins) -> None:
    guest = logins.settings("SCRAM-SHA-256", username=GUEST)
    broker.check_reachable(guest)
    assert {problem.text for problem in broker.check_topics(guest)} == {
        "is not on the broker, or hidden from this client"
    }
    with pytest.raises(BadConfig, match=r"the broker refuses to make it: .*[Aa]uthorization failed"):
        broker.apply_topics(guest)


def test_a_login_at_a_broker_without_any_is_named(logins: Logins) -> None:
    settings = logins.settings("SCRAM-SHA-256")
    plain = settings.broker.model_copy(update={"bootstrap": [logins.kafka.node.bootstrap]})
    with pytest.raises(BadConfig, match="does not offer SCRAM-SHA-256"):
        broker.check_reachable(settings.model_copy(update={"broker": plain}))


def test_a_broker_that_is_away_is_one_clear_line(logins: Logins) -> None:
    settings = logins.settings("SCRAM-SHA-256")
    nobody = settings.broker.model_copy(update={"bootstrap": ["127.0.0.1:9"]})
    with pytest.raises(Unavailable, match=r"Kafka at 127\.0\.0\.1:9 is away: .*Connection refused") as raised:
        broker.check_reachable(settings.model_copy(update={"broker": nobody}), wait_seconds=1.0)
    assert "\n" not in str(raised.value)
