"""What schemas do not see and an API server or a kubelet would refuse, or would let run and fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

from tests.chart.charts import Document, name_of

DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
DNS_NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$")
LABEL_KEY = re.compile(r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
WORKLOADS = ("Deployment", "StatefulSet", "Job")
UNITS = {"": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# a StatefulSet's pods carry `<name>-<ten characters of a revision>` as a label
STATEFUL_NAME_MAX = 52


def problems(documents: Iterable[Document], declared: Iterable[str] = ()) -> list[str]:
    """Everything that is wrong, a sentence each. `declared` are Secrets and ConfigMaps that exist beside the release,
    as `Secret/name`."""
    found = tuple(documents)
    checks = (_names, _labels, _pods, _references, _selectors, _services, _budgets, _scalers, _restarts, _twice)
    wrong = chain.from_iterable(check(found) for check in checks)
    return [text for text in wrong if not any(text.endswith(f"no {one}") for one in declared)]


def _restarts(documents: tuple[Document, ...]) -> Iterator[str]:
    for one in documents:
        if one["kind"] == "Job" and one["spec"]["template"]["spec"].get("restartPolicy") not in ("Never", "OnFailure"):
            yield f"{name_of(one)}: a Job's pod restarts never or on failure"


def pods(documents: Iterable[Document]) -> Iterator[tuple[str, Document, Document]]:
    """Each pod of the release: (whose, its metadata, its spec)."""
    for one in documents:
        if one["kind"] == "Pod":
            yield name_of(one), one["metadata"], one["spec"]
        elif one["kind"] in WORKLOADS:
            template = one["spec"]["template"]
            claims = [claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])]
            yield name_of(one), template["metadata"], template["spec"] | {"claims": claims}


def _names(documents: tuple[Document, ...]) -> Iterator[str]:
    for one in documents:
        name = one["metadata"]["name"]
        good = DNS_LABEL if one["kind"] in ("Service", "Pod", *WORKLOADS) else DNS_NAME
        if not good.match(name):
            yield f"{name_of(one)}: the name is no DNS name"
        if one["kind"] == "StatefulSet" and len(name) > STATEFUL_NAME_MAX:
            yield f"{name_of(one)}: the name leaves no room for a revision's hash"


def _labels(documents: tuple[Document, ...]) -> Iterator[str]:
    found = [(name_of(one), one["metadata"]) for one in documents]
    for whose, metadata in [*found, *((whose, metadata) for whose, metadata, _ in pods(documents))]:
        for key, value in (metadata.get("labels") or {}).items():
            if not LABEL_KEY.match(key) or not isinstance(value, str) or not LABEL_VALUE.match(value):
                yield f"{whose}: label {key}={value} is none"
        for key, value in (metadata.get("annotations") or {}).items():
            if not isinstance(value, str):
                yield f"{whose}: annotation {key} is no text"


def _pods(documents: tuple[Document, ...]) -> Iterator[str]:
    for whose, _, spec in pods(documents):
        yield from (f"{whose}: {text}" for text in chain(_restricted(spec), _mounts(spec)))
        for container in _containers(spec):
            here = f"{whose}/{container['name']}"
            yield from (f"{here}: {text}" for text in chain(_ports(container), _resources(container)))
            yield from (f"{here}: {text}" for text in chain(_unique(container), _secret_texts(container)))


def _containers(spec: Document) -> list[Document]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def _restricted(spec: Document) -> Iterator[str]:
    """The Pod Security Standard `restricted` (Kubernetes documentation), and no token."""
    whole = spec.get("securityContext", {})
    if spec.get("automountServiceAccountToken") is not False:
        yield "a service account token is mounted"
    for wanted in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(wanted):
            yield f"{wanted} is set"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is a path of the host"
    for container in _containers(spec):
        own = container.get("securityContext", {})
        where = f"container {container['name']}"
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield f"{where} may escalate its privileges"
        if "ALL" not in own.get("capabilities", {}).get("drop", []) or own["capabilities"].get("add"):
            yield f"{where} keeps capabilities"
        if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
            yield f"{where} may run as root"
        if own.get("runAsUser", whole.get("runAsUser")) == 0:
            yield f"{where} runs as root"
        profile = own.get("seccompProfile", whole.get("seccompProfile", {})).get("type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f"{where} has no seccomp profile"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{where} may write to its root file system"


def _mounts(spec: Document) -> Iterator[str]:
    claims = {one["name"] for one in spec.get("volumes", [])} | set(spec.get("claims", []))
    for container in _containers(spec):
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in claims:
                yield f"container {container['name']} mounts {mount['name']}, which is no volume"
        for path in {path for path in paths if paths.count(path) > 1}:
            yield f"container {container['name']} mounts {path} twice"
    names = [one["name"] for one in spec.get("volumes", [])]
    yield from (f"volume {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1}))


def _ports(container: Document) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    for name, number in ports.items():
        if not 1 <= number <= 65535:
            yield f"port {name}, {number}, is none"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container.get(probe, {}).get("httpGet", {}).get("port")
        if isinstance(asked, str) and asked not in ports:
            yield f"{probe} asks port {asked}, which the container has not"


def _resources(container: Document) -> Iterator[str]:
    requests = container.get("resources", {}).get("requests", {})
    limits = container.get("resources", {}).get("limits", {})
    if "memory" not in limits:
        yield "memory has no limit"
    for name in requests.keys() & limits.keys():
        if quantity(requests[name]) > quantity(limits[name]):
            yield f"it requests more {name} ({requests[name]}) than its limit ({limits[name]})"


def quantity(text: Any) -> Decimal:
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    assert found, text
    return Decimal(found[1]) * UNITS[found[2]]


def _unique(container: Document) -> Iterator[str]:
    for what, names in (
        ("environment variable", [one["name"] for one in container.get("env", [])]),
        ("port", [one["name"] for one in container.get("ports", [])]),
    ):
        yield from (f"{what} {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1}))


def _secret_texts(container: Document) -> Iterator[str]:
    """Credentials come as files: an environment is printed by every crash."""
    for one in container.get("env", []):
        if "secretKeyRef" in one.get("valueFrom", {}):
            yield f"{one['name']} takes a secret into the environment"


def _references(documents: tuple[Document, ...]) -> Iterator[str]:
    there = {name_of(one) for one in documents}
    data = {name_of(one): one.get("data", {}) for one in documents if one["kind"] == "ConfigMap"}
    for whose, _, spec in pods(documents):
        for kind, name, optional in _referred(spec):
            if not optional and f"{kind}/{name}" not in there:
                yield f"{whose}: there is no {kind}/{name}"
        for volume in spec.get("volumes", []):
            config = f"ConfigMap/{volume.get('configMap', {}).get('name')}"
            mounts = [
                m for one in _containers(spec) for m in one.get("volumeMounts", []) if m["name"] == volume["name"]
            ]
            for path in (m["subPath"] for m in mounts if m.get("subPath")):
                if config in data and path not in data[config]:
                    yield f"{whose}: {config} has no {path}"
        account = spec.get("serviceAccountName", "default")
        if account != "default" and f"ServiceAccount/{account}" not in there:
            yield f"{whose}: there is no ServiceAccount/{account}"


def _referred(spec: Document) -> Iterator[tuple[str, str, bool]]:
    for volume in spec.get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"], source["configMap"].get("optional", False)
            if "secret" in source:
                secret = source["secret"]
                yield "Secret", secret.get("secretName") or secret["name"], secret.get("optional", False)
    for container in _containers(spec):
        for one in container.get("envFrom", []):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in one:
                    yield kind, one[field]["name"], one[field].get("optional", False)


def _selectors(documents: tuple[Document, ...]) -> Iterator[str]:
    labels = [metadata.get("labels", {}) for _, metadata, _ in pods(documents)]
    for one in documents:
        if one["kind"] in ("Deployment", "StatefulSet"):
            wanted = one["spec"]["selector"]["matchLabels"]
            own = one["spec"]["template"]["metadata"]["labels"]
            if not wanted.items() <= own.items():
                yield f"{name_of(one)}: its selector does not match its own pods"
            if any(("version" in key or "chart" in key) for key in wanted):
                yield f"{name_of(one)}: its selector holds a version, which changes"
            others = sum(wanted.items() <= other.items() for other in labels)
            if others > 1:
                yield f"{name_of(one)}: its selector matches pods of others"
        if one["kind"] in ("PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
            wanted = one["spec"].get("selector", one["spec"].get("podSelector"))["matchLabels"]
            if not any(wanted.items() <= other.items() for other in labels):
                yield f"{name_of(one)}: it selects no pod"


def _services(documents: tuple[Document, ...]) -> Iterator[str]:
    found = list(pods(documents))
    services = {one["metadata"]["name"]: one for one in documents if one["kind"] == "Service"}
    for one in services.values():
        selected = [spec for _, meta, spec in found if one["spec"]["selector"].items() <= meta["labels"].items()]
        if not selected:
            yield f"{name_of(one)}: it selects no pod"
        for port in one["spec"]["ports"]:
            names = {p["name"] for spec in selected for c in spec["containers"] for p in c.get("ports", [])}
            if isinstance(port["targetPort"], str) and port["targetPort"] not in names:
                yield f"{name_of(one)}: no pod has a port {port['targetPort']}"
    for one in documents:
        if one["kind"] == "StatefulSet" and one["spec"]["serviceName"] not in services:
            yield f"{name_of(one)}: there is no Service/{one['spec']['serviceName']}"
        if one["kind"] == "Ingress":
            for rule in one["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    if path["backend"]["service"]["name"] not in services:
                        yield f"{name_of(one)}: there is no Service/{path['backend']['service']['name']}"


def _budgets(documents: tuple[Document, ...]) -> Iterator[str]:
    for one in documents:
        if one["kind"] == "PodDisruptionBudget" and len(one["spec"].keys() & {"minAvailable", "maxUnavailable"}) != 1:
            yield f"{name_of(one)}: it wants minAvailable or maxUnavailable, and one of them"


def _scalers(documents: tuple[Document, ...]) -> Iterator[str]:
    targets = {name_of(one): one for one in documents}
    scaled: list[str] = []
    for one in documents:
        if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = one["spec"]["scaleTargetRef"]
            name = f"{target['kind']}/{target['name']}"
            scaled.append(name)
            if name not in targets:
                yield f"{name_of(one)}: there is no {name}"
            elif "replicas" in targets[name]["spec"]:
                yield f"{name}: an autoscaler and the chart both set its replicas"
            for trigger in one["spec"].get("triggers", []):
                reference = trigger.get("authenticationRef", {}).get("name")
                if reference and f"TriggerAuthentication/{reference}" not in targets:
                    yield f"{name_of(one)}: there is no TriggerAuthentication/{reference}"
    yield from (f"{name}: two autoscalers pull at it" for name in sorted({n for n in scaled if scaled.count(n) > 1}))


def _twice(documents: tuple[Document, ...]) -> Iterator[str]:
    names = [(one["apiVersion"], name_of(one), one["metadata"].get("namespace")) for one in documents]
    yield from (f"{name[1]}: it is there twice" for name in sorted({n for n in names if names.count(n) > 1}))
