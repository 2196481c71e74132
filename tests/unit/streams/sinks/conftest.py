from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
from standing import KEY, Running

from streams.stand_in import serve


@pytest.fixture
def stand_in() -> Iterator[Running]:
    standing = Running(routing_key=KEY, token="grafana-token")
    loop = asyncio.new_event_loop()
    listening = threading.Event()

    def heard(port: int) -> None:
        standing.port = port
        listening.set()

    task = loop.create_task(serve(standing, "127.0.0.1", 0, heard))

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    yield standing
    loop.call_soon_threadsafe(task.cancel)
    thread.join(10)
    assert not thread.is_alive()
    loop.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "routing-key"
    path.write_text(f"{KEY}\n")
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("grafana-token\n")
    return path


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SSLContext]:
    """A self-signed certificate for localhost, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
