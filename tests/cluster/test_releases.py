"""Every values file on a real API server: installed, upgraded from the last release, rolled back, without any right,
drained, and gone without leftovers. kwok plays the kubelets; Pod Security `restricted` is enforced for real."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.charts import CASES, CHART, name_of, render
from tests.cluster.releases import RELEASE, Cluster, Namespace

RELEASED = sorted((Path(__file__).parents[1] / "chart/released").glob("breakwater-*.tgz"))
# Kinds that a release makes; what it leaves of them is a leftover. Volumes that are to be kept are none.
KINDS = (
    "deployments,statefulsets,replicasets,pods,jobs,services,configmaps,serviceaccounts,poddisruptionbudgets,"
    "networkpolicies,ingresses,horizontalpodautoscalers,podmonitors,prometheusrules,scaledobjects,"
    "triggerauthentications,secrets,persistentvolumeclaims"
)
RESTARTED_WITH = ("--set", "config.log_format=console")


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Namespace:
    test = request.node.originalname.removeprefix("test_").split("_")[0]
    case = request.node.callspec.params.get("case", "one")
    version = cluster.plane.version.replace(".", "-")
    return cluster.namespace(f"{test}-{case}-{version}")


def workloads(case: str) -> int:
    return sum(one["kind"] in ("Deployment", "StatefulSet") for one in render(case))


def leftovers(namespace: Namespace) -> set[str]:
    found = namespace.kubectl("get", KINDS, "-o", "name", "--ignore-not-found").split()
    return {name for name in found if "kube-root-ca.crt" not in name and name != "serviceaccount/default"}


def selectors(case: str) -> dict[str, object]:
    return {
        name_of(one): one["spec"]["selector"] for one in render(case) if one["kind"] in ("Deployment", "StatefulSet")
    }


@pytest.mark.parametrize("case", CASES)
def test_a_release_lives_from_install_to_uninstall(namespace: Namespace, case: str) -> None:
    before = leftovers(namespace)
    namespace.install(case)
    assert len(namespace.ready_pods()) >= workloads(case)
    first = {pod["metadata"]["uid"] for pod in namespace.ready_pods()}

    namespace.upgrade(case, *RESTARTED_WITH)
    assert len(namespace.ready_pods()) >= workloads(case)
    assert not first & {pod["metadata"]["uid"] for pod in namespace.ready_pods()}, "other settings restart every pod"

    done = namespace.cluster.helm("rollback", RELEASE, "1", "-n", namespace.name, "--wait", "--timeout", "90s")
    assert done.returncode == 0, done.stderr
    assert len(namespace.ready_pods()) >= workloads(case)

    claims = {name for name in leftovers(namespace) if name.startswith("persistentvolumeclaim/")}
    namespace.uninstall()
    namespace.kubectl("wait", "--for=delete", "pods", "--all", "--timeout=60s")
    kept = claims if case == "statefulset" else set()  # whenDeleted: Retain
    assert leftovers(namespace) - before == kept


@pytest.mark.parametrize("case", CASES)
def test_upgrade_from_the_last_release(namespace: Namespace, case: str) -> None:
    """No field that the API server calls immutable may change from release to release."""
    assert RELEASED, "the package of the last release is kept beside the chart's tests"
    namespace.install(case, chart=RELEASED[-1])
    namespace.upgrade(case)
    assert len(namespace.ready_pods()) >= workloads(case)
    namespace.uninstall()


def test_helm_3_installs_it_too(namespace: Namespace) -> None:
    namespace.install("default", major="3")
    assert len(namespace.ready_pods()) >= workloads("default")
    namespace.upgrade("default", *RESTARTED_WITH, major="3")


def test_rights_of_the_account_are_none(namespace: Namespace) -> None:
    namespace.install("default")
    (account,) = {pod["spec"]["serviceAccountName"] for pod in namespace.pods() if "worker" in str(pod["spec"])}
    who = f"--as=system:serviceaccount:{namespace.name}:{account}"
    groups = [f"--as-group=system:serviceaccounts{more}" for more in ("", f":{namespace.name}")]
    for verb, what in (("get", "pods"), ("list", "secrets"), ("create", "pods"), ("get", "configmaps"), ("*", "*")):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            namespace.kubectl("auth", "can-i", verb, what, who, *groups)
        assert refused.value.stdout.strip() == "no", f"{verb} {what}"
    for pod in namespace.pods():
        mounts = [m["mountPath"] for one in pod["spec"]["containers"] for m in one.get("volumeMounts", [])]
        assert "/var/run/secrets/kubernetes.io/serviceaccount" not in mounts


def test_pods_that_ask_for_rights_are_refused_here(namespace: Namespace) -> None:
    """The namespace enforces: the tests above would fail if a pod of ours asked for anything."""
    bad = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bad"},
        "spec": {"containers": [{"name": "bad", "image": "bad:1.0.0"}]},
    }
    with pytest.raises(subprocess.CalledProcessError) as refused:
        namespace.cluster.kubectl("-n", namespace.name, "create", "-f", "-", stdin=yaml.safe_dump(bad))
    assert 'violates PodSecurity "restricted' in refused.value.stderr


def test_drained_pod_by_pod(namespace: Namespace) -> None:
    """A node's drain asks the budget: of two ingest pods one stays."""
    namespace.install("default", "--set", "workloads.web.replicas=2")
    budgets = {one["metadata"]["name"]: one["status"] for one in namespace.objects("poddisruptionbudgets")}
    assert budgets[f"{RELEASE}-breakwater-ingest"]["disruptionsAllowed"] == 1
    assert all(status["disruptionsAllowed"] == 1 for status in budgets.values())
    node = namespace.cluster.plane.nodes[0]
    try:
        options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s")
        namespace.cluster.kubectl("drain", node, *options)
        namespace.kubectl("rollout", "status", f"deployment/{RELEASE}-breakwater-ingest", "--timeout=60s")
        assert {pod["spec"]["nodeName"] for pod in namespace.ready_pods()} == {namespace.cluster.plane.nodes[1]}
    finally:
        namespace.cluster.kubectl("uncordon", node)


def test_notes_say_what_to_do_next(namespace: Namespace) -> None:
    said = namespace.install("default")
    for words in (f"helm test {RELEASE}", "breakwater doctor", f"port-forward service/{RELEASE}-breakwater"):
        assert words in said
    assert "Nobody is told of incidents yet" in said


def test_volumes_that_cannot_grow_are_refused_by_the_server(namespace: Namespace) -> None:
    """Documented in docs/operations.md: the size of a StatefulSet's volumes is fixed at its making."""
    namespace.install("statefulset")
    done = namespace.cluster.helm(
        "upgrade", RELEASE, str(CHART), "-n", namespace.name, "--reuse-values", "--set", "workload.persistence.size=3Gi"
    )
    assert done.returncode != 0
    assert "updates to statefulset spec" in done.stderr


def test_what_is_installed_is_what_is_rendered(namespace: Namespace) -> None:
    """The server drops no field of ours and changes none that we set."""
    namespace.install("all-on")
    manifest = namespace.cluster.helm("get", "manifest", RELEASE, "-n", namespace.name).stdout
    for wanted in (one for one in yaml.safe_load_all(manifest) if one and one["kind"] == "StatefulSet"):
        found = json.loads(namespace.kubectl("get", "statefulset", wanted["metadata"]["name"], "-o", "json"))
        assert _holds(found["spec"]["template"]["spec"], wanted["spec"]["template"]["spec"]) == []


def _holds(found: object, wanted: object, path: str = "") -> list[str]:
    """Where `found` lacks what is `wanted`."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [text for key in wanted for text in _holds(found.get(key), wanted[key], f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(found, wanted, strict=True))
        return [text for n, (have, want) in pairs for text in _holds(have, want, f"{path}.{n}")]
    return [] if found == wanted else [f"{path}: {found} is not {wanted}"]
