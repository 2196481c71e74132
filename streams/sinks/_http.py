"""One HTTP attempt, and what its answer means."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from schemas.errors import BadConfig
from streams import clock
from streams.config import read_secret
from streams.notify.sink import Refused, Retry, one_line, secret
from streams.sinks._deadline import CONNECT_SECONDS_MAX, Connections, TooSlow, within

ANSWER_BYTES_MAX = 65_536
RETRY_AFTER_SECONDS_MAX = 3600.0

T = TypeVar("T")


class Attempt(HTTPAdapter):
    """Opens the connections of one attempt and notes them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.connections = Connections()
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self.connections.opened)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.headers["Connection"] = "close"
        kwargs["timeout"] = (min(CONNECT_SECONDS_MAX, self.seconds), self.seconds)
        return super().send(request, *args, **kwargs)


def _pools(opened: Callable[[socket.socket], None]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            opened(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()  # the handshake as a whole obeys the connect limit
            opened(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def session(attempt: Attempt, ca_file: Path | None) -> requests.Session:
    """A session of this attempt alone, with nothing from the environment. Call it with `allow_redirects=False`."""
    return prepare(requests.Session(), attempt, ca_file)


def prepare(made: requests.Session, attempt: Attempt, ca_file: Path | None) -> requests.Session:
    """The same for a session that a client library made."""
    made.trust_env = False
    made.mount("http://", attempt)
    made.mount("https://", attempt)
    if ca_file is not None:
        made.verify = str(ca_file)
    return made


class Answer(NamedTuple):
    """What came back; of the text only the beginning."""

    status: int
    headers: Mapping[str, str]
    text: str


def post(
    attempt: Attempt, url: str, body: Any, ca_file: Path | None, headers: Mapping[str, str] | None = None
) -> Answer:
    """A POST of JSON (or of bytes that are), without following a redirect. Raises what requests raises."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    sent = {"Content-Type": "application/json", **(headers or {})}
    with (
        session(attempt, ca_file) as one,
        one.post(url, data=raw, headers=sent, allow_redirects=False, stream=True) as response,
    ):
        text = response.raw.read(ANSWER_BYTES_MAX, decode_content=True) or b""
        return Answer(response.status_code, response.headers, bytes(text).decode("utf-8", "replace"))


def contained(setting: str, deadline_seconds: float, call: Callable[[Attempt], T]) -> T | Retry | Refused:
    """What one attempt gives; whatever goes wrong on the way becomes an outcome that names `setting`."""
    try:
        attempt = Attempt(deadline_seconds)
        return within(deadline_seconds, attempt.connections, lambda: call(attempt))
    except TooSlow:
        return Retry(f"{setting}: no whole answer within {deadline_seconds:g} s")
    except requests.exceptions.SSLError as error:
        return Retry(f"{setting}: TLS failed: {_cause(error)}; is its `ca_file` right?")
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
        return Refused(f"{setting}: is no address that can be called")
    except requests.exceptions.ConnectTimeout:
        return Retry(f"{setting}: no connection within {min(CONNECT_SECONDS_MAX, deadline_seconds):g} s")
    except requests.exceptions.RequestException as error:
        return Retry(f"{setting}: {_cause(error)}")
    except (OSError, TypeError, ValueError) as error:
        return Retry(f"{setting}: {type(error).__name__} on its answer: {one_line(str(error), 120)}")


def judge(setting: str, status: int, headers: Mapping[str, str], text: str) -> Retry | Refused:
    """What an answer that is no success means."""
    where = headers.get("Location")
    if 300 <= status < 400:
        target = urlsplit(where).netloc if where else ""
        return Refused(
            f"{setting}: answers {status}, a redirect{f' to {target}' if target else ''}: set the final address"
        )
    why = f"{setting}: answers {status}{f': {one_line(text, 160)}' if text.strip() else ''}"
    if status in (408, 425, 429) or status >= 500:
        return Retry(why, retry_after(headers))
    return Refused(why)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, in either of its forms; at most an hour."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(int(text)) if text.isdigit() else (parsedate_to_datetime(text) - clock.now()).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)


def checked_url(setting: str, url: str) -> str:
    """An http(s) address without a slash at its end. Raises BadConfig."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or any(c.isspace() for c in url):
        raise BadConfig([(setting, f"must be an address such as https://host/path (got {url!r})")])
    if parts.username or parts.password:
        raise BadConfig([(setting, "must not hold a password: secrets have files of their own")])
    return url.rstrip("/")


def secret_url(setting: str, path: Path) -> str:
    """An address that is a secret itself, from its file. Raises BadConfig, which never shows it."""
    text = secret(setting, lambda: read_secret(path))
    try:
        return checked_url(setting, text)
    except BadConfig:
        raise BadConfig([(setting, "does not hold an address such as https://host/path")]) from None


def checked_file(setting: str, path: Path | None) -> Path | None:
    """A file that must be there. Raises BadConfig."""
    if path is not None and not path.is_file():
        raise BadConfig([(setting, f"{path}: no such file")])
    return path


def _cause(error: BaseException) -> str:
    """The innermost reason, in one line: the libraries wrap it several times."""
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None)
        inner = (
            inner
            if isinstance(inner, BaseException)
            else next((a for a in seen.args if isinstance(a, BaseException)), None)
        )
        if inner is None:
            break
        seen = inner
    text = str(seen)
    # urllib3 begins with its object's address
    text = text.split(">: ", 1)[1] if ">: " in text else text
    text = text.split("): ", 1)[1] if text.startswith(("HTTP", "Plain(", "Secure(")) and "): " in text else text
    return one_line(text, 160) or type(seen).__name__
