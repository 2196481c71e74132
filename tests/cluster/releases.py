"""Helm against a cluster: a namespace that enforces Pod Security `restricted`, and releases in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.chart.charts import CHART, values_of
from tools import helm
from tools.control_plane import ControlPlane

RELEASE = "centre"
WAIT = "90s"
# What the values name and an operator makes: Secret -> keys.
SECRETS = {
    "kafka-cluster-ca": ("ca.crt",),
    "breakwater-kafka": ("password",),
    "breakwater-user": ("user.crt", "user.key"),
    "breakwater-sinks": ("pagerduty-routing-key", "grafana-token", "webhook-secret"),
}


class Cluster:
    """A control plane, and Helm pointed at it."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.plane.kubectl(*arguments, stdin=stdin)

    def helm(self, *arguments: str, major: str = "4") -> subprocess.CompletedProcess[str]:
        command = [str(helm.helm(major)), "--kubeconfig", str(self.plane.kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def namespace(self, name: str) -> Namespace:
        """A new namespace that takes only pods without any right, with the Secrets that the values name."""
        labels = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn", "audit")}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        self.kubectl("create", "-f", "-", stdin=yaml.safe_dump(made))
        for secret, keys in SECRETS.items():
            content = [f"--from-literal={key}=text" for key in keys]
            self.kubectl("-n", name, "create", "secret", "generic", secret, *content)
        return Namespace(self, name)


class Namespace:
    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments)

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        return self.cluster.plane.objects(kind, "-n", self.name, *arguments)  # type: ignore[return-value]

    def install(self, case: str, *options: str, chart: Path = CHART, major: str = "4") -> str:
        return self._release("install", case, *options, chart=chart, major=major)

    def upgrade(self, case: str, *options: str, chart: Path = CHART, major: str = "4") -> str:
        return self._release("upgrade", case, *options, chart=chart, major=major)

    def _release(self, what: str, case: str, *options: str, chart: Path, major: str) -> str:
        where = ("-n", self.name, "-f", str(values_of(case)), "--wait", "--timeout", WAIT)
        done = self.cluster.helm(what, RELEASE, str(chart), *where, *options, major=major)
        assert done.returncode == 0, f"{done.stderr}\n{self.kubectl('get', 'events')[-3000:]}"
        return done.stdout

    def uninstall(self) -> None:
        done = self.cluster.helm("uninstall", RELEASE, "-n", self.name, "--wait", "--timeout", WAIT)
        assert done.returncode == 0, done.stderr

    def pods(self) -> list[dict[str, Any]]:
        return [one for one in self.objects("pods") if one["metadata"]["labels"].get("app.kubernetes.io/name")]

    def ready_pods(self) -> list[dict[str, Any]]:
        return [
            one
            for one in self.pods()
            if any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"].get("conditions", []))
        ]
