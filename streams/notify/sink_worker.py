"""Empties the outbox of one sink, an attempt at a time, and records what became of each."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from schemas import topics
from schemas.errors import Unavailable
from schemas.fold import Output, digest
from schemas.notice import Notification
from streams import clock, telemetry, traces
from streams.config import Settings
from streams.notify.outbox import Outbox
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Retry, Sink
from streams.notify.subjects import Subject, incident_id, record_id, subject_id

STOP_SECONDS_MAX = 2.0
# a page is worth more than its record: a bus that is away holds it up no longer
RECORD_SECONDS_MAX = 5.0

T = TypeVar("T")
Keep = Callable[[Output], Awaitable[None]]


class SinkWorker:
    """One sink: its outbox, and the task that empties it one attempt at a time."""

    def __init__(self, sink: Sink, settings: Settings, record: Keep, end: Callable[[], None]) -> None:
        self.outbox = Outbox(sink, settings.notify)
        self._sink = sink
        self._limits = settings.notify
        self._record = record
        self._end = end
        self._unrecorded: dict[str, Notification] = {}
        self._recording = asyncio.Lock()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._last_why = ""
        self._logger = telemetry.logger("notify").bind(sink=sink.name)
        for outcome in (Delivered, Retry, Refused):
            telemetry.SINK_REQUESTS.labels(sink.name, _word(outcome))
        self._measure()

    def start(self) -> None:
        self._task = asyncio.create_task(or_end(self._run(), self._end), name=f"notify {self._sink.name}")

    async def stop(self) -> None:
        if self._task is None:
            return
        self._stopping = True
        self._wake.set()
        await asyncio.wait({self._task}, timeout=STOP_SECONDS_MAX)
        self._task.cancel()
        await asyncio.wait({self._task})

    def forget(self) -> None:
        self.outbox = Outbox(self._sink, self._limits)
        self._measure()

    async def put(self, subject: Subject, trace: str | None = None) -> None:
        skipped = self.outbox.put(subject, clock.elapsed(), clock.now(), trace)
        if skipped is not None:
            self._logger.info("not told", incident=skipped.incident_id, why=skipped.text)
            await self._keep([skipped])
        self._measure()
        self._wake.set()

    async def freshen(self, before: datetime) -> None:
        """Writes anew what was last written before then and goes on: the topic forgets what is old, and an alert whose
        record is forgotten would never be ended."""
        await self._keep(self.outbox.going_on(before))

    async def _run(self) -> None:
        while not self._stopping:
            notice = self.outbox.take(clock.elapsed())
            if notice is None:
                await self._rest(self.outbox.wait_seconds(clock.elapsed()))
            else:
                await self._tell(notice)

    async def _rest(self, seconds: float | None) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _tell(self, notice: Notice) -> None:
        outbox = self.outbox
        trying = outbox.begin(notice, clock.now())
        if trying is not None:
            await self._keep([trying])
        began, since = clock.elapsed(), traces.began()
        outcome = await in_thread(lambda: self._attempt(notice), f"sink-{self._sink.name}")
        taken, about = clock.elapsed() - began, telemetry.exemplar(incident_id(notice.subject))
        telemetry.SINK_REQUEST_SECONDS.labels(self._sink.name).observe(taken, about)
        telemetry.SINK_REQUESTS.labels(self._sink.name, _word(type(outcome))).inc()
        records = outbox.settle(notice, outcome, clock.elapsed(), clock.now(), random.random())  # noqa: S311  # jitter
        self._trace(notice, outcome, since)
        self._say(notice, outcome)
        if outbox is not self.outbox:  # the partitions moved meanwhile
            for record in records:
                self.outbox.remember(record)
        await self._keep(records)
        self._measure()

    def _trace(self, notice: Notice, outcome: Outcome, since: int) -> None:
        if notice.trace is None:
            return
        failed = None if isinstance(outcome, Delivered) else outcome.why
        about = {"what": notice.what, "subject": subject_id(notice.subject)}
        traces.note(f"tell {self._sink.name}", notice.trace, since, about, failed)

    def _attempt(self, notice: Notice) -> Outcome:
        """A sink contains what may go wrong; what it does not is a fault of ours that must not stop the others."""
        try:
            return self._sink.send(notice)
        except Exception as error:
            self._logger.error("a defect of ours in this sink", subject=subject_id(notice.subject), exc_info=True)
            return Refused(f"a defect of ours: {type(error).__name__}")

    async def _keep(self, records: Iterable[Notification]) -> None:
        """Puts the outcomes on the bus; what cannot be written now goes with the next one (newest of each subject)."""
        for record in records:
            self._unrecorded[record_id(record)] = record
        async with self._recording:  # or an older record could follow a newer one
            while self._unrecorded:
                key, record = next(iter(self._unrecorded.items()))
                try:
                    async with asyncio.timeout(RECORD_SECONDS_MAX):
                        await self._record(_output(record))
                except (Unavailable, TimeoutError) as away:
                    self._logger.warning("outcomes are not recorded", why=str(away), waiting=len(self._unrecorded))
                    return
                if self._unrecorded[key] is record:
                    del self._unrecorded[key]

    def _say(self, notice: Notice, outcome: Outcome) -> None:
        about = {"incident": subject_id(notice.subject), "what": notice.what}
        if notice.trace is not None:
            about["trace"] = notice.trace
        match outcome:
            case Delivered() if notice.what == "repeated":
                self._last_why = ""
            case Delivered(reference):
                self._last_why = ""
                self._logger.info("told", reference=reference, **about)
            case Refused(why):
                self._logger.error("refused", why=why, **about)
            case Retry(why) if why != self._last_why:  # said once, not with every attempt
                self._last_why = why
                self._logger.warning("not told yet, tried again", why=why, waiting=len(self.outbox), **about)

    def _measure(self) -> None:
        name = self._sink.name
        telemetry.OUTBOX_NOTICES.labels(name).set(len(self.outbox))
        telemetry.SINK_FAILURES_IN_A_ROW.labels(name).set(self.outbox.failures_in_a_row)
        if self.outbox.dropped:
            telemetry.OUTBOX_DROPPED.labels(name).inc(self.outbox.dropped)
            self._logger.error("the outbox is full: notices are dropped", dropped=self.outbox.dropped)
            self.outbox.dropped = 0


async def in_thread(call: Callable[[], T], name: str) -> T:
    """What the call gives or raises, from a thread of its own that never holds up the end of the process."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def finish(found: T | None, error: BaseException | None) -> None:
        if answer.done():
            return  # nobody waits any more
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)  # type: ignore[arg-type]  # T may be None itself

    def run() -> None:
        found, error = None, None
        try:
            found = call()
        except BaseException as raised:  # handed over whole
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(finish, found, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer


async def or_end(work: Coroutine[Any, Any, None], end: Callable[[], None]) -> None:
    """A task that must not die unseen."""
    try:
        await work
    except Exception as error:
        telemetry.logger("notify").error("a defect of ours: this process ends", error=repr(error), exc_info=True)
        end()


def _word(outcome: type[Outcome]) -> str:
    return outcome.__name__.lower()


def _output(record: Notification) -> Output:
    key = f"{record.sink}|{record_id(record)}"
    identity = digest(key, record.notice_id, record.outcome, record.attempt, record.text)
    return Output(topic=topics.NOTIFICATIONS, key=key, value=record, id=identity, time=record.at)
