"""Servers that no HTTP library would let us write: raw sockets on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def dripping(first: bytes, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[int]]]:
    """Answers `first`, then a byte every 0.05 s for ever. Gives its port, and the number of connections held now."""
    held: list[int] = []
    with _listening() as listener:

        def serve(connection: socket.socket) -> None:
            held.append(1)
            with contextlib.suppress(OSError), contextlib.closing(connection):
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                connection.recv(65_536)
                connection.sendall(first)
                while True:
                    time.sleep(0.05)
                    connection.sendall(b"x")
            held.pop()

        _accept(listener, serve)
        yield listener.getsockname()[1], held


@contextmanager
def silent() -> Iterator[int]:
    """Accepts and never says a word, not even a handshake's. Gives its port."""
    with _listening() as listener:
        kept: list[socket.socket] = []
        _accept(listener, kept.append)
        yield listener.getsockname()[1]
        for connection in kept:
            connection.close()


def closed_port() -> int:
    """A port that nobody listens on."""
    with _listening() as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def _listening() -> Iterator[socket.socket]:
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        yield listener
    finally:
        listener.close()


def _accept(listener: socket.socket, serve: object) -> None:
    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()  # type: ignore[arg-type]

    threading.Thread(target=run, daemon=True).start()
