"""JSON in and out, as the stand-ins speak it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

KEPT_MAX = 1_000
Say = Callable[[str], None]


def answer(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)


def read(raw: bytes) -> Any:
    """What the bytes say; None where they are no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
