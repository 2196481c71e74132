"""Finds the members of a drawer: from each file of a package, the one thing that fulfils the drawer's contract."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def files(package: ModuleType) -> list[str]:
    """The drawer's files by name, in order."""
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))


def members(package: ModuleType, kind: type[T]) -> dict[str, T]:
    """By file name, its one member. Raises TypeError where a file has none or several."""
    found: dict[str, T] = {}
    for name in files(package):
        module = importlib.import_module(f"{package.__name__}.{name}")
        here = [value for value in vars(module).values() if isinstance(value, kind)]
        if len(here) != 1:
            raise TypeError(f"{package.__name__}.{name} must hold exactly one {kind.__name__}, it holds {len(here)}")
        found[name] = here[0]
    return found
