"""The workflows are whole: pinned actions, least rights, targets and files that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_pinned_bounded_and_has_only_the_rights_it_needs(path: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"]), name
        assert job["timeout-minutes"] <= 60, name
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", step["uses"]), step["uses"]
            # what somebody else writes never becomes part of a script
            assert not re.search(r"\$\{\{ github\.(event|head_ref)", step.get("run", "")), name


def test_the_targets_that_workflows_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {
        word for path in WORKFLOWS for line in re.findall(r"run: make (.+)", path.read_text()) for word in line.split()
    }
    assert asked
    assert asked <= targets


def test_the_cases_that_kind_installs_exist() -> None:
    kind = yaml.safe_load((ROOT / ".github/workflows/kind.yaml").read_text())
    matrix = kind["jobs"]["install"]["strategy"]["matrix"]
    assert len(matrix["node"]) == 3
    for case in matrix["case"]:
        assert (ROOT / f"helm/breakwater/ci/{case}-values.yaml").exists()
