"""`breakwater worker`: plays one role, several or all of them against a Kafka."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from schemas.errors import BadConfig, Unavailable
from streams import app, telemetry, traces
from streams.cli._options import config_option
from streams.config import ROLES, Role, Settings, load


@click.command("worker")
@click.option(
    "--role",
    "named",
    multiple=True,
    default=("all",),
    show_default=True,
    help=f"all, or any of {', '.join(ROLES)}; several with commas or by giving it again.",
)
@config_option
@click.option("--allow-embedded", is_flag=True, help="Run on the in-memory broker of the demo, which keeps nothing.")
def command(named: tuple[str, ...], config_path: Path | None, allow_embedded: bool) -> None:
    """Counts, detects, responds, tells and shows: the roles of one process.

    Every role has its own consumer group, so that each scales apart. Ends with 0 on SIGTERM, with 1 when something of
    ours failed, with 2 when the settings, a login or a topic are wrong. A broker that is away is waited for.
    """
    roles = chosen(named)
    settings = load(config_path)
    if settings.broker.profile == "embedded" and not allow_embedded:
        fix = "point broker.bootstrap at a Kafka and set `profile: production`, or give --allow-embedded"
        raise BadConfig([("broker.profile", f"the embedded broker is in memory and keeps nothing: {fix}")])
    telemetry.configure_logging(settings.log_format)
    traces.configure(settings.traces)
    logger = telemetry.logger("worker")
    logger.info("starting", roles=",".join(roles), brokers=",".join(settings.broker.bootstrap))
    error = asyncio.run(run(settings, roles))
    if isinstance(error, BadConfig | Unavailable):
        raise error
    if error is not None:
        logger.error("this process ends", why=repr(error))
        raise SystemExit(1)
    traces.use(None)
    logger.info("stopped")


def chosen(named: tuple[str, ...]) -> tuple[Role, ...]:
    """The roles that were asked for, in the order of the path. Raises click's error for a name that is none."""
    asked = {name.strip() for text in named for name in text.split(",") if name.strip()}
    unknown = asked - {"all", *ROLES}
    if unknown or not asked:
        raise click.BadParameter(f"{', '.join(sorted(unknown)) or 'nothing'} is no role", param_hint="--role")
    return tuple(role for role in ROLES if "all" in asked or role in asked)


async def run(settings: Settings, roles: tuple[Role, ...]) -> BaseException | None:
    """Runs until a signal or a failure; returns the failure."""
    worker = app.build(settings, roles)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        starting = asyncio.create_task(worker.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            telemetry.logger("worker").info("running", roles=",".join(roles), page=worker.web.url)
            await worker.wait_for_stopped(stop.wait())
        else:
            starting.cancel()
    except Exception as error:
        worker.crash_reason = error
    await worker.stop()
    reason: BaseException | None = worker.crash_reason
    return reason
