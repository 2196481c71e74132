"""Which setting the broker's refusals speak against; the texts are what librdkafka said about Apache Kafka 4.1."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError

from streams.config import OAuth, Security
from streams.reachable import DROPS_MIN, Heard, mistake_in

PASSWORD: Any = {"mechanism": "SCRAM-SHA-512", "username": "ann", "password_file": "/run/secrets/kafka"}
AT = "sasl_ssl://127.0.0.1:55671/bootstrap: "
REFUSED = f"{AT}SASL authentication error: Authentication failed: Invalid username or password (after 301ms in state X)"
UNKNOWN_AUTHORITY = (
    f"{AT}SSL handshake failed: error:0A000086:SSL routines::certificate verify failed (after 15ms in state S)"
)
OUR_CERTIFICATE = f"{AT}Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42"
NO_MECHANISM = f"{AT}SASL SCRAM-SHA-512 mechanism handshake failed: broker's supported mechanisms:  (after 1ms)"
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
CONNECTION_REFUSED = f"{AT}Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)"


@pytest.mark.parametrize(
    ("code", "text", "setting"),
    [
        (KafkaError._AUTHENTICATION, REFUSED, "broker.security.password_file"),
        (KafkaError._AUTHENTICATION, NO_MECHANISM, "broker.security.mechanism"),
        (KafkaError._SSL, UNKNOWN_AUTHORITY, "broker.security.ca_file"),
        (KafkaError._TRANSPORT, OUR_CERTIFICATE, "broker.security.certificate_file"),
    ],
)
def test_a_refusal_names_its_setting_at_once(code: int, text: str, setting: str) -> None:
    found = mistake_in(Security(tls=True, **PASSWORD), [DOWN, KafkaError(code, text)], [])
    assert found is not None
    assert found[0] == setting
    assert "127.0.0.1" not in found[1]
    assert "after" not in found[1]


def test_a_refused_token_is_no_matter_of_passwords() -> None:
    oauth = OAuth(token_url="http://idp/token", client_id="b", client_secret_file="/s")  # type: ignore[arg-type]
    security = Security(mechanism="OAUTHBEARER", oauth=oauth)
    found = mistake_in(security, [KafkaError(KafkaError._AUTHENTICATION, REFUSED)], [])
    assert found is not None
    assert found[0] == "broker.security.oauth"


def drops(state: str, n: int = DROPS_MIN) -> list[str]:
    return [
        f"FAIL [thrd:x]: 127.0.0.1:1/bootstrap: Disconnected: connection closed by peer (after 3ms in state {state})"
    ] * n


@pytest.mark.parametrize(
    ("security", "state", "setting"),
    [
        (Security(), "APIVERSION_QUERY", "broker.security.tls"),
        (Security(tls=True), "SSL_HANDSHAKE", "broker.security.tls"),
        (Security(), "UP", "broker.security.mechanism"),
        (Security(tls=True), "UP", "broker.security.mechanism"),
    ],
)
def test_a_broker_that_hangs_up_again_and_again_wants_something(security: Security, state: str, setting: str) -> None:
    found = mistake_in(security, [DOWN], drops(state))
    assert found is not None
    assert found[0] == setting
    assert mistake_in(security, [DOWN], drops(state, DROPS_MIN - 1)) is None


def test_a_broker_that_is_away_is_no_mistake() -> None:
    away = KafkaError(KafkaError._TRANSPORT, CONNECTION_REFUSED)
    assert mistake_in(Security(**PASSWORD), [away] * 50, [CONNECTION_REFUSED] * 50) is None


def test_why_it_is_away_is_the_last_thing_that_went_wrong() -> None:
    heard = Heard()
    assert heard.why_away() == "no answer"
    heard.errors += [KafkaError(KafkaError._TRANSPORT, CONNECTION_REFUSED), DOWN]
    assert heard.why_away() == "Connect to ipv4#127.0.0.1:9 failed: Connection refused"


def test_nobody_listens_where_every_connection_was_refused() -> None:
    heard = Heard()
    assert not heard.nobody()
    heard.errors += [KafkaError(KafkaError._TRANSPORT, CONNECTION_REFUSED), DOWN]
    assert heard.nobody()
    heard.errors.append(KafkaError(KafkaError._TRANSPORT, f"{AT}Disconnected: connection closed by peer"))
    assert not heard.nobody()
