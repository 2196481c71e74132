"""Is the broker there, and does it know us? Asked once, before anything else starts.

To most clients wrong credentials look like an outage that never ends. librdkafka says more: its error callback knows a
refused login, its log a connection that the broker dropped. From these the setting at fault is named.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import BadConfig, Unavailable
from streams import clock, oauth
from streams.clients import confluent_settings
from streams.config import Security, Settings

REACH_SECONDS_MAX = 10.0
# Nobody listens, or nobody has that name: a person need not wait the whole time to hear it.
NOBODY_SECONDS = 3.0
# A broker that starts up drops connections too, so a dropped one speaks against a setting only when it happens again
# and again.
DROPS_MIN = 5
FIX = "start it, or point broker.bootstrap (BREAKWATER_BROKERS) at yours; `make kafka` starts one on this machine"


def check_reachable(settings: Settings, wait_seconds: float = REACH_SECONDS_MAX) -> None:
    """Returns when the broker has answered us.

    Raises BadConfig that names the setting, as soon as the broker refuses us; Unavailable after `wait_seconds`, sooner
    where nobody listens.
    """
    security = settings.broker.security
    if security.mechanism == "OAUTHBEARER" and security.oauth:
        oauth.tokens(security.oauth).token()  # its own errors are clearer than the broker's
    heard = Heard()
    admin = heard.client(settings)
    began = clock.elapsed()
    while clock.elapsed() - began < (NOBODY_SECONDS if heard.nobody() else wait_seconds):
        try:
            admin.list_topics(timeout=1.0)
            return
        except KafkaException:
            admin.poll(0)
        mistake = mistake_in(security, heard.errors, heard.lines)
        if mistake:
            raise BadConfig([mistake])
    raise Unavailable(f"Kafka at {','.join(settings.broker.bootstrap)}", heard.why_away(), FIX)


class Heard(logging.Handler):
    """What librdkafka says about its connections, kept instead of printed."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[KafkaError] = []
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def client(self, settings: Settings) -> AdminClient:
        log = logging.Logger("librdkafka")  # not registered: no other handler sees its lines
        log.addHandler(self)
        return AdminClient({**confluent_settings(settings), "error_cb": self.errors.append}, logger=log)

    def nobody(self) -> bool:
        """Whether every connection so far was refused, or no name was found."""
        told = self._told()
        return bool(told) and all("refused" in error.str() or error.code() == KafkaError._RESOLVE for error in told)

    def why_away(self) -> str:
        """The last thing that was wrong with a connection, without librdkafka's names for it."""
        told = self._told()
        return _reason(told[-1].str()) if told else "no answer"

    def _told(self) -> list[KafkaError]:
        return [error for error in self.errors if error.code() != KafkaError._ALL_BROKERS_DOWN]


def mistake_in(security: Security, errors: Sequence[KafkaError], lines: Sequence[str]) -> tuple[str, str] | None:
    """The setting that the broker's answers speak against, and the fix; None while it may be an outage."""
    for error in errors:
        if error.code() == KafkaError._AUTHENTICATION:
            return _login_refused(security, _reason(error.str()))
        if error.code() == KafkaError._SSL:
            return "broker.security.ca_file", f"the broker's certificate is not trusted: {_reason(error.str())}"
        if "tls alert" in error.str():
            return (
                "broker.security.certificate_file",
                f"the broker does not accept our certificate (or that we show none): {_reason(error.str())}",
            )
    return _dropped(security, lines)


def _login_refused(security: Security, why: str) -> tuple[str, str]:
    if "supported mechanisms" in why:
        return "broker.security.mechanism", f"the broker does not offer {security.mechanism} at this address: {why}"
    if security.mechanism == "OAUTHBEARER":
        return "broker.security.oauth", f"the broker refused the token: {why}"
    return (
        "broker.security.password_file",
        f"the broker refused user {security.username!r} with the password of {security.password_file}: {why}",
    )


def _dropped(security: Security, lines: Sequence[str]) -> tuple[str, str] | None:
    """Without TLS, or without a login, a broker that asks for them says nothing: it hangs up."""
    drops = [line for line in lines if "closed by peer" in line]
    if len(drops) < DROPS_MIN:
        return None
    last = drops[-1]
    if "SSL_HANDSHAKE" in last:
        return "broker.security.tls", "the broker hangs up on TLS: this address may be one without, try `tls: false`"
    if "APIVERSION_QUERY" in last and not security.tls:
        return "broker.security.tls", "the broker hangs up at the first word: it may want TLS, try `tls: true`"
    if "state UP" in last and security.mechanism is None:
        return "broker.security.mechanism", "the broker hangs up on us: it may want a login, set mechanism and username"
    return None


def _reason(text: str) -> str:
    """`sasl_ssl://host:1/bootstrap: Why (after 3ms in state X)` -> `Why`."""
    return text.split(": ", 1)[-1].split(" (after")[0]
