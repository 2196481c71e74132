"""The stand-in as the tests of the sinks run it."""

from __future__ import annotations

from streams.stand_in import StandIn

KEY = "0123456789abcdef0123456789abcdef"


class Running(StandIn):
    """The stand-in on a free port, in a thread of its own."""

    port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"
