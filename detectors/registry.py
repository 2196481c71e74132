"""The drawer of detection methods: every file of `detectors/methods`, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from detectors import methods
from detectors.contract import Method
from schemas.errors import BadConfig


def names() -> list[str]:
    """As people type them: `half_space_trees.py` is half-space-trees."""
    return sorted(found.name.replace("_", "-") for found in pkgutil.iter_modules(methods.__path__))


def build(name: str, time_zone: str = "UTC") -> Method[Any, Any]:
    """A new detector with the method's defaults; `time_zone` is whose hours its seasons follow. Raises BadConfig."""
    if name.replace("_", "-") not in names():
        raise BadConfig([("--method", f"{name!r} is no method; there are {', '.join(names())}")])
    module = importlib.import_module(f"detectors.methods.{name.replace('-', '_')}")
    built: Method[Any, Any] = module.build(time_zone=time_zone)
    return built
