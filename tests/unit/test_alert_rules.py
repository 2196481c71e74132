"""The alerts about ourselves: promtool's cases hold, each alert has all three kinds, and each case can fail."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = ROOT / "helm/breakwater/files/prometheus"
CASES = ROOT / "tests/alerts/breakwater.yaml"
PAGER_WORDS = {"critical", "error", "warning", "info"}
NAMES = [rule["alert"] for rule in yaml.safe_load((FILES / "rules.yaml").read_text())["groups"][0]["rules"]]


def need(program: str, package: str) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing (Debian: apt-get install {package})")
    return program


def checked(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rules() -> Any:
    return yaml.safe_load((FILES / "rules.yaml").read_text())


def of_alert(name: str) -> list[list[bool]]:
    """For each test group that speaks of the alert: whether it fires at the moments asked, in order of time."""
    found = []
    for group in yaml.safe_load(CASES.read_text())["tests"]:
        asked = [test for test in group["alert_rule_test"] if test["alertname"] == name]
        asked.sort(key=lambda test: int(test["eval_time"].removesuffix("m")))
        found.append([bool(test["exp_alerts"]) for test in asked])
    return [moments for moments in found if moments]


def test_promtool_accepts_the_rules_and_every_case_holds() -> None:
    promtool = need("promtool", "prometheus")
    assert checked(promtool, "check", "rules", str(FILES / "rules.yaml")).returncode == 0
    done = checked(promtool, "test", "rules", str(CASES))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_case_that_fires_one_that_is_quiet_and_one_that_resolves(name: str) -> None:
    cases = of_alert(name)
    assert any(any(moments) for moments in cases)
    assert any(not all(moments) for moments in cases)
    assert any((True, False) in itertools.pairwise(moments) for moments in cases)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_fails_when_its_alert_never_fires_and_when_it_always_does(name: str, tmp_path: Path) -> None:
    promtool = need("promtool", "prometheus")
    for broken in ("vector(0) > 1", "vector(1)"):
        changed = rules()
        (rule,) = [rule for rule in changed["groups"][0]["rules"] if rule["alert"] == name]
        rule["expr"] = broken
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump(changed))
        cases = yaml.safe_load(CASES.read_text()) | {"rule_files": ["rules.yaml"]}
        (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases))
        done = checked(promtool, "test", "rules", str(tmp_path / "cases.yaml"))
        assert done.returncode != 0 and name in done.stdout + done.stderr, broken


def test_every_alert_has_a_severity_of_the_pagers_words_and_says_what_to_do() -> None:
    for rule in rules()["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in PAGER_WORDS, rule["alert"]
        assert rule["annotations"]["summary"] and rule["annotations"]["description"], rule["alert"]


def test_alertmanager_accepts_its_routes() -> None:
    amtool = need("amtool", "prometheus-alertmanager")
    done = checked(amtool, "check-config", str(FILES / "alertmanager.yaml"))
    assert done.returncode == 0, done.stderr
