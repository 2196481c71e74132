"""One meaning of `broker.security` for four libraries."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from schemas.errors import BadConfig
from streams import clients, config
from streams.config import Settings


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a certificate and its key; the certificate is its own authority."""
    directory = tmp_path_factory.mktemp("pem")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -keyout key.pem -out certificate.pem"
    subprocess.run(command.split(), cwd=directory, check=True, capture_output=True)
    (directory / "password").write_text("correct horse\n")
    (directory / "secret").write_text("s3cret\n")
    return directory


def settings_with(security: dict[str, Any], **broker: Any) -> Settings:
    return config.load(environment={}, broker={"bootstrap": "a:1, b:2", "security": security, **broker})


def password_login(pem: Path, mechanism: str, tls: bool) -> dict[str, Any]:
    login = {"mechanism": mechanism, "username": "ann", "password_file": pem / "password"}
    return login | ({"tls": True, "ca_file": pem / "certificate.pem"} if tls else {})


def oauth_login(pem: Path) -> dict[str, Any]:
    oauth = {"token_url": "http://127.0.0.1:1/token", "client_id": "breakwater", "client_secret_file": pem / "secret"}
    return {"mechanism": "OAUTHBEARER", "oauth": oauth}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_login_means_the_same_to_every_library(pem: Path, mechanism: str, tls: bool) -> None:
    settings = settings_with(password_login(pem, mechanism, tls))
    protocol = "SASL_SSL" if tls else "SASL_PLAINTEXT"

    confluent = clients.confluent_settings(settings)
    assert confluent["bootstrap.servers"] == "a:1,b:2"
    assert confluent["security.protocol"] == protocol
    assert (confluent["sasl.mechanism"], confluent["sasl.username"]) == (mechanism, "ann")
    assert confluent["sasl.password"] == "correct horse"
    assert confluent.get("ssl.ca.location") == (str(pem / "certificate.pem") if tls else None)

    for python in (clients.aiokafka_settings(settings), clients.kafka_python_settings(settings)):
        assert python["bootstrap_servers"] == ["a:1", "b:2"]
        assert (python["security_protocol"], python["sasl_mechanism"]) == (protocol, mechanism)
        assert (python["sasl_plain_username"], python["sasl_plain_password"]) == ("ann", "correct horse")
        assert isinstance(python["ssl_context"], ssl.SSLContext) is tls

    faust = clients.faust_settings(settings)["broker_credentials"]
    assert isinstance(faust, SASLCredentials)
    assert (faust.protocol.value, faust.mechanism.value) == (protocol, mechanism)
    assert (faust.username, faust.password) == ("ann", "correct horse")


def test_a_token_login_gives_every_library_its_own_kind_of_source(pem: Path) -> None:
    settings = settings_with(oauth_login(pem))
    confluent = clients.confluent_settings(settings)
    assert confluent["sasl.mechanism"] == "OAUTHBEARER"
    assert callable(confluent["oauth_cb"])
    assert "sasl.password" not in confluent
    for python in (clients.aiokafka_settings(settings), clients.kafka_python_settings(settings)):
        assert python["security_protocol"] == "SASL_PLAINTEXT"
        assert python["sasl_oauth_token_provider"] is not None
        assert "sasl_plain_password" not in python
    assert isinstance(clients.faust_settings(settings)["broker_credentials"], OAuthCredentials)


def test_a_client_certificate_reaches_every_library(pem: Path) -> None:
    certificate, key = pem / "certificate.pem", pem / "key.pem"
    settings = settings_with({"tls": True, "ca_file": certificate, "certificate_file": certificate, "key_file": key})
    confluent = clients.confluent_settings(settings)
    assert confluent["security.protocol"] == "SSL"
    assert confluent["ssl.certificate.location"] == str(certificate)
    assert confluent["ssl.key.location"] == str(key)
    assert clients.aiokafka_settings(settings)["security_protocol"] == "SSL"
    faust = clients.faust_settings(settings)["broker_credentials"]
    assert isinstance(faust, SSLCredentials)
    assert faust.context.verify_mode == ssl.CERT_REQUIRED


def test_no_security_is_plain_text_everywhere() -> None:
    settings = settings_with({})
    assert clients.confluent_settings(settings)["security.protocol"] == "PLAINTEXT"
    assert clients.kafka_python_settings(settings)["security_protocol"] == "PLAINTEXT"
    assert clients.faust_settings(settings)["broker_credentials"] is None


def test_kafka_python_knows_every_name_that_it_is_given(pem: Path) -> None:
    given = set(clients.kafka_python_settings(settings_with(password_login(pem, "PLAIN", tls=True))))
    for client in (KafkaConsumer, KafkaProducer, KafkaAdminClient):
        assert given <= set(client.DEFAULT_CONFIG)


async def _make_aiokafka_producer(settings: Settings) -> None:
    AIOKafkaProducer(**clients.aiokafka_producer_settings(settings))


def test_aiokafka_knows_every_name_that_it_is_given(pem: Path) -> None:
    import asyncio

    asyncio.run(_make_aiokafka_producer(settings_with(password_login(pem, "SCRAM-SHA-512", tls=True))))


def test_the_production_profile_takes_its_timeouts_from_the_settings() -> None:
    settings = settings_with({}, instance_id="worker-0")
    group = clients.confluent_group_settings(settings, "ingest")
    assert group["group.id"] == "breakwater-ingest"
    assert (group["session.timeout.ms"], group["heartbeat.interval.ms"]) == (10_000, 3_000)
    assert group["partition.assignment.strategy"] == "range"
    assert group["group.instance.id"] == "worker-0"
    assert group["enable.auto.commit"] is False
    assert "group.protocol" not in group  # the newer one takes 45 s to notice a death
    faust = clients.faust_settings(settings)
    assert (faust["broker_session_timeout"], faust["broker_rebalance_timeout"]) == (10.0, 30.0)
    assert faust["consumer_group_instance_id"] == "worker-0"
    assert faust["broker"] == ["kafka://a:1", "kafka://b:2"]
    assert "producer_max_batch_size" not in faust


def test_the_embedded_profile_joins_quickly_and_sends_one_record_a_batch() -> None:
    settings = settings_with({}, profile="embedded")
    group = clients.confluent_group_settings(settings, "ingest")
    assert (group["session.timeout.ms"], group["heartbeat.interval.ms"]) == (2_000, 500)
    faust = clients.faust_settings(settings)
    assert (faust["broker_session_timeout"], faust["broker_rebalance_timeout"]) == (2.0, 2.0)
    assert faust["producer_max_batch_size"] == 1
    assert clients.aiokafka_producer_settings(settings)["max_batch_size"] == 1


@pytest.mark.parametrize(
    ("security", "setting"),
    [
        ({"tls": True, "ca_file": "/nowhere/ca.pem"}, "broker.security.ca_file"),
        ({"tls": True, "ca_file": "{pem}/password"}, "broker.security.ca_file"),
        (
            {"tls": True, "certificate_file": "{pem}/certificate.pem", "key_file": "{pem}/password"},
            "broker.security.certificate_file",
        ),
    ],
)
def test_a_certificate_that_is_none_is_named_by_its_setting(pem: Path, security: dict[str, Any], setting: str) -> None:
    filled = {name: value.format(pem=pem) if isinstance(value, str) else value for name, value in security.items()}
    for mapped in (clients.confluent_settings, clients.kafka_python_settings, clients.faust_settings):
        with pytest.raises(BadConfig) as raised:
            mapped(settings_with(filled))
        assert raised.value.problems[0][0] == setting


def test_an_encrypted_key_is_refused_and_not_asked_for(pem: Path, tmp_path: Path) -> None:
    encrypted = tmp_path / "encrypted.pem"
    command = f"openssl rsa -aes256 -passout pass:abcdef -in {pem / 'key.pem'} -out {encrypted}"
    subprocess.run(command.split(), check=True, capture_output=True)
    security = {"tls": True, "certificate_file": pem / "certificate.pem", "key_file": encrypted}
    with pytest.raises(BadConfig, match="no pair of PEM files"):
        clients.tls_context(settings_with(security).broker.security)


def test_an_empty_password_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    security = {"mechanism": "PLAIN", "username": "ann", "password_file": tmp_path / "empty"}
    with pytest.raises(BadConfig, match="secret is empty"):
        clients.confluent_settings(settings_with(security))
