"""`breakwater stand-in`: somebody to page in a rehearsal."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import click

from schemas.errors import Unavailable
from streams.stand_in import StandIn, serve


@click.command("stand-in")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
def command(host: str, port: int) -> None:
    """Stands in for PagerDuty, Grafana and a webhook, and prints what they would have got.

    For rehearsals only. Point the sinks at it: `notify.pagerduty.base_url: http://HOST:PORT/v2`, `notify.grafana.url:
    http://HOST:PORT`, `notify.webhook.url: http://HOST:PORT/webhook`; any routing key of 32 characters and any token
    will do. GET / shows its state, POST /faults makes it misbehave: [{"times": 3, "status": 429}].
    """
    stand_in = StandIn(say=click.echo)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the first process of a container ignores it otherwise
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(stand_in, host, port, lambda port: click.echo(f"stand-in on http://{host}:{port}")))
        except OSError as error:
            raise Unavailable(f"port {port}", error.strerror or str(error), "choose another with --port") from None
