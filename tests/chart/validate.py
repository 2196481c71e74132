"""Run by the chart tools' own Python: manifests against the schemas of several Kubernetes versions, strictly.

Standard input: a JSON list of {"name", "version", "document"}. Standard output: a JSON list of {"name", "problem"}.
"""

from __future__ import annotations

import functools
import json
import sys

import kubernetes_validate
from kubernetes_validate import utils

# read once, not once a document
utils.schema_contents = functools.cache(utils.schema_contents)


def problem(document: dict[str, object], version: str) -> str | None:
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError as error:
        return error.message
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    return None


found = [
    {"name": one["name"], "problem": f"{one['version']}: {text}"}
    for one in json.load(sys.stdin)
    if (text := problem(one["document"], one["version"]))
]
json.dump(found, sys.stdout)
