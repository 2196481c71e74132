"""The settings of a sweep: names and values to a grid, each of them something that a deployment can be given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

from pydantic import ValidationError

from schemas.centre import Centre
from schemas.errors import BadConfig
from streams.backtest.source import Heard
from streams.config import Channel, Settings
from streams.sweep.lanes import Lane

SETTINGS_MAX = 200


class Setting(NamedTuple):
    """One point of the grid; None: as it is. What each name means is in NAMES."""

    budget: float | None = None
    tolerance: float | None = None
    pane_seconds: int | None = None
    lateness: float | None = None

    def __str__(self) -> str:
        return " ".join(f"{name}={value:g}" for name, value in self.values().items()) or "as it is"

    def values(self) -> dict[str, float]:
        return {name: value for name, value in self._asdict().items() if value is not None}

    @property
    def lane(self) -> Lane:
        return Lane(self.budget, self.tolerance)


def _above_nothing(value: float) -> str | None:
    return None if value > 0 else "must be above 0"


def _a_ratio(value: float) -> str | None:
    return None if value >= 1 else "is a ratio of 1 or more: 1.25 ignores what is within +-25 %"


def _a_length(value: float) -> str | None:
    return None if value >= 1 and value == int(value) else "is whole seconds"


def _a_wait(value: float) -> str | None:
    return None if 0 <= value <= 600 else "is 0 to 600 seconds"


NAMES: dict[str, tuple[str, Callable[[float], str | None]]] = {
    "budget": ("budget_false_incidents_per_month of the model (centre.yaml)", _above_nothing),
    "tolerance": ("ignore_within_ratio of the model (centre.yaml)", _a_ratio),
    "pane_seconds": ("pane_seconds of every channel (settings)", _a_length),
    "lateness": ("lateness_seconds of every channel (settings)", _a_wait),
}


def grid(texts: Iterable[str]) -> tuple[Setting, ...]:
    """All combinations of `name=value,value`. Raises BadConfig with every mistake."""
    found: dict[str, list[float]] = {}
    problems = []
    for text in texts:
        name, _, values = text.partition("=")
        try:
            if name in found:
                raise ValueError("is given twice: write all of its values behind one =")
            found[name] = _values(name, values)
        except ValueError as error:
            problems.append((f"--sweep {text}", str(error)))
    if problems:
        raise BadConfig(problems)
    many = math.prod(map(len, found.values()))
    if many > SETTINGS_MAX:
        raise BadConfig([("--sweep", f"has {many:,} settings; {SETTINGS_MAX} at most: leave values out")])
    if many < 2:
        raise BadConfig([("--sweep", "has one setting only: give two values or more, as in budget=1,4,10")])
    points = (dict(zip(found, point, strict=True)) for point in product(*found.values()))
    return tuple(Setting(**{n: int(v) if n == "pane_seconds" else v for n, v in one.items()}) for one in points)  # type: ignore[arg-type]


def refuse_counting(points: Iterable[Setting]) -> None:
    """Raises BadConfig where panes would have to be counted anew, and are counted."""
    named = dict.fromkeys(name for point in points for name in point.values() if name in ("pane_seconds", "lateness"))
    if named:
        why = "cannot be tried on panes that are counted: give contacts (an export, or an archive of them)"
        raise BadConfig([(f"--sweep {name}", why) for name in named])


def _values(name: str, text: str) -> list[float]:
    if name not in NAMES:
        there = "; ".join(f"{known}: {means}" for known, (means, _) in NAMES.items())
        raise ValueError(f"is no setting of a sweep; there are {there}")
    found: list[float] = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f"{part!r} is no number: write {name}=1,2,3")
        if wrong := NAMES[name][1](value):
            raise ValueError(f"{part} {wrong}")
        if value in found:
            raise ValueError(f"{part} stands there twice")
        found.append(value)
    return found


def settings_of(settings: Settings, setting: Setting) -> Settings:
    """The deployment's settings with those of this point. Raises BadConfig where they cannot be."""
    changed = {"pane_seconds": setting.pane_seconds, "lateness_seconds": setting.lateness}
    changed = {name: value for name, value in changed.items() if value is not None}
    return settings.model_copy(
        update={"channels": {name: _channel(name, one, changed) for name, one in settings.channels.items()}}
    )


def _channel(name: str, channel: Channel, changed: dict[str, Any]) -> Channel:
    try:
        return Channel.model_validate(channel.model_dump() | changed)
    except ValidationError as error:
        raise BadConfig([(f"--sweep: channels.{name}", problem["msg"]) for problem in error.errors()]) from None


def stated(centre: Centre | None, heard: Heard) -> float:
    """The false incidents a month that the models allow, over all tenants."""
    usual = Centre(tenant="any").budget_false_incidents_per_month
    given = {centre.tenant: centre.budget_false_incidents_per_month} if centre else {}
    budgets = {**heard.budgets, **given}
    return sum(budgets.get(tenant, usual) for tenant in heard.tenants)
