"""How to reach the broker: one meaning of `broker` in the settings for confluent-kafka, aiokafka, Faust, kafka-python.

`production` is any Kafka. `embedded` is the in-memory broker of the demo, whose joins take about as long as the session
timeout and whose end offsets count batches instead of records (so that a batch must hold one record).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials

from schemas.errors import BadConfig
from streams import oauth
from streams.config import Broker, OAuth, Security, Settings, read_secret

CLIENT_ID = "breakwater"
EMBEDDED_BATCH_BYTES = 1


class Timeouts(NamedTuple):
    """Seconds."""

    session: float
    heartbeat: float
    rebalance: float


EMBEDDED_TIMEOUTS = Timeouts(session=2.0, heartbeat=0.5, rebalance=2.0)


def timeouts(broker: Broker) -> Timeouts:
    """The group timeouts: the settings' on a real Kafka, fixed ones on the embedded broker."""
    if broker.profile == "embedded":
        return EMBEDDED_TIMEOUTS
    return Timeouts(broker.session_timeout_seconds, broker.heartbeat_interval_seconds, broker.rebalance_timeout_seconds)


def group_name(settings: Settings, role: str) -> str:
    """The consumer group of a role."""
    return f"{settings.broker.group_prefix}-{role}"


def confluent_settings(settings: Settings) -> dict[str, Any]:
    """What every librdkafka client of ours has: place, credentials, size limit."""
    security = settings.broker.security
    tls_context(security)  # librdkafka reads the files itself; ours names the setting at fault
    found: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.broker.bootstrap),
        "client.id": CLIENT_ID,
        "security.protocol": protocol(security),
        "message.max.bytes": settings.broker.message_bytes_max,
    }
    if security.ca_file:
        found["ssl.ca.location"] = str(security.ca_file)
    if security.certificate_file and security.key_file:
        found["ssl.certificate.location"] = str(security.certificate_file)
        found["ssl.key.location"] = str(security.key_file)
    if security.mechanism:
        found["sasl.mechanism"] = security.mechanism
        if security.oauth and security.mechanism == "OAUTHBEARER":
            found["oauth_cb"] = oauth.for_confluent(security.oauth)
        else:
            found |= {"sasl.username": security.username, "sasl.password": password(security)}
    return found


def confluent_group_settings(settings: Settings, role: str) -> dict[str, Any]:
    """A librdkafka consumer in the group of `role`; it commits by hand.

    Classic `range` assignment with a static id: a restarted process has its partitions back in 2 s. (With the newer
    group protocol the broker's own session timeout counts, 45 s by default.)
    """
    limits = timeouts(settings.broker)
    static = {"group.instance.id": settings.broker.instance_id} if settings.broker.instance_id else {}
    return {
        **confluent_settings(settings),
        **static,
        "group.id": group_name(settings, role),
        "partition.assignment.strategy": "range",
        "session.timeout.ms": _ms(limits.session),
        "heartbeat.interval.ms": _ms(limits.heartbeat),
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    }


def aiokafka_settings(settings: Settings) -> dict[str, Any]:
    """What every aiokafka client of ours has."""
    security = settings.broker.security
    found: dict[str, Any] = {
        "bootstrap_servers": list(settings.broker.bootstrap),
        "client_id": CLIENT_ID,
        "security_protocol": protocol(security),
        "ssl_context": tls_context(security),
    }
    return found | _sasl(security, oauth.ForAiokafka)


def aiokafka_producer_settings(settings: Settings) -> dict[str, Any]:
    """An aiokafka producer whose records are acknowledged by all replicas."""
    found = {**aiokafka_settings(settings), "acks": "all", "max_request_size": settings.broker.message_bytes_max}
    if settings.broker.profile == "embedded":
        found["max_batch_size"] = EMBEDDED_BATCH_BYTES
    return found


def kafka_python_settings(settings: Settings) -> dict[str, Any]:
    """What every kafka-python client of ours has. Read with `assign`: its groups are not reliable."""
    security = settings.broker.security
    found: dict[str, Any] = {
        "bootstrap_servers": list(settings.broker.bootstrap),
        "client_id": CLIENT_ID,
        "security_protocol": protocol(security),
        "ssl_context": tls_context(security),
    }
    return found | _sasl(security, oauth.ForKafkaPython)


def faust_settings(settings: Settings) -> dict[str, Any]:
    """The arguments of `faust.App` that concern the broker."""
    limits = timeouts(settings.broker)
    found: dict[str, Any] = {
        "broker": [f"kafka://{server}" for server in settings.broker.bootstrap],
        "broker_client_id": CLIENT_ID,
        "broker_credentials": _faust_credentials(settings.broker.security),
        "broker_session_timeout": limits.session,
        "broker_heartbeat_interval": limits.heartbeat,
        "broker_rebalance_timeout": limits.rebalance,
        "producer_max_request_size": settings.broker.message_bytes_max,
    }
    if settings.broker.instance_id:
        found["consumer_group_instance_id"] = settings.broker.instance_id
    if settings.broker.profile == "embedded":
        found["producer_max_batch_size"] = EMBEDDED_BATCH_BYTES
    return found


def protocol(security: Security) -> str:
    """Kafka's word for the pair (SASL or not, TLS or not)."""
    ends_with = "SSL" if security.tls else "PLAINTEXT"
    return f"SASL_{ends_with}" if security.mechanism else ends_with


def password(security: Security) -> str:
    """Raises BadConfig where the file is missing or empty."""
    assert security.password_file is not None, "the settings check this"
    return read_secret(security.password_file)


def tls_context(security: Security) -> ssl.SSLContext | None:
    """The TLS context for the Python clients; None without TLS. Raises BadConfig that names the setting at fault."""
    if not security.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=str(security.ca_file) if security.ca_file else None)
    except OSError as error:
        raise BadConfig(
            [("broker.security.ca_file", f"{security.ca_file} is no PEM file of certificates: {error}")]
        ) from None
    if security.certificate_file and security.key_file:
        try:
            # an encrypted key is an error: nobody is there to type its password
            context.load_cert_chain(str(security.certificate_file), str(security.key_file), password="")
        except OSError as error:
            pair = f"{security.certificate_file} and {security.key_file}"
            raise BadConfig(
                [("broker.security.certificate_file", f"{pair} are no pair of PEM files: {error}")]
            ) from None
    return context


def _sasl(security: Security, provider: Callable[[OAuth], object]) -> dict[str, Any]:
    """The SASL part that aiokafka and kafka-python name alike; `provider` makes their own kind of token source."""
    if security.mechanism is None:
        return {}
    if security.mechanism == "OAUTHBEARER":
        assert security.oauth is not None, "the settings check this"
        return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": provider(security.oauth)}
    return {
        "sasl_mechanism": security.mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": password(security),
    }


def _faust_credentials(security: Security) -> Any:
    context = tls_context(security)
    if security.mechanism == "OAUTHBEARER":
        assert security.oauth is not None, "the settings check this"
        return OAuthCredentials(oauth_cb=oauth.ForAiokafka(security.oauth), ssl_context=context)
    if security.mechanism:
        return SASLCredentials(
            username=security.username,
            password=password(security),
            mechanism=security.mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
