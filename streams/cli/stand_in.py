"""`breakwater stand-in`: somebody to page in a rehearsal."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import click

from schemas.errors import BadConfig, Unavailable
from streams.stand_in import StandIn, serve


@click.command("stand-in")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--mail-port", type=click.IntRange(0, 65535), help="Takes mail there too (needs the extra `demo`).")
def command(host: str, port: int, mail_port: int | None) -> None:
    """Stands in for whom the sinks tell, and prints what they would have got.

    For rehearsals only. Point the sinks at it: `notify.pagerduty.base_url: http://HOST:PORT/v2`, `notify.grafana.url`
    and `notify.alertmanager.url: http://HOST:PORT`, `notify.webhook.url: http://HOST:PORT/webhook`, the addresses of
    Slack and Teams http://HOST:PORT/slack/any and /teams/any, `notify.mail: {host: HOST, port: MAIL_PORT, security:
    none}`; any routing key of 32 characters and any token will do. GET / shows its state, POST /faults makes it
    misbehave: [{"times": 3, "status": 429}].
    """
    stand_in = StandIn(say=click.echo)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the first process of a container ignores it otherwise
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_stand_in(stand_in, host, port, mail_port))


async def _stand_in(stand_in: StandIn, host: str, port: int, mail_port: int | None) -> None:
    if mail_port is not None:
        try:
            server = await stand_in.post.listen(host, mail_port)
        except ImportError:
            raise BadConfig([("--mail-port", "needs the extra `demo`: pip install 'breakwater[demo]'")]) from None
        except OSError as error:
            raise _taken(mail_port, error, "--mail-port") from None
        click.echo(f"mail on {host}:{server.sockets[0].getsockname()[1]}")
    try:
        await serve(stand_in, host, port, lambda port: click.echo(f"stand-in on http://{host}:{port}"))
    except OSError as error:
        raise _taken(port, error, "--port") from None


def _taken(port: int, error: OSError, option: str) -> Unavailable:
    return Unavailable(f"port {port}", error.strerror or str(error), f"choose another with {option}")
