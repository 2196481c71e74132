"""A worker through a scripted outage, scraped by a real Prometheus: every panel shows something, the metrics keep the
rules of their trade, and a sink that fails becomes one page of the pager that resolves."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from drills import history, retailer
from drills.traffic import Traffic
from schemas import topics
from schemas.decision import CommandResult
from schemas.health import ToolHealth
from schemas.pane import PaneRecord
from streams import broker, config, demo, learned, player
from streams.child import WorkerProcess
from streams.embedded import EmbeddedBroker
from streams.stand_in import Fault, StandIn, serve
from tests import dashboard_rules as rules
from tests import observatory
from tests.observatory import Alertmanager, Prometheus, fetch, wait_for
from tools.kafka import free_port

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]

BEFORE, AFTER = timedelta(minutes=8), timedelta(minutes=30)  # around the break: the incident is open at the end
SPEED = 150.0
RATE_INTERVAL = "5s"


class Seen(msgspec.Struct):
    """The session: what ran, and since when."""

    prometheus: Prometheus
    worker_url: str
    sinks: StandIn
    pager: StandIn
    began: float
    incident: str


class Served:
    """A stand-in in a thread of its own."""

    def __init__(self) -> None:
        self.stand_in = StandIn()
        self._loop = asyncio.new_event_loop()
        self._port = 0
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._listening.wait(10)
        self.url = f"http://127.0.0.1:{self._port}"

    def _run(self) -> None:
        def listening(port: int) -> None:
            self._port = port
            self._listening.set()

        self._task = self._loop.create_task(serve(self.stand_in, "127.0.0.1", 0, listening))
        self._loop.run_until_complete(asyncio.wait({self._task}))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    observatory.need("prometheus", "prometheus-alertmanager")
    folder, began = tmp_path_factory.mktemp("seen"), time.time()
    sinks, pager = Served(), Served()
    sinks.stand_in.faults.append(Fault(times=1_000, status=503))
    port = free_port()
    with EmbeddedBroker() as running:
        tree = demo.settings_tree(running.bootstrap, real=False, port=port, folder=folder)
        tree["notify"] |= {"webhook": {"url": f"{sinks.url}/webhook"}, "backoff_seconds": 0.2, "backoff_seconds_max": 1}
        config.write_yaml(folder / "seen.yaml", tree)
        settings = config.load(folder / "seen.yaml", environment={})
        broker.apply_topics(settings)
        source = learned.source_of(retailer.TENANT)
        known = learned.learn(settings, (retailer.centre(), *ordinary_days()), source)
        asyncio.run(learned.leave(settings, source, known))
        demo.publish(settings, topics.CENTRE, [retailer.centre()])
        url = f"http://127.0.0.1:{port}"
        worker = WorkerProcess(folder / "seen.yaml", folder / "worker.log", url, allow_embedded=True)
        alertmanager = Alertmanager(folder / "alertmanager", pager.url)
        prometheus = Prometheus(folder / "prometheus", url, alertmanager.url)
        worker.start()
        try:
            with (
                observatory.running(alertmanager, folder / "alertmanager.log"),
                observatory.running(prometheus, folder / "prometheus.log"),
            ):
                worker.await_ready()
                _play(settings)
                about = 'breakwater_incident_opened_timestamp_seconds{cause="telephony"}'
                wait_for(lambda: prometheus.now(about), "telephony is the cause of an incident")
                (incident,) = [series["metric"]["incident_id"] for series in prometheus.now(about)]
                yield Seen(prometheus, url, sinks.stand_in, pager.stand_in, began, incident)
        finally:
            worker.stop()
            sinks.stop()
            pager.stop()


def day() -> demo.Day:
    breaks = demo.tuesday().breaks
    return demo.Day(start=breaks - BEFORE, breaks=breaks, end=breaks + AFTER)


def ordinary_days() -> Iterator[PaneRecord]:
    """The same weekday a week ago, and the day before: a series that is a week old may wake people."""
    for begin, until in ((timedelta(days=8), timedelta(days=7)), (timedelta(days=1), timedelta())):
        traffic = Traffic(retailer.QUEUES, retailer.TIME_ZONE, demo.SEED, day().start - begin, day().end)
        yield from history.panes(retailer.TENANT, demo.SOURCE, traffic, demo.SEED, day().start - until)


def _play(settings: config.Settings) -> None:
    """The outage's first half hour, what a probe measured, the platform's answer, and records that nobody can read."""
    start, end = day().start, day().end
    lanes = [player.lane(retailer.TENANT, name, channel) for name, channel in sorted(settings.channels.items())]
    records = player.sendings(demo.happenings_of(day()), lanes, demo.SOURCE, start, end)
    slow = ToolHealth(
        tenant=retailer.TENANT, tool="bot", at=start, state="degraded", latency_seconds=1.8, text="slow answers"
    )
    answer = CommandResult(command_id="of-no-command-of-ours", tenant=retailer.TENANT, at=start, state="refused")
    demo.publish(settings, topics.TOOL_HEALTH, [slow])
    demo.publish(settings, topics.COMMAND_RESULTS, [answer])
    producer = Producer(player.producer_settings(settings))
    pace = player.Pace(SPEED)

    def and_rubbish() -> Iterator[player.Sending]:
        for n, record in enumerate(records):
            if n % 200 == 0:
                producer.produce(settings.topic_name("contact-events.chat"), b"{not json", b"demo|billing")
            yield record

    player.Player(settings, pace).play(and_rubbish())
    assert producer.flush(10) == 0


def queries() -> list[rules.Asked]:
    return [asked for board in rules.boards().values() for asked in rules.asked(board)]


def choices(seen: Seen, asked: rules.Asked) -> Iterator[dict[str, str]]:
    """The values of the dashboard's variables; a panel that is repeated is asked for each of its values."""
    prometheus = seen.prometheus
    channels, queues = ["chat"], [".*"]
    if '="$channel"' in asked.expression:
        channels = prometheus.values_of("channel", "breakwater_expected_arrivals_per_minute")
        assert len(channels) >= 5
    if '="$queue"' in asked.expression:
        queues = prometheus.values_of("queue", "breakwater_queue_expected_arrivals_per_minute")
        assert len(queues) >= 5
    for channel, queue in itertools.product(channels, queues):
        yield {
            "tenant": retailer.TENANT,
            "channel": channel,
            "queue": queue,
            "tool": ".*",
            "incident": seen.incident,
        }


def shown(seen: Seen, expression: str, patience: float) -> list[Any]:
    """The expression's series: on a busy machine scrapes come late, and a rate needs two of them; until `patience`
    ends they are waited for."""
    while not (found := seen.prometheus.over(expression, seen.began)) and time.monotonic() < patience:
        time.sleep(1)
    return found


def test_every_panel_of_every_dashboard_shows_something_and_its_legend_names_labels(seen: Seen) -> None:
    wrong, patience = [], time.monotonic() + 60
    for asked in queries():
        for values in choices(seen, asked):
            expression = rules.filled(asked.expression, values, step=RATE_INTERVAL)
            found = shown(seen, expression, patience)
            if not found:
                wrong.append(f"{asked}: nothing for {values}")
            labels = {label for series in found for label in series["metric"]} | rules.grouped_by(expression)
            if found and not rules.legend_labels(asked.legend) <= labels:
                wrong.append(f"{asked}: the legend {asked.legend!r} names labels that are not among {sorted(labels)}")
    assert wrong == []


def test_the_scripted_outage_is_what_the_panels_show(seen: Seen) -> None:
    now = seen.prometheus.now
    (voice,) = now('breakwater_arrivals_per_minute{channel="voice"}')
    assert float(voice["value"][1]) == 0
    assert now("breakwater_incident_evidence > on (series, signal_kind) breakwater_incident_evidence_threshold")
    assert now("breakwater_load_shift_ratio > 0")
    assert now("sum(breakwater_queue_agents_short) > 0")
    assert now('breakwater_tool_up_ratio{tool="telephony"} == 0')
    assert now('sum(breakwater_dead_letters_total{topic="contact-events.chat"}) > 0')


def test_an_exemplar_leads_from_a_graph_to_the_incident(seen: Seen) -> None:
    found = seen.prometheus.ask(
        "query_exemplars",
        query="breakwater_incidents_total",
        start=str(seen.began),
        end=str(time.time()),
    )
    named = {one["labels"]["incident_id"] for series in found for one in series["exemplars"]}
    assert seen.incident in named


def test_promtool_finds_nothing_wrong_with_the_live_metrics(seen: Seen) -> None:
    shown = fetch(f"{seen.worker_url}/metrics", accept="text/plain")
    done = subprocess.run(["promtool", "check", "metrics"], input=shown, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    names = [line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")]
    assert [name for name in names if not name.startswith("breakwater_")] == []


def test_a_sink_that_fails_is_one_page_and_its_recovery_resolves_it(seen: Seen) -> None:
    def about(action: str) -> list[dict[str, Any]]:
        events = [json.loads(raw) for _, path, raw in seen.pager.requests if path == "/v2/enqueue"]
        return [
            event
            for event in events
            if event["event_action"] == action
            and event.get("payload", {}).get("summary", "Notices do not reach webhook")
            == "Notices do not reach webhook"
        ]

    wait_for(lambda: about("trigger"), "the pager is called")
    keys = {event["dedup_key"] for event in about("trigger")}
    assert len(keys) == 1
    assert about("trigger")[0]["payload"]["severity"] == "critical"
    seen.sinks.faults.clear()
    wait_for(lambda: keys & {event["dedup_key"] for event in about("resolve")}, "it is resolved", 60.0)
    assert seen.incident in {json.loads(raw)["data"].get("incident_id") for _, raw in seen.sinks.hooks}


def test_the_dead_mans_switch_is_heard_as_long_as_panes_are_read(seen: Seen) -> None:
    wait_for(lambda: seen.pager.hooks, "the dead man's switch is heard")
    heard = json.loads(seen.pager.hooks[-1][1])
    assert {alert["labels"]["alertname"] for alert in heard["alerts"]} == {"BreakwaterWatches"}
    # lag is looked at every ten seconds, which is as long as the cut windows of the rules
    firing = 'ALERTS{alertname=~"BreakwaterBlind|BreakwaterStuck",alertstate="firing"}'
    wait_for(lambda: not seen.prometheus.now(firing), "nothing is stuck or blind")
