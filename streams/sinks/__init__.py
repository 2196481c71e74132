"""The drawer of sinks: one file each, found by its name; the settings section of that name switches it on."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

from schemas.errors import BadConfig
from streams.config import Notify
from streams.notify.sink import Sink
from streams.sinks import _http


def members() -> dict[str, type[Sink]]:
    """Every sink there is, by name: the one Sink class that its file defines."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_")
    return {name: _member(name) for name in names}


def _member(name: str) -> type[Sink]:
    module = importlib.import_module(f"{__name__}.{name}")
    classes = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    found = [kind for kind in classes if issubclass(kind, Sink)]
    assert len(found) == 1 and found[0].name == name, f"{module.__name__} must define one Sink called {name!r}"
    return found[0]


def build(notify: Notify) -> list[Sink]:
    """The sinks that are set. Raises BadConfig with the mistakes of all of them."""
    built: list[Sink] = []
    problems = list(_wrong_links(notify))
    for name, kind in members().items():
        section = getattr(notify, name)
        if section is None:
            continue
        try:
            built.append(kind.build(section, notify))
        except BadConfig as error:
            problems += error.problems
    if problems:
        raise BadConfig(problems)
    return built


def _wrong_links(notify: Notify) -> Iterator[tuple[str, str]]:
    """Addresses that services would refuse in a link."""
    for name in ("status_url", "dashboard_url", "playbook_url"):
        address = getattr(notify, name)
        try:
            if address is not None:
                _http.checked_url(f"notify.{name}", address)
        except BadConfig as error:
            yield from error.problems
