"""The notifier with real sinks: the stand-in's and a file."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from notice_examples import AT, incident, load_shift, resolved, staffing_alert
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from schemas.errors import Unavailable
from schemas.fold import Output
from schemas.notice import Notification
from streams import config, telemetry
from streams.config import Settings
from streams.notify import sink_worker
from streams.notify.role import Notifier, Seen
from streams.notify.sink import Delivered, Notice, Outcome
from streams.notify.sink_worker import in_thread
from streams.sinks.file import LinesSink
from streams.sinks.pagerduty import PagerDutySink
from streams.stand_in import Fault, StandIn, serve

KEY = "0123456789abcdef0123456789abcdef"


class Bench:
    """A notifier that sends to the stand-in and to a file, and the outcomes that it recorded."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder = folder
        self.limits = {"backoff_seconds": 0.05, "backoff_seconds_max": 0.1, "change_interval_seconds": 0, **limits}
        self.stand_in = StandIn(routing_key=KEY)
        self.outputs: list[Output] = []
        self.away = False
        self.ended = False

    @property
    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in (self.folder / "notices.jsonl").read_bytes().splitlines()]

    @property
    def records(self) -> list[Notification]:
        return [output.value for output in self.outputs if isinstance(output.value, Notification)]

    def outcomes(self, sink: str) -> list[str]:
        return [record.outcome for record in self.records if record.sink == sink]

    async def record(self, output: Output) -> None:
        if self.away:
            raise Unavailable("the broker", "gone")
        self.outputs.append(output)

    def end(self) -> None:
        self.ended = True

    def settings(self, address: str) -> Settings:
        (self.folder / "key").write_text(KEY)
        sinks = {
            "pagerduty": {"routing_key_file": self.folder / "key", "base_url": f"{address}/v2", "deadline_seconds": 1},
            "file": {"path": self.folder / "notices.jsonl"},
        }
        return config.load(environment={}, notify={**sinks, **self.limits})

    def run(self, script: Callable[[Notifier], Awaitable[None]]) -> None:
        """One life of the process."""

        async def life() -> None:
            listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            server = asyncio.create_task(serve(self.stand_in, "127.0.0.1", 0, listening.set_result))
            notifier = Notifier(self.settings(f"http://127.0.0.1:{await listening}"), self.record, end=self.end)
            await notifier.start()
            try:
                await script(notifier)
            finally:
                await notifier.stop()
                server.cancel()
                await asyncio.wait({server})

        asyncio.run(life())
        assert not self.ended


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Fails where the condition does not come true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the conditions are the outside world's
            await asyncio.sleep(0.01)


def test_an_incident_reaches_every_sink_once_and_each_outcome_the_bus(bench: Bench) -> None:
    async def script(notifier: Notifier) -> None:
        for revision in range(1, 6):
            await notifier.handle([incident(revision), staffing_alert(1)])
        await until(lambda: len(bench.lines) == 2 and bench.stand_in.pager.pages == 1)
        await notifier.handle([resolved()])
        await until(lambda: len(bench.lines) == 3 and not bench.stand_in.pager.open)
        await until(lambda: len(bench.outputs) == 10)

    bench.run(script)

    assert bench.outcomes("pagerduty") == ["trying", "delivered"] * 2
    assert [line["what"] for line in bench.lines] == ["opened", "opened", "resolved"]
    assert len({output.id for output in bench.outputs}) == len(bench.outputs)
    keys = {output.key for output in bench.outputs}
    one = incident().incident_id
    assert keys == {f"pagerduty|{one}", f"file|{one}", f"file|{one}|chat/billing"}


def test_a_slow_pager_slows_no_other_sink_and_no_reader(bench: Bench) -> None:
    async def script(notifier: Notifier) -> None:
        # neither the reader nor the file waits for the pager, which answers only afterwards
        await notifier.handle([incident(1, incident_id=f"i{n}") for n in range(20)])
        await until(lambda: len(bench.lines) == 20)
        assert bench.stand_in.pager.pages == 0
        gate.set()
        await until(lambda: bench.stand_in.pager.pages == 20)

    gate = threading.Event()
    whole = PagerDutySink.send

    def slowly(self: PagerDutySink, notice: Notice) -> Outcome:
        gate.wait(60)
        return whole(self, notice)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PagerDutySink, "send", slowly)
        bench.run(script)


def test_an_outage_of_the_pager_ends_with_what_is_still_true(bench: Bench) -> None:
    bench.stand_in.faults = [Fault(times=6, status=503)]

    async def script(notifier: Notifier) -> None:
        await notifier.handle([incident(1), incident(1, incident_id="short")])
        await until(lambda: bench.outcomes("pagerduty").count("retry") >= 2)
        await notifier.handle([incident(2, severity="error"), resolved(2, incident_id="short")])
        await until(lambda: len(bench.stand_in.pager.open) == 1 and "resolved" in [r.what for r in bench.records])
        await until(lambda: bench.outcomes("pagerduty").count("delivered") == 2)

    bench.run(script)

    assert bench.stand_in.pager.pages == 1
    assert list(bench.stand_in.pager.open) == [incident().incident_id]
    (alert,) = bench.stand_in.pager.open.values()
    assert [event["payload"]["severity"] for event in alert["events"]] == ["error"]


def test_a_restart_tells_nothing_twice_and_goes_on_where_it_was(bench: Bench) -> None:
    async def first(notifier: Notifier) -> None:
        await notifier.handle([incident(1), incident(1, incident_id="other")])
        await until(lambda: bench.outcomes("pagerduty").count("delivered") == 2 and len(bench.lines) == 2)
        await until(lambda: bench.outcomes("file").count("delivered") == 2)

    bench.run(first)
    newest = {output.key: output.value for output in bench.outputs}
    told_before = len(bench.outputs)

    async def second(notifier: Notifier) -> None:
        seen = [Seen(incident(4), AT), Seen(resolved(5, incident_id="other"), AT)]
        await notifier.restore(seen, [v for v in newest.values() if isinstance(v, Notification)], AT)
        await notifier.handle([incident(2), incident(3, incident_id="other"), incident(4)])  # delivered again
        await until(lambda: len(bench.stand_in.pager.open) == 1 and len(bench.lines) == 3)
        await until(lambda: len(bench.outputs) == told_before + 4)

    bench.run(second)

    assert bench.stand_in.pager.pages == 2
    assert bench.lines[-1]["what"] == "resolved"
    assert bench.lines[-1]["data"]["incident_id"] == "other"


def test_the_alert_of_an_incident_that_outlives_what_the_topics_keep_is_ended_all_the_same(bench: Bench) -> None:
    now = datetime.now(UTC)

    async def first(notifier: Notifier) -> None:
        await notifier.handle([incident(1), incident(1, incident_id="over"), load_shift()])
        await until(lambda: all(bench.outcomes(sink).count("delivered") == 3 for sink in ("pagerduty", "file")))
        await notifier.handle([resolved(2, incident_id="over")])
        await until(lambda: all(bench.outcomes(sink).count("delivered") == 4 for sink in ("pagerduty", "file")))

    bench.run(first)
    old = {key: msgspec.structs.replace(one, at=now - timedelta(days=60)) for key, one in newest(bench).items()}
    bench.outputs.clear()

    async def freshened(notifier: Notifier) -> None:
        await notifier.restore([], [old[key] for key in sorted(old)], now)
        await until(lambda: len(bench.outputs) == 2)

    bench.run(freshened)
    assert {output.key for output in bench.outputs} == {
        f"{sink}|{incident().incident_id}" for sink in ("file", "pagerduty")
    }
    assert all(output.value == old[output.key] for output in bench.outputs)

    async def ended(notifier: Notifier) -> None:
        await notifier.restore([], list(newest(bench).values()), now)
        await notifier.handle([resolved(9)])
        await until(lambda: not bench.stand_in.pager.open)

    bench.run(ended)
    assert bench.stand_in.pager.pages == 2


def newest(bench: Bench) -> dict[str, Notification]:
    return {output.key: output.value for output in bench.outputs if isinstance(output.value, Notification)}


def test_a_sink_that_is_new_does_not_tell_the_history_but_what_comes(bench: Bench) -> None:
    async def script(notifier: Notifier) -> None:
        old, fresh = AT - timedelta(days=3), AT - timedelta(hours=2)
        seen = [Seen(incident(3, incident_id="old"), old), Seen(incident(3, incident_id="fresh"), fresh)]
        await notifier.restore(seen, [], AT)
        await until(lambda: len(bench.lines) == 1)
        await notifier.handle([incident(4, incident_id="old")])
        await until(lambda: len(bench.lines) == 2)

    bench.run(script)

    assert [line["data"]["incident_id"] for line in bench.lines] == ["fresh", "old"]


def test_outcomes_that_cannot_be_recorded_now_are_recorded_later(bench: Bench) -> None:
    async def script(notifier: Notifier) -> None:
        bench.away = True
        await notifier.handle([incident(1, incident_id="a")])
        await until(lambda: bench.stand_in.pager.pages == 1 and len(bench.lines) == 1)
        bench.away = False
        await notifier.handle([incident(1, incident_id="b")])
        await until(lambda: bench.stand_in.pager.pages == 2)
        await until(lambda: len([r for r in bench.records if r.outcome == "delivered"]) == 4)

    bench.run(script)
    told = sorted((record.sink, record.incident_id) for record in bench.records if record.outcome == "delivered")
    assert told == [(sink, name) for sink in ("file", "pagerduty") for name in ("a", "b")]


def test_a_bus_that_hangs_holds_up_no_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_worker, "RECORD_SECONDS_MAX", 0.1)

    async def hanging(_output: Output) -> None:
        await asyncio.Event().wait()

    bench.record = hanging  # type: ignore[method-assign]

    async def script(notifier: Notifier) -> None:
        await notifier.handle([incident(1)])
        await until(lambda: bench.stand_in.pager.pages == 1)

    bench.run(script)
    assert bench.records == []


def test_a_wrong_key_is_one_clear_refusal_and_is_tried_again_after_the_next_start(bench: Bench) -> None:
    bench.stand_in.pager_service.routing_key = "f" * 32

    async def script(notifier: Notifier) -> None:
        await notifier.handle([incident(1)])
        await until(lambda: "refused" in bench.outcomes("pagerduty"))
        await notifier.handle([incident(2), incident(3)])
        await asyncio.sleep(0.2)

    bench.run(script)
    assert bench.outcomes("pagerduty") == ["trying", "refused"]
    assert len(bench.stand_in.requests) == 1
    refused = [record for record in bench.records if record.outcome == "refused"]
    assert refused[0].text.startswith("notify.pagerduty.routing_key_file: the event was not accepted (400)")

    bench.stand_in.pager_service.routing_key = KEY

    async def repaired(notifier: Notifier) -> None:
        await notifier.restore([Seen(incident(3), AT)], refused, AT)
        await until(lambda: bench.stand_in.pager.pages == 1)

    bench.run(repaired)


def test_an_attempt_on_its_way_when_the_partitions_move_is_not_made_again(bench: Bench) -> None:
    async def script(notifier: Notifier) -> None:
        gate.clear()
        await notifier.handle([incident(1)])
        await until(lambda: "trying" in bench.outcomes("file"))
        notifier.dropped()
        await notifier.restore([Seen(incident(1), AT)], [], AT)
        gate.set()
        await until(lambda: "delivered" in bench.outcomes("file"))
        await asyncio.sleep(0.2)
        assert bench.outcomes("file") == ["trying", "delivered"]

    gate = threading.Event()
    whole = LinesSink.send

    def slowly(self: LinesSink, notice: Notice) -> Outcome:
        gate.wait(5)
        return whole(self, notice)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LinesSink, "send", slowly)
        bench.run(script)


def test_a_fault_of_ours_in_one_sink_stops_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: LinesSink, notice: Notice) -> Outcome:
        raise ZeroDivisionError

    monkeypatch.setattr(LinesSink, "send", broken)

    async def script(notifier: Notifier) -> None:
        await notifier.handle([incident(1)])
        await until(lambda: bench.stand_in.pager.pages == 1 and "refused" in bench.outcomes("file"))

    bench.run(script)
    assert "delivered" not in bench.outcomes("file")


def test_without_sinks_it_says_so_once_and_does_nothing() -> None:
    async def script() -> None:
        notifier = Notifier(Settings(), _never, end=_never_end)
        await notifier.start()
        await notifier.handle([incident(n) for n in range(1, 50)])
        assert notifier.recovered()
        assert notifier.full() == []
        await notifier.stop()

    with capture_logs() as logged:
        asyncio.run(script())

    assert [line["event"] for line in logged] == ["no sink is set under `notify`: nobody is told of incidents"]


def test_a_full_outbox_is_known_and_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, outbox_notices_max=3, backoff_seconds=60, backoff_seconds_max=60)
    bench.stand_in.faults = [Fault(times=1000, status=503)]

    async def script(notifier: Notifier) -> None:
        await notifier.handle([incident(1, incident_id=f"i{n}") for n in range(8)])
        assert "pagerduty" in notifier.full()
        await until(lambda: len(bench.lines) >= 3)

    bench.run(script)

    shown = generate_latest(telemetry.REGISTRY).decode()
    assert 'breakwater_outbox_dropped_total{sink="pagerduty"}' in shown
    assert 'breakwater_sink_requests_total{outcome="retry",sink="pagerduty"}' in shown


def test_a_defect_in_our_own_recording_ends_the_process_rather_than_go_quiet(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def broken(output: Output) -> None:
        raise ZeroDivisionError

    bench.record = broken  # type: ignore[method-assign]

    async def script(notifier: Notifier) -> None:
        await notifier.handle([incident(1)])
        await until(lambda: bench.ended)
        bench.ended = False  # as it should

    bench.run(script)
    assert bench.records == []


def test_a_call_that_hangs_for_ever_does_not_hold_up_the_end() -> None:
    async def script() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await in_thread(_hang, "hanging")

    asyncio.run(script())
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "hanging"] == [True]


def _hang() -> Outcome:
    time.sleep(3)
    return Delivered()


async def _never(_output: Output) -> None:
    raise AssertionError("nothing is recorded")


def _never_end() -> None:
    raise AssertionError("nothing ends the process")
