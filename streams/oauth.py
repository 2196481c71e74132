"""Access tokens for SASL/OAUTHBEARER: OAuth 2.0 client credentials (RFC 6749, section 4.4), one token a process."""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from typing import Any, NamedTuple

import requests
from aiokafka.abc import AbstractTokenProvider as AiokafkaProvider
from kafka.net.sasl.oauth import AbstractTokenProvider as KafkaPythonProvider

from schemas.errors import BadConfig, Unavailable
from streams import clock
from streams.config import OAuth, read_secret

SETTING = "broker.security.oauth"
TIMEOUT_SECONDS = 10.0
# RFC 6749 lets a server leave `expires_in` out; then the token is asked for again soon.
LIFETIME_SECONDS_UNSAID = 300.0
# A token is renewed when a fifth of its life is left: a connection takes time, and clocks differ.
RENEW_AT_SHARE = 0.8


class Token(NamedTuple):
    text: str
    expires_at: float  # seconds of the Unix epoch, as librdkafka wants it
    renew_after: float  # elapsed seconds


class Tokens:
    """The token of one client, fetched when it is first needed and again shortly before it expires; thread-safe."""

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth
        self._lock = threading.Lock()
        self._token: Token | None = None

    def token(self) -> Token:
        """Raises BadConfig where the token server refuses us, Unavailable where it is away."""
        with self._lock:
            if self._token is None or clock.elapsed() >= self._token.renew_after:
                self._token = self._fetch()
            return self._token

    def _fetch(self) -> Token:
        oauth = self._oauth
        form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})
        asked_at = clock.elapsed()
        try:
            answer = requests.post(
                oauth.token_url,
                data=form,
                auth=(oauth.client_id, read_secret(oauth.client_secret_file)),
                verify=str(oauth.ca_file) if oauth.ca_file else True,
                timeout=TIMEOUT_SECONDS,
            )
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema, requests.exceptions.InvalidURL):
            raise BadConfig(
                [(f"{SETTING}.token_url", f"is no address of a token server: {oauth.token_url!r}")]
            ) from None
        except requests.exceptions.SSLError as error:
            raise BadConfig(
                [(f"{SETTING}.ca_file", f"the token server's certificate is not trusted: {error}")]
            ) from None
        except OSError as error:  # requests' errors and a CA file that cannot be read
            raise Unavailable(f"Token server {oauth.token_url}", _short(error), f"check {SETTING}.token_url") from None
        return self._read(answer, asked_at)

    def _read(self, answer: requests.Response, asked_at: float) -> Token:
        if answer.status_code in (429, *range(500, 600)):
            raise Unavailable(f"Token server {self._oauth.token_url}", f"it answered {answer.status_code}")
        if answer.status_code != 200:
            why = f"the token server answered {answer.status_code} {_error_word(answer)}".rstrip()
            raise BadConfig([(f"{SETTING}.client_secret_file", f"{why}: check client_id, the secret and the scope")])
        body = _json(answer)
        text, lifetime = body.get("access_token"), body.get("expires_in", LIFETIME_SECONDS_UNSAID)
        if not isinstance(text, str) or not text or not isinstance(lifetime, int | float) or lifetime <= 0:
            raise BadConfig([(f"{SETTING}.token_url", "its answer is no OAuth 2.0 token: access_token, expires_in")])
        return Token(text, clock.now().timestamp() + lifetime, asked_at + RENEW_AT_SHARE * lifetime)


@cache
def tokens(oauth: OAuth) -> Tokens:
    """The one holder of this client's token, shared by all the libraries in the process."""
    return Tokens(oauth)


class ForKafkaPython(KafkaPythonProvider):  # type: ignore[misc]  # untyped base
    def __init__(self, oauth: OAuth) -> None:
        super().__init__()
        self._tokens = tokens(oauth)

    def token(self) -> str:
        return self._tokens.token().text


class ForAiokafka(AiokafkaProvider):  # type: ignore[misc]  # untyped base
    def __init__(self, oauth: OAuth) -> None:
        self._tokens = tokens(oauth)

    async def token(self) -> str:
        return (await asyncio.to_thread(self._tokens.token)).text


def for_confluent(oauth: OAuth) -> Any:
    """The callback of librdkafka: (token, expiry in seconds of the Unix epoch). What it raises becomes an error of the
    client, which asks again after 10 s."""
    holder = tokens(oauth)

    def oauth_cb(_config: str) -> tuple[str, float]:
        token = holder.token()
        return token.text, token.expires_at

    return oauth_cb


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error_word(answer: requests.Response) -> str:
    return str(_json(answer).get("error", ""))[:200]


def _short(error: BaseException) -> str:
    """The innermost reason of a chain of connection errors."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__
