"""Contact events off the bus in batches, panes onto it: the thin edge around `detectors.panes`.

One thread with librdkafka: Faust agents would cost 20 to 70 times as much an event. Each source partition has its own
`PanePartition`; `streams.ingest.session` holds the order of effects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from schemas.errors import Unavailable
from streams import clock, telemetry
from streams.config import Settings
from streams.ingest.session import REVOKE_SECONDS_MAX, Session

STOP_SECONDS_MAX = 10.0
RETRY_SECONDS = 1.0
RETRY_SECONDS_MAX = 30.0

LOG = telemetry.logger("ingest")


class IngestStatus(msgspec.Struct, frozen=True):
    """`progress_at`: `clock.elapsed()` when the thread last did something or rightly waited. `joined`: the group has
    dealt out its partitions; where there are more members than partitions, some have none."""

    assigned: int
    caught_up: bool
    lag_records: int
    progress_at: float
    joined: bool = False


class Ingest:
    """Reads all contact topics of the settings in the group `<group_prefix>-ingest`.

    `start` begins the thread, `stop` flushes, commits and leaves the group. Where the broker is away the thread starts
    over with a back-off. It ends by itself only on the operator's mistakes (BadConfig) and on defects: `error` then
    says why. `failpoint(name)` is called between the effects ("written", "acknowledged", "committed"), for kill tests.
    """

    def __init__(self, settings: Settings, failpoint: Callable[[str], object] = str) -> None:
        self._settings = settings
        self._failpoint = failpoint
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._session: Session | None = None
        self._progress_at = clock.elapsed()
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended, or after STOP_SECONDS_MAX and a bit more."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS_MAX + REVOKE_SECONDS_MAX)

    def status(self) -> IngestStatus:
        session = self._session
        if session is None:
            return IngestStatus(0, False, 0, self._progress_at)
        sources = list(session.sources.values())
        return IngestStatus(
            assigned=len(sources),
            caught_up=bool(sources) and all(source.at_end for source in sources),
            lag_records=sum(source.lag for source in sources),
            progress_at=max(session.progress_at, self._progress_at),
            joined=session.joined,
        )

    def _run(self) -> None:
        pause = RETRY_SECONDS
        try:
            while not self._stop.is_set():
                try:
                    self._session = Session(self._settings, self._stop, self._failpoint)
                    self._session.run()
                except Unavailable as error:
                    telemetry.WAITS.labels("ingest").inc()
                    LOG.warning("starts over", why=str(error), retry_seconds=pause)
                    began = clock.elapsed()
                    self._progress_at = began + pause  # to wait is progress
                    self._stop.wait(pause)
                    alive = self._session is not None and self._session.progress_at > began - 2 * pause
                    pause = RETRY_SECONDS if alive else min(pause * 2, RETRY_SECONDS_MAX)
                finally:
                    self._session = None
        except BaseException as error:
            self.error = error
            LOG.error("ends", why=str(error) or repr(error))
