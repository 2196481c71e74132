"""What the chart makes of every values file is accepted by Helm 3 and 4, by three Kubernetes versions' schemas, by our
own rules and by a security policy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.charts import (
    CASES,
    CHART,
    HELMS,
    KUBERNETES,
    Document,
    against_the_schemas,
    name_of,
    render,
    run_helm,
    template,
    values_of,
)
from tests.chart.semantics import pods, problems
from tools import chart_tools

# Secrets and ConfigMaps that the values name and an operator makes.
DECLARED = [
    f"Secret/{name}" for name in ("kafka-cluster-ca", "breakwater-kafka", "breakwater-user", "breakwater-sinks")
]
# Why each rule of the policy does not fit: a rule that is left out needs its reason.
SKIPPED = {
    "CKV_K8S_8": "a pod that runs one command has no probes, extra containers bring their own; ours are tested beside",
    "CKV_K8S_9": "the same",
    "CKV_K8S_11": "no CPU limit on purpose: throttling delays detection; the request is the promise",
    "CKV_K8S_15": "IfNotPresent is right for tags that are never moved",
    "CKV_K8S_21": "the namespace is the release's; extra objects name their own",
    "CKV_K8S_43": "digests are a value; they cannot be known before the push",
    "CKV2_K8S_6": "network policies are a value; the case network-policy has them",
}


def everything() -> list[tuple[str, str, Document]]:
    return [
        (f"{case} {name_of(document)}", kubernetes, document)
        for case in CASES
        for major in HELMS
        for kubernetes in KUBERNETES
        for document in render(case, major, kubernetes)
    ]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 10


@pytest.mark.parametrize("major", HELMS)
@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_to_say(case: str, major: str) -> None:
    done = run_helm("lint", "--strict", str(CHART), "-f", str(values_of(case)), major=major)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout


def test_kubernetes_schemas_accept_every_document() -> None:
    assert against_the_schemas(everything()) == []


@pytest.mark.parametrize("case", CASES)
def test_names_references_and_rights_are_right(case: str) -> None:
    assert problems(render(case), DECLARED) == []


@pytest.mark.parametrize("case", CASES)
def test_helm_3_and_4_make_the_same(case: str) -> None:
    assert render(case, "3") == render(case, "4")


def test_the_security_policy_finds_nothing(tmp_path: Path) -> None:
    for case in CASES:
        (tmp_path / f"{case}.yaml").write_text(yaml.safe_dump_all(render(case)))
    command = [str(chart_tools.python()), "-m", "checkov.main", "--directory", str(tmp_path), "--framework"]
    options = ["kubernetes", "--skip-download", "--output", "json", "--quiet", "--skip-check", ",".join(SKIPPED)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    seen = report["summary"]
    found = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in report["results"]["failed_checks"]]
    assert found == []
    assert seen["passed"] > 100 * len(CASES)
    assert seen["parsing_errors"] == 0


def test_no_secret_of_the_values_is_in_what_is_made() -> None:
    """Credentials come by name only: there is no value that could carry one."""
    for case in CASES:
        for document in render(case):
            assert document["kind"] != "Secret"
    done = template("-f", str(values_of("secrets")), "--set", "secrets.pagerduty.value=sentinel-4711")
    assert done.returncode != 0
    assert "sentinel-4711" not in done.stdout


def test_a_pod_gets_only_the_credentials_that_it_reads() -> None:
    mounted = {
        whose: {
            source["secret"]["items"][0]["path"]
            for volume in spec["volumes"]
            if volume["name"] == "secrets"
            for source in volume["projected"]["sources"]
        }
        for whose, _, spec in pods(render("secrets"))
    }
    assert "pagerduty" in mounted["Deployment/release-breakwater-notify"]
    for whose, files in mounted.items():
        assert {"ca.crt", "user.crt", "user.key"} <= files, whose
        if "notify" not in whose:
            assert not files & {"pagerduty", "grafana", "webhook"}, whose


def test_other_settings_start_other_pods() -> None:
    def checksums(*options: str) -> set[str]:
        done = template("-f", str(values_of("default")), *options)
        templates = [one["spec"]["template"] for one in yaml.safe_load_all(done.stdout) if one["kind"] == "Deployment"]
        return {one["metadata"]["annotations"]["checksum/settings"] for one in templates}

    assert checksums() == checksums()
    assert checksums() != checksums("--set", "config.log_format=console")
