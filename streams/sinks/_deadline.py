"""One attempt that ends in time whatever the other side does.

A library's timeout limits each wait, not the whole: a server that drips a byte a second holds it for ever, in the
handshake or in the answer. So each attempt has a thread and connections of its own; when time is up the caller goes on
and the connections are shut, which ends the thread.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
CONNECT_SECONDS_MAX = 5.0


class TooSlow(Exception):
    """The whole attempt took longer than it may."""


class Connections:
    """The connections of one attempt, which another thread can shut."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._over = False

    def opened(self, opened: socket.socket) -> None:
        self._sockets.append(opened)
        if self._over:
            _shut(opened)

    def shut(self) -> None:
        """Ends every wait of the attempt, and any that it would still begin."""
        self._over = True
        for opened in self._sockets:
            _shut(opened)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Closes what was noted when the attempt is done, where nobody else does."""
        try:
            yield
        finally:
            for opened in self._sockets:
                opened.close()


def within(seconds: float, connections: Connections, call: Callable[[], T]) -> T:
    """What `call` gives, whose connections are noted in `connections`. Raises TooSlow after `seconds`, and what it
    raises."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # handed over whole
            result.set_exception(error)

    threading.Thread(target=run, name="sink-attempt", daemon=True).start()
    try:
        error = result.exception(timeout=seconds)
    except TimeoutError:
        connections.shut()
        raise TooSlow from None
    if error is not None:
        raise error
    return result.result()


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        # the plain socket's: a TLS socket would first drop the session under the reading thread
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
