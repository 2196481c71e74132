"""Values that cannot work are refused at render time, with the value's name and what to do."""

from __future__ import annotations

import pytest

from tests.chart.charts import HELMS, template, values_of

REFUSED = {
    "no broker": (["--set-json", "config.broker={}"], "config.broker.bootstrap: name at least one broker"),
    "a volume of a Deployment": (["--set", "workload.persistence.enabled=true"], "set workload.kind: StatefulSet"),
    "a name that does not stay": (["--set", "workload.staticMembership=true"], "set workload.kind: StatefulSet"),
    "nobody's account": (["--set", "serviceAccount.create=false"], "serviceAccount.name: name the account"),
    "an ingress to nowhere": (["--set", "ingress.enabled=true"], "ingress.host: name the host"),
    "the demo's broker": (["--set", "config.broker.profile=embedded"], "config.broker.profile: the embedded broker"),
    "an unknown canary": (["--set", "canary.channel=fax"], "canary.channel: fax is none of config.channels"),
    "more pods than partitions": (
        ["--set", "workloads.detect.autoscaling.type=keda,workloads.detect.autoscaling.maxReplicas=5"],
        "workloads.detect.autoscaling.maxReplicas: 5 is more than the 4 partitions",
    ),
    "least above most": (
        ["--set", "workloads.web.autoscaling.type=hpa,workloads.web.autoscaling.minReplicas=9"],
        "workloads.web.autoscaling.minReplicas: 9 is more than maxReplicas, 4",
    ),
    "a page scaled on lag": (["--set", "workloads.web.autoscaling.type=keda"], "there is no lag to scale on"),
    "a share of nothing": (
        [
            "--set-json",
            'workloads.web={"autoscaling":{"type":"hpa"},"resources":{"requests":{"cpu":null,"memory":"1Mi"}}}',
        ],
        "hpa needs workloads.web.resources.requests.cpu",
    ),
    "both budgets": (["--set", "defaults.disruptionBudget.minAvailable=1"], "not both"),
    "a budget that never yields": (
        ["--set-json", 'workloads.ingest.disruptionBudget={"minAvailable":2,"maxUnavailable":null}'],
        "2 of 2 pods would never let a node be drained",
    ),
    "a file that is not there": (
        ["--set", "config.notify.pagerduty.routing_key_file=/run/key"],
        "the file /run/key is not mounted",
    ),
    "a secret that is not given": (
        ["--set", "config.notify.pagerduty.routing_key_file=/etc/breakwater/secrets/pager"],
        "give secrets.pager with secretName and key",
    ),
    "nothing to run": (["--set", "defaults.enabled=false"], "every workload is switched off"),
}
# What the schema refuses: a misspelt or impossible value, by its path.
MISSPELT = {
    "workloads.ingest.replica=3": "replica",
    "config.broker.bootstraps={a:1}": "bootstraps",
    "config.detect.sigma=3": "sigma",
    "workload.persistence.size=1 GB": "size",
    "image.digest=latest": "digest",
    "image.pullPolicy=Sometimes": "pullPolicy",
    "service.port=99999": "port",
    "layout=both": "layout",
    "fullnameOverride=Upper": "fullnameOverride",
    "workloads.worker.replicas=1": "worker",
    "secrets.key.value=abc": "key",
    "defaults.resources.limits.memory=lots": "memory",
    "monitoring.podMonitor.interval=often": "interval",
}


@pytest.mark.parametrize("major", HELMS)
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_work_is_refused_with_the_fix(what: str, major: str) -> None:
    options, reason = REFUSED[what]
    done = template("-f", str(values_of("default")), *options, major=major)
    assert done.returncode != 0, "it was rendered"
    assert reason in done.stderr


@pytest.mark.parametrize("major", HELMS)
@pytest.mark.parametrize("setting", MISSPELT)
def test_what_is_misspelt_is_refused_by_its_place(setting: str, major: str) -> None:
    done = template("-f", str(values_of("default")), "--set", setting, major=major)
    assert done.returncode != 0, "it was rendered"
    assert MISSPELT[setting] in done.stderr


@pytest.mark.parametrize("major", HELMS)
@pytest.mark.parametrize(
    "setting,reason",
    [
        ("monitoring.podMonitor.enabled=true", "set monitoring.podMonitor.force: true"),
        ("monitoring.rules.enabled=true", "install the Prometheus Operator first"),
        ("workloads.ingest.autoscaling.type=keda", "this cluster has no KEDA"),
    ],
)
def test_what_the_cluster_does_not_know_is_refused_and_never_dropped(setting: str, reason: str, major: str) -> None:
    done = template("-f", str(values_of("default")), "--set", setting, major=major, apis=())
    assert done.returncode != 0, "it was rendered"
    assert reason in done.stderr


@pytest.mark.parametrize("what", ["podMonitor", "rules"])
def test_it_is_made_where_it_is_forced(what: str) -> None:
    force = f"monitoring.{what}.enabled=true,monitoring.{what}.force=true"
    done = template("-f", str(values_of("default")), "--set", force, apis=())
    assert done.returncode == 0, done.stderr
    assert "monitoring.coreos.com/v1" in done.stdout


def test_an_old_cluster_is_refused() -> None:
    done = template("-f", str(values_of("default")), kubernetes="1.24.0")
    assert done.returncode != 0
    assert "1.25" in done.stderr
