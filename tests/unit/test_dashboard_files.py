"""The dashboards keep to Grafana's schema and to our rules; the rules catch what they are there for."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from promql_parser import parse

from tests import dashboard_rules as rules

BOARDS = rules.boards()
RULES = rules.ROOT / "helm/breakwater/files/prometheus/rules.yaml"
WANTED = {"Contact centre now", "Incident", "Tool health", "Breakwater itself"}
VALUES = {"tenant": "demo", "channel": "chat", "queue": "chat/billing", "incident": "i-1", "tool": "crm"}


def test_there_are_the_four_of_them_each_with_an_uid_of_its_own() -> None:
    assert {board["title"] for board in BOARDS.values()} == WANTED
    assert len({board["uid"] for board in BOARDS.values()}) == len(WANTED)


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_keeps_to_our_rules(name: str) -> None:
    assert rules.problems(BOARDS[name]) == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_fulfils_grafanas_schema(name: str, shared_data: Path) -> None:
    schema = json.loads((shared_data / "specs/grafana/dashboard.jsonschema.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(BOARDS[name])] == []


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_is_promql_and_leaves_no_variable_unfilled(name: str) -> None:
    queries = list(rules.asked(BOARDS[name]))
    assert len(queries) >= 3, "a dashboard without queries shows nothing"
    for query in queries:
        expression = rules.filled(query.expression, VALUES)
        assert not re.search(r"\$[a-z_{]", expression), query  # `$1` is a group of a label_replace
        parse(expression)  # raises where it is no PromQL


def test_the_folder_of_the_provisioning_is_the_one_that_titles_are_compared_with() -> None:
    provider = rules.FOLDER.parent / "provisioning/dashboards/breakwater.yaml"
    (only,) = yaml.safe_load(provider.read_text())["providers"]
    assert only["folder"] == rules.FOLDER_TITLE


def test_the_rules_about_ourselves_ask_for_metrics_that_we_expose() -> None:
    asked = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    for expression in asked:
        parse(expression)
        assert list(rules.of_expression(expression)) == [], expression


def broken(change: Any) -> list[str]:
    board = copy.deepcopy(BOARDS["incident"])
    change(board, next(panel for panel in board["panels"] if panel["type"] == "timeseries"))
    return rules.problems(board)


@pytest.mark.parametrize(
    "expression,problem",
    [
        ("breakwater_no_such_thing", "is no metric of ours"),
        ('breakwater_backlog_contacts{queue="x"}', "has no label queue"),
        ("sum(breakwater_dead_letters_total)", "stands outside rate and increase"),
        ("rate(breakwater_backlog_contacts[5m])", "stands inside rate or increase"),
    ],
)
def test_a_wrong_expression_is_found(expression: str, problem: str) -> None:
    assert any(problem in text for text in rules.of_expression(expression))


@pytest.mark.parametrize(
    "change,problem",
    [
        (lambda board, panel: panel["fieldConfig"]["defaults"].pop("unit"), "has no unit"),
        (lambda board, panel: panel.pop("description"), "says not what it shows"),
        (lambda board, panel: panel["targets"][0]["datasource"].update(uid="p"), "data source by variable"),
        (lambda board, panel: panel["gridPos"].update(y=0), "overlap"),
        (lambda board, panel: board.update(title=rules.FOLDER_TITLE), "its folder's"),
    ],
)
def test_a_broken_dashboard_is_found(change: Any, problem: str) -> None:
    assert any(problem in text for text in broken(change))
