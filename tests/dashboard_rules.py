"""What we ask of a Grafana dashboard beyond its schema, and how its queries are asked of a Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.metrics_core import Metric

from streams import telemetry

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "helm/breakwater/files/grafana/dashboards"
FOLDER_TITLE = "Breakwater"  # of the provisioning file: Grafana refuses a dashboard of the same title
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
COUNTED = re.compile(r"(?:rate|increase)\(\s*breakwater_\w+(?:\{[^}]*\})?\[[^\]]+\]")
NAME = re.compile(r"breakwater_\w+")
SELECTOR = re.compile(r"(breakwater_\w+)\{([^}]*)\}")
# what Prometheus adds to every series
TARGET_LABELS = {"instance", "job"}


class Asked(NamedTuple):
    """One query of a panel."""

    board: str
    panel: str
    expression: str
    legend: str

    def __str__(self) -> str:
        return f"{self.board} / {self.panel}: {self.expression}"


def boards() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: Any) -> Iterator[Any]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def asked(board: Any) -> list[Asked]:
    return [
        Asked(board["title"], panel["title"], target["expr"], target.get("legendFormat", ""))
        for panel in panels(board)
        for target in panel.get("targets", ())
    ]


def problems(board: Any) -> list[str]:
    """Where a dashboard breaks our rules, in a sentence each."""
    found = [f"{panel['title']}: {text}" for panel in panels(board) for text in _of_panel(panel)]
    found += [f"{query}: {text}" for query in asked(board) for text in of_expression(query.expression)]
    found += [f"{one} and {other} overlap" for one, other in overlapping(board)]
    if board["title"] == FOLDER_TITLE:
        found.append("its title is its folder's")
    return found


def _of_panel(panel: Any) -> Iterator[str]:
    if panel["type"] == "row":
        return
    if not panel.get("description"):
        yield "says not what it shows"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "has no unit"
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    if any(source["uid"] != "${source}" for source in sources):
        yield "does not take its data source by variable"


def overlapping(board: Any) -> list[tuple[str, str]]:
    places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
    return [
        (one, other)
        for n, (one, a) in enumerate(places)
        for other, b in places[n + 1 :]
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]


def families() -> dict[str, tuple[str, set[str]]]:
    """Every name that /metrics may show, with its kind and labels."""
    found = {}
    for metric in telemetry.REGISTRY.collect():
        for suffix in SUFFIXES.get(metric.type, ("",)):
            found[metric.name + suffix] = metric.type, _labels(metric) | ({"le"} if suffix == "_bucket" else set())
    return found


def _labels(metric: Metric) -> set[str]:
    collector = telemetry.REGISTRY._names_to_collectors.get(metric.name)
    return set(getattr(collector, "_labelnames", ()))


def of_expression(expression: str) -> Iterator[str]:
    """Names and labels that we do not expose; counters outside rate or increase; gauges inside."""
    known = families()
    for name in set(NAME.findall(expression)):
        if name not in known:
            yield f"{name} is no metric of ours"
    for name, inside in SELECTOR.findall(expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
        if unknown := labels - known.get(name, ("", labels))[1] - TARGET_LABELS:
            yield f"{name} has no label {', '.join(sorted(unknown))}"
    rest = COUNTED.sub("", expression)
    for name in set(NAME.findall(rest)):
        if known.get(name, ("", set()))[0] in ("counter", "histogram"):
            yield f"the counter {name} stands outside rate and increase"
    for counted in COUNTED.findall(expression):
        (name,) = NAME.findall(counted)
        if known.get(name, ("", set()))[0] == "gauge":
            yield f"the gauge {name} stands inside rate or increase"


def filled(expression: str, values: dict[str, str], *, step: str = "15s", range_: str = "5m") -> str:
    """The expression as Grafana would send it, with these values of the dashboard's variables."""
    text = expression.replace("$__rate_interval", step).replace("$__interval", step).replace("$__range", range_)
    for name, value in values.items():
        text = re.sub(rf"\$\{{{name}(?::regex)?\}}|\${name}\b", value.replace("\\", r"\\"), text)
    assert "$" not in re.sub(r"'\$1'", "", text), f"a variable is left: {text}"
    return text


def grouped_by(expression: str) -> set[str]:
    """The labels by which an expression groups: its series have them, though a label that is empty is not shown."""
    return {label for found in re.findall(r"\bby \(([^)]*)\)", expression) for label in re.findall(r"\w+", found)}


def legend_labels(legend: str) -> set[str]:
    return set(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend))
