"""What the Helm chart knows of the application: which topics a role reads, and what its values may be.

Both are generated from the code, so that the chart cannot drift from it.
"""

from __future__ import annotations

from typing import Any

from schemas import topics
from streams.config import CHANNELS, Settings
from streams.notify import role as notify

Schema = dict[str, Any]
WORKLOADS = ("ingest", "detect", "respond", "notify", "web", "all")
NAME = r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
SECONDS = r"^[0-9]+(ms|s|m|h)$"


def read_topics() -> dict[str, Any]:
    """The consumer groups of each role with their topics, for the autoscaler."""
    groups = (
        ("detect", (topics.QUEUE_PANES,)),
        ("respond", (topics.DESK, *topics.DESK_INPUTS)),
        ("notify", notify.INPUTS),
    )
    return {
        "contact_prefix": f"{topics.CONTACT_EVENTS}.",
        "channel_partitions": next(iter(CHANNELS.values())).partitions,
        "channels": {name: {"partitions": channel.partitions} for name, channel in sorted(CHANNELS.items())},
        "groups": [
            {"role": role, "topics": [{"name": topic.name, "partitions": topic.partitions} for topic in read]}
            for role, read in groups
        ],
    }


def values_schema() -> Schema:
    """JSON Schema (draft 7, which Helm 3.17 and 4 both know) of the chart's values: strict but for free maps."""
    settings = Settings.model_json_schema(ref_template="#/definitions/settings.{model}")
    definitions = {f"settings.{name}": part for name, part in settings.pop("$defs").items()}
    definitions["workload"] = _workload()
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the Breakwater chart",
        "definitions": definitions,
        **_object(
            {
                "global": {"type": "object"},
                "nameOverride": _text(NAME),
                "fullnameOverride": _text(NAME),
                "namespaceOverride": _text(NAME),
                "commonLabels": _texts(),
                "commonAnnotations": _texts(),
                "image": _image(),
                "config": settings,
                "secrets": _secrets(),
                "layout": _one_of("split", "single"),
                "workload": _kind(),
                "defaults": {"$ref": "#/definitions/workload"},
                "workloads": _object({name: {"$ref": "#/definitions/workload"} for name in WORKLOADS}),
                "topics": _object({"job": _topic_job()}),
                "service": _service(),
                "ingress": _ingress(),
                "networkPolicy": _network_policy(),
                "monitoring": _monitoring(),
                "serviceAccount": _object({"create": _flag(), "name": _text(NAME), "annotations": _texts()}),
                "canary": _object({"enabled": _flag(), "channel": _text(), "waitSeconds": _count(1)}),
                "extraObjects": {"type": "array", "items": {"type": ["object", "string"]}},
            }
        ),
    }


def _object(properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return found | ({"required": list(required)} if required else {})


def _text(pattern: str | None = None) -> Schema:
    return {"type": "string", "pattern": pattern} if pattern else {"type": "string"}


def _flag() -> Schema:
    return {"type": "boolean"}


def _count(least: int = 0, most: int | None = None) -> Schema:
    return {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})


def _one_of(*texts: str) -> Schema:
    return {"type": "string", "enum": list(texts)}


def _texts() -> Schema:
    return {"type": "object", "additionalProperties": {"type": "string"}}


def _objects() -> Schema:
    """A list of what Kubernetes defines; its API server checks them."""
    return {"type": "array", "items": {"type": "object"}}


def _image() -> Schema:
    return _object(
        {
            "registry": _text(),
            "repository": _text(r"^[a-z0-9]+([._/-][a-z0-9]+)*$"),
            "tag": _text(r"^$|^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"),
            "digest": _text(r"^$|^sha256:[0-9a-f]{64}$"),
            "pullPolicy": _one_of("Always", "IfNotPresent", "Never"),
            "pullSecrets": {"type": "array", "items": _text()},
        }
    )


def _secrets() -> Schema:
    one = _object(
        {
            "secretName": _text(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
            "key": _text(r"^[-._a-zA-Z0-9]+$"),
            "workloads": {"type": "array", "items": _one_of(*WORKLOADS[:-1], "topics", "canary")},
        },
        ("secretName", "key"),
    )
    return {"type": "object", "propertyNames": {"pattern": r"^[-._a-zA-Z0-9]+$"}, "additionalProperties": one}


def _kind() -> Schema:
    return _object(
        {
            "kind": _one_of("Deployment", "StatefulSet"),
            "staticMembership": _flag(),
            "persistence": _object(
                {
                    "enabled": _flag(),
                    "size": _text(QUANTITY),
                    "storageClass": _text(),
                    "whenDeleted": _one_of("Retain", "Delete"),
                    "whenScaled": _one_of("Retain", "Delete"),
                }
            ),
            "scratchSize": _text(QUANTITY),
        }
    )


def _resources() -> Schema:
    amounts = {"type": "object", "additionalProperties": {"type": ["string", "number", "null"], "pattern": QUANTITY}}
    return _object({"requests": amounts, "limits": amounts})


def _probe() -> Schema:
    return _object({"periodSeconds": _count(1), "failureThreshold": _count(1)})


def _workload() -> Schema:
    share = {"type": ["integer", "string", "null"], "minimum": 0, "pattern": "^[0-9]{1,3}%$"}
    return _object(
        {
            "enabled": _flag(),
            "replicas": _count(),
            "autoscaling": _object(
                {
                    "type": _one_of("none", "hpa", "keda"),
                    "minReplicas": _count(1),
                    "maxReplicas": _count(1),
                    "targetCPU": _count(1, 1000),
                    "lagRecords": _count(1),
                    "pollingSeconds": _count(1),
                    "cooldownSeconds": _count(),
                }
            ),
            "resources": _resources(),
            "disruptionBudget": _object({"enabled": _flag(), "maxUnavailable": share, "minAvailable": share}),
            "startup": _probe(),
            "readiness": _probe(),
            "liveness": _probe(),
            # less than it takes to flush, commit and leave the groups would lose nothing, but repeat work
            "terminationGracePeriodSeconds": _count(10),
            "revisionHistoryLimit": _count(),
            "podLabels": _texts(),
            "podAnnotations": _texts(),
            "priorityClassName": _text(),
            "nodeSelector": _texts(),
            "affinity": {"type": "object"},
            "tolerations": _objects(),
            "topologySpreadConstraints": _objects(),
            "extraEnv": _objects(),
            "extraEnvFrom": _objects(),
            "extraVolumes": _objects(),
            "extraVolumeMounts": _objects(),
            "extraContainers": _objects(),
        }
    )


def _topic_job() -> Schema:
    return _object(
        {
            "enabled": _flag(),
            "hook": _flag(),
            "deadlineSeconds": _count(10),
            "keepSeconds": _count(),
            "resources": _resources(),
        }
    )


def _service() -> Schema:
    return _object(
        {
            "type": _one_of("ClusterIP", "NodePort", "LoadBalancer"),
            "port": _count(1, 65535),
            "annotations": _texts(),
        }
    )


def _ingress() -> Schema:
    return _object(
        {
            "enabled": _flag(),
            "className": _text(),
            "host": _text(r"^$|^[a-z0-9*]([-a-z0-9.]*[a-z0-9])?$"),
            "path": _text("^/"),
            "tlsSecretName": _text(),
            "annotations": _texts(),
        }
    )


def _network_policy() -> Schema:
    peers = _object({"ports": {"type": "array", "items": _count(1, 65535), "minItems": 1}, "to": _objects()})
    return _object(
        {
            "enabled": _flag(),
            "brokers": peers,
            "sinks": peers,
            "metricsFrom": _objects(),
            "pageFrom": _objects(),
            "extraIngress": _objects(),
            "extraEgress": _objects(),
        }
    )


def _monitoring() -> Schema:
    return _object(
        {
            "podMonitor": _object(
                {
                    "enabled": _flag(),
                    "force": _flag(),
                    "interval": _text(SECONDS),
                    "sampleLimit": _count(),
                    "labels": _texts(),
                    "relabelings": _objects(),
                    "metricRelabelings": _objects(),
                }
            ),
            "rules": _object({"enabled": _flag(), "force": _flag(), "labels": _texts()}),
            "dashboards": _object({"enabled": _flag(), "label": _text(), "labelValue": _text(), "folder": _text()}),
        }
    )
