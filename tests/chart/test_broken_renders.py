"""The gate has teeth: a render that is broken in one place is caught by the schemas or by our own rules."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.chart.charts import Document, against_the_schemas, name_of, render
from tests.chart.semantics import problems

INGEST = "Deployment/release-breakwater-ingest"


def container(documents: list[Document]) -> Any:
    return pod(documents)["containers"][0]


def pod(documents: list[Document]) -> Any:
    return one(documents, INGEST)["spec"]["template"]["spec"]


def one(documents: list[Document], name: str) -> Any:
    return next(document for document in documents if name_of(document) == name)


def _twice(documents: list[Document]) -> None:
    documents.append(copy.deepcopy(documents[0]))


def _set(path: str, value: Any, of: Callable[[list[Document]], Any] = container) -> Callable[[list[Document]], None]:
    def break_it(documents: list[Document]) -> None:
        *way, last = path.split(".")
        where = of(documents)
        for step in way:
            where = where[int(step)] if step.isdigit() else where.setdefault(step, {})
        if value is None:
            del where[int(last) if last.isdigit() else last]
        else:
            where[int(last) if last.isdigit() else last] = value

    return break_it


def of(name: str) -> Callable[[list[Document]], Any]:
    return lambda documents: one(documents, name)


BROKEN: dict[str, Callable[[list[Document]], None]] = {
    "an upper-case name": _set("metadata.name", "Release-Ingest", of(INGEST)),
    "a label of 64 characters": _set("metadata.labels.long", "x" * 64, of(INGEST)),
    "a port beyond all ports": _set("ports.0.containerPort", 99999),
    "a probe of no port": _set("livenessProbe.httpGet.port", "web"),
    "a misspelt field": _set("readynessProbe", {"httpGet": {"path": "/readyz", "port": "http"}}),
    "replicas that are a text": _set("spec.replicas", "two", of(INGEST)),
    "more memory asked than allowed": _set("resources.requests.memory", "2Gi"),
    "memory without a limit": _set("resources.limits.memory", None),
    "a mount of no volume": _set("volumeMounts.0.name", "nowhere"),
    "a missing config map": _set("volumes.0.configMap.name", "nowhere", pod),
    "a missing secret": _set("volumes.0", {"name": "settings", "secret": {"secretName": "nowhere"}}, pod),
    "a file that the config map has not": _set("volumeMounts.0.subPath", "other.yaml"),
    "an account that is not there": _set("serviceAccountName", "nobody", pod),
    "a token": _set("automountServiceAccountToken", None, pod),
    "root": _set("securityContext.runAsUser", 0),
    "perhaps root": _set("securityContext.runAsNonRoot", False),
    "a writable root": _set("securityContext.readOnlyRootFilesystem", None),
    "capabilities": _set("securityContext.capabilities", {"drop": ["NET_RAW"]}),
    "an added capability": _set("securityContext.capabilities.add", ["SYS_ADMIN"]),
    "escalation": _set("securityContext.allowPrivilegeEscalation", True),
    "a path of the host": _set("volumes.1", {"name": "scratch", "hostPath": {"path": "/"}}, pod),
    "the host's network": _set("hostNetwork", True, pod),
    "a selector of others": _set("spec.selector.matchLabels", {"app.kubernetes.io/name": "breakwater"}, of(INGEST)),
    "a selector of nobody": _set("spec.selector.matchLabels.extra", "none", of(INGEST)),
    "a selector with a version": _set("spec.selector.matchLabels", {"helm.sh/chart": "breakwater-0.1.0"}, of(INGEST)),
    "a service of nobody": _set("spec.selector.extra", "none", of("Service/release-breakwater")),
    "a service to no port": _set("spec.ports.0.targetPort", "page", of("Service/release-breakwater")),
    "a budget of two minds": _set("spec.minAvailable", 1, of("PodDisruptionBudget/release-breakwater-ingest")),
    "a budget of nobody": _set(
        "spec.selector.matchLabels.extra", "none", of("PodDisruptionBudget/release-breakwater-ingest")
    ),
    "the same twice": _twice,
    "a variable twice": _set("env", [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
    "a secret in the environment": _set(
        "env", [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]
    ),
    "an annotation that is a number": _set("metadata.annotations.number", 1, of(INGEST)),
    "a job that restarts for ever": _set(
        "spec.template.spec.restartPolicy", "Sometimes", of("Job/release-breakwater-topics")
    ),
}


def found(documents: list[Document]) -> list[str]:
    return problems(documents) + against_the_schemas([(name_of(one), "1.31.0", one) for one in documents])


def test_the_whole_render_is_not_broken() -> None:
    assert found(list(render("default"))) == []


@pytest.fixture(scope="module")
def caught() -> dict[str, list[str]]:
    """What is found in each broken render; the schemas are asked once for all."""
    broken = {}
    for what, break_it in BROKEN.items():
        documents = copy.deepcopy(list(render("default")))
        break_it(documents)
        broken[what] = documents
    asked = [(f"{what}: {name_of(one)}", "1.31.0", one) for what, all_ in broken.items() for one in all_]
    by_schemas = against_the_schemas(asked)
    return {
        what: problems(documents) + [text for text in by_schemas if text.startswith(f"{what}:")]
        for what, documents in broken.items()
    }


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 20


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_render_is_caught(what: str, caught: dict[str, list[str]]) -> None:
    assert caught[what] != []
