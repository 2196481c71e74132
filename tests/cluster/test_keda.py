"""The chart's ScaledObject under KEDA's own operator and a real Apache Kafka: lag starts a pod, catching up ends it.

From one pod to more KEDA goes through an aggregated API that is not built here; its own tests cover that.
"""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas import topics
from schemas.contact import ContactEvent
from streams import broker, clock
from streams.config import Settings
from streams.publish import publish
from tests.cluster.releases import RELEASE, Cluster, Namespace
from tools import go_programs
from tools.kafka import free_port

INGEST = f"{RELEASE}-breakwater-ingest"
OWN = "keda"
SECONDS_MAX = 120.0


def eventually(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not reached():
        assert time.monotonic() < deadline, what
        time.sleep(1.0)


class Operator:
    """KEDA's operator against the cluster. It makes its certificates, puts them into a Secret and ends; they are then
    laid where a mounted Secret would be, and it is started again."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster = cluster
        self.directory = directory
        self.certificates = directory / "certificates"
        self.certificates.mkdir()
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        for path in (go_programs.KEDA_MODULE.directory / "config/crd/bases").glob("*.yaml"):
            self.cluster.kubectl("apply", "--server-side", "-f", str(path))
        self.cluster.kubectl("create", "namespace", OWN)
        self._run()
        eventually(self._has_certificates, f"KEDA made no certificates\n{self.log()}")
        self.stop()
        data = self.cluster.plane.objects("secret", "-n", OWN, "--field-selector=metadata.name=kedaorg-certs")[0][
            "data"
        ]
        assert isinstance(data, dict)
        for name, content in data.items():
            (self.certificates / name).write_bytes(base64.b64decode(content))
        self._run()

    def _run(self) -> None:
        ports = [f"--{name}-bind-address=127.0.0.1:{free_port()}" for name in ("metrics", "health-probe")]
        options = [f"--cert-dir={self.certificates}", "--enable-cert-rotation=true", "--enable-webhook-patching=false"]
        options += [f"--metrics-service-bind-address=127.0.0.1:{free_port()}", "--leader-elect=false"]
        own = {"KEDA_CLUSTER_OBJECT_NAMESPACE": OWN, "POD_NAMESPACE": OWN, "POD_NAME": "keda", "WATCH_NAMESPACE": ""}
        own["KUBECONFIG"] = str(self.cluster.plane.kubeconfig)
        log = (self.directory / "keda.log").open("ab")
        command = [str(go_programs.keda()), *ports, *options]
        self.child = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=subprocess.STDOUT)

    def _has_certificates(self) -> bool:
        found = self.cluster.plane.objects("secret", "-n", OWN, "--field-selector=metadata.name=kedaorg-certs")
        return bool(found and found[0].get("data"))

    def log(self) -> str:
        return (self.directory / "keda.log").read_text()[-3000:]

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            self.child.wait(30)


@pytest.fixture
def operator(everything: None, cluster: Cluster, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(cluster, tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def replicas(namespace: Namespace) -> int:
    (found,) = namespace.objects("deployments", f"--field-selector=metadata.name={INGEST}")
    return int(found["spec"]["replicas"])


def contact(settings: Settings, number: int) -> None:
    now = clock.now()
    place: dict[str, Any] = {"tenant": "t", "channel": "voice", "queue": "q"}
    event = ContactEvent(type="offered", occurred_at=now, source="s", event_id=str(number), **place)
    topic = topics.contact_events("voice", settings.channels["voice"].partitions)
    publish(settings, topic, event, key="t|q", id=str(number), source="test", time=now)


def commit(settings: Settings, at_end: bool) -> None:
    """What a worker would have committed: everything, or nothing, of each contact topic."""
    consumer = Consumer(broker.confluent_group_settings(settings, "ingest"))
    try:
        places = []
        for channel, wanted in settings.channels.items():
            for partition in range(wanted.partitions):
                name = settings.topic_name(topics.contact_events(channel, wanted.partitions))
                end = _end(consumer, TopicPartition(name, partition))
                places.append(TopicPartition(name, partition, end if at_end else 0))
        consumer.commit(offsets=places, asynchronous=False)
    finally:
        consumer.close()


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """Where the partition ends; a topic that was just made has no leader for a moment."""
    for _ in range(20):
        try:
            return int(consumer.get_watermark_offsets(place, timeout=20)[1])
        except KafkaException:
            time.sleep(0.5)
    raise AssertionError(f"{place} has no leader")


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_lag_starts_a_pod_and_catching_up_ends_it(
    operator: Operator, kafka: Any, settings_for: Any, cluster: Cluster
) -> None:
    settings = settings_for(kafka)
    broker.apply_topics(settings)
    commit(settings, at_end=True)
    namespace = cluster.namespace(f"keda-{cluster.plane.version.replace('.', '-')}")
    own = settings.broker
    place = f"config.broker.bootstrap={{{kafka.bootstrap}}},config.broker.topic_prefix={own.topic_prefix}"
    names = f"{place},config.broker.group_prefix={own.group_prefix}"
    values = operator.directory / "scaling.yaml"
    scaling = {"type": "keda", "lagRecords": 5, "pollingSeconds": 2, "cooldownSeconds": 2}
    values.write_text(yaml.safe_dump({"workloads": {"ingest": {"autoscaling": scaling}}}))
    namespace.install("default", "--set", names, "-f", str(values))
    namespace.kubectl("patch", "scaledobject", INGEST, "--type=merge", "-p", '{"spec":{"minReplicaCount":0}}')
    eventually(lambda: replicas(namespace) == 0, f"without lag it stays\n{operator.log()}")
    for number in range(20):
        contact(settings, number)
    eventually(lambda: replicas(namespace) == 1, f"lag does not start a pod\n{operator.log()}")
    commit(settings, at_end=True)
    eventually(lambda: replicas(namespace) == 0, f"catching up does not end it\n{operator.log()}")
