"""`make kafka` where something is missing, and its download that is whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from tools import kafka

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "breakwater"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but what the test puts there, and a shell."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("sh", "sleep", "touch"):
        found = next(Path(place) / name for place in os.defpath.split(":") if (Path(place) / name).exists())
        (directory / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def program(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


MAVEN = """
echo run >> "$0.log"
for argument in "$@"; do case "$argument" in -DoutputDirectory=*) out="${argument#-DoutputDirectory=}";; esac; done
sleep 0.2
touch "$out/kafka.jar"
"""


def test_the_version_is_the_poms() -> None:
    assert kafka.version() == "4.1.0"


def test_missing_java_is_said_with_the_package_that_brings_it(tools: Path, cache: Path) -> None:
    assert "apt-get install default-jre-headless" in str(kafka.missing())


def test_an_old_java_is_said(tools: Path, cache: Path) -> None:
    program(tools, "java", "echo 'openjdk version \"11.0.2\"' >&2")
    assert "version 11 is too old, 17 is needed" in str(kafka.missing())


def test_a_java_that_only_says_there_is_none_counts_as_none(tools: Path, cache: Path) -> None:
    program(tools, "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")
    assert "does not answer" in str(kafka.missing())


def test_maven_is_needed_only_until_the_jars_are_there(tools: Path, cache: Path) -> None:
    program(tools, "java", "echo 'openjdk version \"21.0.1\"' >&2")
    assert "apt-get install maven" in str(kafka.missing())
    with pytest.raises(Unavailable, match="apt-get install maven"):
        kafka.jars()
    (cache / "kafka-4.1.0").mkdir(parents=True)
    assert kafka.missing() is None


def test_two_that_fetch_at_once_download_once(tools: Path, cache: Path) -> None:
    program(tools, "mvn", MAVEN)
    found: list[Path] = []
    both = [threading.Thread(target=lambda: found.append(kafka.jars())) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert found == [cache / "kafka-4.1.0"] * 2
    assert (found[0] / "kafka.jar").exists()
    assert (tools / "mvn.log").read_text().count("run") == 1


def test_a_download_that_fails_leaves_nothing_and_says_why(tools: Path, cache: Path) -> None:
    program(tools, "mvn", f"{MAVEN}\necho 'no route to the repository'; exit 1")
    with pytest.raises(Unavailable, match="no route to the repository"):
        kafka.jars()
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_an_identifier_that_begins_with_a_dash_is_no_option(tools: Path, cache: Path, tmp_path: Path) -> None:
    (cache / "kafka-4.1.0").mkdir(parents=True)
    program(
        tools, "java", 'case "$*" in *StorageTool*) echo "$@" > "$0.log"; exit 1;; *) echo \'version "17"\' >&2;; esac'
    )
    with pytest.raises(Unavailable, match="cannot be formatted"):
        kafka.KafkaNode(tmp_path / "node", cluster_id="-abc").start()
    assert " --cluster-id=-abc " in (tools / "java.log").read_text()


def test_the_command_fails_with_three_when_java_is_missing(tools: Path, cache: Path) -> None:
    (cache / "kafka-4.1.0").mkdir(parents=True)
    run = subprocess.run(
        [sys.executable, "-m", "tools.kafka", "start"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 3
    assert run.stderr.startswith("make kafka: Java is away: it is not installed")
    assert "Traceback" not in run.stderr
