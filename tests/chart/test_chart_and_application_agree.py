"""Probe paths, ports, commands, environment names, settings, topics and groups of the chart are the application's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from schemas import topics
from streams import broker, config
from streams.__main__ import breakwater
from streams.config import ROLES
from streams.health import Health
from streams.web.server import WebServer
from tests.chart.charts import CASES, CHART, Document, render
from tests.chart.semantics import pods

PROBES = {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}


def containers(case: str) -> Iterator[tuple[str, Document, Document]]:
    """Our own containers: (whose, the pod's spec, the container)."""
    for whose, _, spec in pods(render(case)):
        for one in spec["containers"]:
            if one["name"] != "beside":
                yield whose, spec, one


def settings_of(case: str, tmp_path: Path) -> config.Settings:
    (found,) = {
        one["data"]["breakwater.yaml"]
        for one in render(case)
        if one["kind"] == "ConfigMap" and "breakwater.yaml" in one.get("data", {})
    }
    path = tmp_path / "breakwater.yaml"
    path.write_text(found)
    return config.load(path, environment={})


def routes(settings: config.Settings) -> set[str]:
    found = WebServer(settings, ROLES, Health()).application().router.resources()
    return {resource.canonical for resource in found}


@pytest.mark.parametrize("case", CASES)
def test_the_settings_are_settings_and_listen_where_the_probes_ask(case: str, tmp_path: Path) -> None:
    settings = settings_of(case, tmp_path)
    assert settings.broker.profile == "production"
    assert settings.web.host == "0.0.0.0"
    known = routes(settings)
    workers = [one for _, _, one in containers(case) if one["name"] == "breakwater"]
    assert workers
    for container in workers:
        assert [port["containerPort"] for port in container["ports"]] == [settings.web.port]
        for probe, path in PROBES.items():
            assert container[probe]["httpGet"]["path"] == path
            assert path in known
        paths = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {str(settings.state_directory), "/tmp"} <= paths


@pytest.mark.parametrize("case", CASES)
def test_a_pod_has_time_for_its_last_work_and_its_first(case: str) -> None:
    for whose, spec, container in containers(case):
        if container["name"] == "breakwater":
            startup, liveness = container["startupProbe"], container["livenessProbe"]
            assert startup["periodSeconds"] * startup["failureThreshold"] >= 300, whose
            assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30, whose
            assert spec["terminationGracePeriodSeconds"] >= 30, whose


@pytest.mark.parametrize("case", CASES)
def test_commands_and_their_options_exist(case: str) -> None:
    for whose, _, container in containers(case):
        arguments = container["args"]
        words = arguments[: 2 if arguments[0] == "topics" else 1]
        done = CliRunner().invoke(breakwater, [*words, "--help"])
        assert done.exit_code == 0, whose
        for option in (word for word in arguments if word.startswith("--")):
            assert option in done.output, f"{whose}: {option}"


@pytest.mark.parametrize("case", CASES)
def test_environment_names_are_settings(case: str) -> None:
    for _, _, container in containers(case):
        named = {one["name"]: one.get("value", "text") for one in container.get("env", [])}
        assert config.unknown_variables(named) == []
        config.load(environment=named)


def test_every_role_has_a_workload_and_each_asks_for_its_own() -> None:
    roles = [one["args"][2] for _, _, one in containers("default") if one["args"][0] == "worker"]
    assert sorted(roles) == sorted(ROLES)
    assert [one["args"][2] for _, _, one in containers("single") if one["args"][0] == "worker"] == ["all"]


def test_the_autoscaler_watches_groups_and_topics_that_there_are(tmp_path: Path) -> None:
    for case in ("keda", "all-on"):
        settings = settings_of(case, tmp_path)
        known = {settings.topic_name(topic) for topic in settings.all_topics()}
        for one in render(case):
            if one["kind"] == "ScaledObject":
                groups = {trigger["metadata"]["consumerGroup"] for trigger in one["spec"]["triggers"]}
                role = one["metadata"]["name"].rsplit("-", 1)[1]
                assert groups == {broker.group_name(settings, role)}
                assert {trigger["metadata"]["topic"] for trigger in one["spec"]["triggers"]} <= known


def test_a_prefix_goes_to_the_autoscaler_too() -> None:
    values = yaml.safe_load((CHART / "ci/plain-job-values.yaml").read_text())
    assert values["config"]["broker"]["topic_prefix"] == "centre-one."
    contacts = [topics.contact_events(name, 1).name for name in config.CHANNELS]
    scaled = render("keda")
    watched = {
        t["metadata"]["topic"] for one in scaled if one["kind"] == "ScaledObject" for t in one["spec"]["triggers"]
    }
    assert set(contacts) <= watched


def test_chart_image_and_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"]


def test_the_mounted_rules_and_dashboards_are_the_files_that_compose_mounts() -> None:
    made = render("monitoring")
    (rule,) = (one for one in made if one["kind"] == "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "files/prometheus/rules.yaml").read_text())
    boards = {name: text for one in made if one["kind"] == "ConfigMap" for name, text in one["data"].items()}
    for path in (CHART / "files/grafana/dashboards").glob("*.json"):
        assert boards[path.name].strip() == path.read_text().strip()
