"""What a machine lacks is skipped with the reason, and fails where CI is set: a green run must have run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE = "tests/integration/test_topics.py::test_topics_are_made_once_and_found_right_the_second_time"


def run_without_java(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """One test on Apache Kafka, in a pytest of its own that finds no Java."""
    kept = {name: text for name, text in os.environ.items() if name not in ("CI", "BREAKWATER_TEST_KAFKA")}
    environment = {**kept, "PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), **variables}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ONE]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_missing_java_skips_the_test_and_says_what_to_install(tmp_path: Path) -> None:
    run = run_without_java(tmp_path)
    assert run.returncode == 0, run.stdout
    assert "1 skipped" in run.stdout
    assert "apt-get install default-jre-headless" in run.stdout
    assert "brokers used: none" in run.stdout


def test_a_missing_java_fails_where_ci_is_set(tmp_path: Path) -> None:
    run = run_without_java(tmp_path, CI="true")
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout
    assert "apt-get install default-jre-headless" in run.stdout
