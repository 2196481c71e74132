"""The chart as Helm renders it."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools import chart_tools, helm

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/breakwater"
CASES = tuple(sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml")))
HELMS = ("3", "4")
KUBERNETES = ("1.25.0", "1.31.0", "1.37.0")
# What a cluster with the Prometheus Operator and KEDA has.
OPERATORS = ("monitoring.coreos.com/v1", "keda.sh/v1alpha1")
CUSTOM = ("monitoring.coreos.com/", "keda.sh/")

Document = dict[str, Any]


def run_helm(*arguments: str, major: str = "4") -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(helm.helm(major)), *arguments], capture_output=True, text=True, check=False)


def values_of(case: str) -> Path:
    return CHART / "ci" / f"{case}-values.yaml"


def template(
    *options: str, major: str = "4", kubernetes: str = KUBERNETES[1], apis: tuple[str, ...] = OPERATORS
) -> subprocess.CompletedProcess[str]:
    """`helm template` with these options."""
    known = [part for api in apis for part in ("--api-versions", api)]
    where = ("--namespace", "centre", "--kube-version", kubernetes)
    return run_helm("template", "release", str(CHART), *where, *known, *options, major=major)


@cache
def render(case: str, major: str = "4", kubernetes: str = KUBERNETES[1]) -> tuple[Document, ...]:
    """What the values file makes."""
    done = template("-f", str(values_of(case)), major=major, kubernetes=kubernetes)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def documents(text: str) -> tuple[Document, ...]:
    return tuple(one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one)


def name_of(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def against_the_schemas(wanted: list[tuple[str, str, Document]]) -> list[str]:
    """Problems that Kubernetes' own schemas see in (name, version, document), strictly. Custom resources are left to
    the API server."""
    known = {
        json.dumps([version, document], sort_keys=True): {"name": name, "version": version, "document": document}
        for name, version, document in wanted
        if not document["apiVersion"].startswith(CUSTOM)
    }
    command = [str(chart_tools.python()), str(Path(__file__).with_name("validate.py"))]
    done = subprocess.run(command, input=json.dumps(list(known.values())), capture_output=True, text=True, check=True)
    return [f"{one['name']}: {one['problem']}" for one in json.loads(done.stdout)]
