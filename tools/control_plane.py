"""A real Kubernetes control plane on loopback, without containers: etcd, API server, controllers, scheduler and, in the
place of the kubelets, kwok. Its pods become ready and nothing runs in them."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import yaml

from schemas.errors import Unavailable
from tools import go_programs, helm
from tools.kafka import free_port

START_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 20.0
STAGES = ("node/fast/node-initialize", "pod/fast/pod-ready", "pod/fast/pod-complete", "pod/fast/pod-delete")
ADMISSION = "PodSecurity"


class ControlPlane:
    """One cluster of this Kubernetes version with two nodes; everything of it lies in `directory`."""

    def __init__(self, directory: Path, version: str = go_programs.KUBERNETES, nodes: int = 2) -> None:
        self.directory = directory
        self.version = version
        self.nodes = [f"node-{number}" for number in range(nodes)]
        self.kubeconfig = directory / "kubeconfig"
        self._token = secrets.token_hex(16)
        self._port = free_port()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    def start(self) -> ControlPlane:
        """Returns when the API server, the controllers and the nodes are ready. Raises Unavailable."""
        self.directory.mkdir(parents=True, exist_ok=True)
        programs = go_programs.kubernetes(self.version)
        try:
            self._files()
            etcd = self._start_etcd()
            self._start_server(programs, etcd)
            self._await("the API server", lambda: self._answers("/readyz"))
            self._start_controllers(programs)
            self._start_nodes()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for child in reversed(self._children.values()):
            child.terminate()
        for child in reversed(self._children.values()):
            try:
                child.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl says. Raises CalledProcessError with what it complained of in `stderr`."""
        command = [str(helm.kubectl()), "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    def objects(self, kind: str, *arguments: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.kubectl("get", kind, "-o", "json", *arguments))["items"]
        return found

    def apply_operators(self) -> None:
        """The kinds of the Prometheus Operator and of KEDA."""
        monitoring = go_programs.PROMETHEUS_OPERATOR_MODULE.directory / "example/prometheus-operator-crd"
        keda = go_programs.KEDA_MODULE.directory / "config/crd/bases"
        for folder, names in (
            (monitoring, ("podmonitors", "servicemonitors", "prometheusrules")),
            (keda, ("scaledobjects", "triggerauthentications")),
        ):
            for name in names:
                (path,) = [one for one in folder.glob("*.yaml") if one.stem.endswith(f"_{name}")]
                self.kubectl("apply", "--server-side", "-f", str(path))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")

    def add_volumes(self, count: int, storage_class: str = "") -> None:
        """Volumes that claims can be bound to; nobody makes them here on demand."""
        made = [yaml.safe_dump(_volume(f"volume-{storage_class or 'plain'}-{n}", storage_class)) for n in range(count)]
        self.kubectl("create", "-f", "-", stdin="\n---\n".join(made))

    def _files(self) -> None:
        key = self.directory / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], capture_output=True, check=True)
        (self.directory / "tokens.csv").write_text(f"{self._token},admin,admin,system:masters\n")
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": self.url, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "current-context": "here",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))
        self.kubeconfig.chmod(0o600)

    def _start_etcd(self) -> str:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._launch(
            "etcd",
            go_programs.etcd(),
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        return client

    def _start_server(self, programs: Path, etcd: str) -> None:
        key = self.directory / "accounts.key"
        self._launch(
            "kube-apiserver",
            programs / "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self.directory / 'certificates'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--token-auth-file={self.directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--enable-admission-plugins={ADMISSION}",
            "--service-cluster-ip-range=10.96.0.0/16",
        )

    def _start_controllers(self, programs: Path) -> None:
        same = [f"--{name}={self.kubeconfig}" for name in ("kubeconfig", "authentication-kubeconfig")]
        same += [f"--authorization-kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1"]
        self._launch(
            "kube-controller-manager",
            programs / "kube-controller-manager",
            *same,
            f"--secure-port={free_port()}",
            f"--service-account-private-key-file={self.directory / 'accounts.key'}",
            f"--root-ca-file={self.directory / 'certificates/apiserver.crt'}",
            "--use-service-account-credentials=false",
        )
        self._launch("kube-scheduler", programs / "kube-scheduler", *same, f"--secure-port={free_port()}")
        self._await("the default service account", lambda: bool(self._found("serviceaccount", "default")))

    def _start_nodes(self) -> None:
        stages = go_programs.KWOK_MODULE.directory / "kustomize/stage"
        own = {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokConfiguration",
            "options": {
                "enableCRDs": [],
                "manageAllNodes": True,
                "nodeLeaseDurationSeconds": 40,
                "cidr": "10.0.0.1/24",
                "nodeIP": "10.0.0.1",
            },
        }
        parts = [yaml.safe_dump(own), *((stages / f"{name}.yaml").read_text() for name in STAGES)]
        config = self.directory / "kwok.yaml"
        config.write_text("\n---\n".join(parts))
        self._launch(
            "kwok",
            go_programs.kwok(),
            f"--kubeconfig={self.kubeconfig}",
            f"--config={config}",
            "--manage-all-nodes=true",
            f"--server-address=127.0.0.1:{free_port()}",
        )
        for name in self.nodes:
            self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(_node(name)))
        self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")

    def _found(self, kind: str, name: str) -> str:
        try:
            return self.kubectl("get", kind, name, "-o", "name", "--ignore-not-found")
        except subprocess.CalledProcessError:
            return ""

    def _launch(self, name: str, program: Path, *arguments: str) -> None:
        log = (self.directory / f"{name}.log").open("wb")
        self._children[name] = subprocess.Popen(
            [str(program), *arguments], stdout=log, stderr=subprocess.STDOUT, cwd=self.directory
        )

    def _answers(self, path: str) -> bool:
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {self._token}"})
        trusting = ssl._create_unverified_context()  # its certificate is made at this start
        try:
            with urllib.request.urlopen(request, timeout=5, context=trusting) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    def _await(self, what: str, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not reached():
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise Unavailable(name, (self.directory / f"{name}.log").read_text()[-2000:])
            if time.monotonic() > deadline:
                raise Unavailable(what, f"it did not answer within {START_SECONDS_MAX:g} s")
            time.sleep(0.2)


def _node(name: str) -> dict[str, object]:
    amounts = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": f"zone-{name}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def _volume(name: str, storage_class: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "4Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "hostPath": {"path": f"/nowhere/{name}"},
        },
    }
