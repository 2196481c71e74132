"""Tokens by client credentials, against a token server on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from schemas.errors import BadConfig, Unavailable
from streams import clock, oauth
from streams.config import OAuth


class TokenServer(HTTPServer):
    """Answers with what the test wants, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.body: Any = {"access_token": "token-1", "token_type": "Bearer", "expires_in": 100}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/token"


class _Answer(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.asked.append((self.headers.get("authorization", ""), form))
        self.send_response(self.server.status)
        self.end_headers()
        body = self.server.body
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def client(server: TokenServer, tmp_path: Path) -> OAuth:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    return OAuth(token_url=server.url, client_id="breakwater", client_secret_file=secret, scope="kafka")


def test_a_token_is_asked_for_as_the_standard_says(server: TokenServer, client: OAuth) -> None:
    token = oauth.Tokens(client).token()
    assert token.text == "token-1"
    assert token.expires_at == pytest.approx(clock.now().timestamp() + 100, abs=5)
    ((login, form),) = server.asked
    assert login == "Basic YnJlYWt3YXRlcjpzM2NyZXQ="  # breakwater:s3cret
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}


def test_one_token_serves_all_libraries_until_a_fifth_of_its_life_is_left(
    server: TokenServer, client: OAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(clock, "elapsed", lambda: now)
    assert oauth.for_confluent(client)("")[0] == "token-1"
    assert oauth.ForKafkaPython(client).token() == "token-1"
    assert asyncio.run(oauth.ForAiokafka(client).token()) == "token-1"
    assert len(server.asked) == 1

    server.body = {"access_token": "token-2", "expires_in": 100}
    now = 1_079.0
    assert oauth.ForKafkaPython(client).token() == "token-1"
    now = 1_081.0
    assert oauth.ForKafkaPython(client).token() == "token-2"
    assert asyncio.run(oauth.ForAiokafka(client).token()) == "token-2"
    assert len(server.asked) == 2


def test_a_token_without_a_lifetime_is_kept_for_minutes_only(server: TokenServer, client: OAuth) -> None:
    server.body = {"access_token": "t"}
    token = oauth.Tokens(client).token()
    assert token.expires_at - clock.now().timestamp() == pytest.approx(300, abs=5)


@pytest.mark.parametrize(
    ("status", "body", "setting", "words"),
    [
        (401, {"error": "invalid_client"}, "client_secret_file", "401 invalid_client"),
        (400, b"<html>", "client_secret_file", "answered 400"),
        (200, {"token": "x"}, "token_url", "no OAuth 2.0 token"),
        (200, b"not json", "token_url", "no OAuth 2.0 token"),
        (200, {"access_token": "x", "expires_in": "soon"}, "token_url", "no OAuth 2.0 token"),
    ],
)
def test_a_refusal_names_the_setting_and_never_the_secret(
    server: TokenServer, client: OAuth, status: int, body: Any, setting: str, words: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(BadConfig) as raised:
        oauth.Tokens(client).token()
    ((where, what),) = raised.value.problems
    assert where == f"broker.security.oauth.{setting}"
    assert words in what
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_token_server_in_trouble_is_waited_for(server: TokenServer, client: OAuth, status: int) -> None:
    server.status = status
    with pytest.raises(Unavailable, match=str(status)):
        oauth.Tokens(client).token()


def test_a_token_server_that_is_away_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    client = OAuth(token_url="http://127.0.0.1:9/token", client_id="b", client_secret_file=tmp_path / "secret")
    with pytest.raises(Unavailable, match="Connection refused") as raised:
        oauth.Tokens(client).token()
    assert "\n" not in str(raised.value)


def test_an_address_that_is_none_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    client = OAuth(token_url="idp.example/token", client_id="b", client_secret_file=tmp_path / "secret")
    with pytest.raises(BadConfig, match="token_url"):
        oauth.Tokens(client).token()
