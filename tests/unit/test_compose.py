"""The compose file is accepted by a real Compose, and what it mounts and names exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams import config
from streams.__main__ import breakwater

ROOT = Path(__file__).parents[2]
PROFILES = ((), ("pager",), ("traffic",), ("pager", "traffic"))
OURS = ("topics", "worker", "pager", "traffic")


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def compose(*arguments: str, password: str | None = "x") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", **({"GRAFANA_PASSWORD": password} if password else {})}
    command = [tool("docker-compose"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def services(*profiles: str) -> dict[str, dict[str, object]]:
    chosen = [part for profile in profiles for part in ("--profile", profile)]
    done = compose(*chosen, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.parametrize("profiles", PROFILES, ids=lambda p: "+".join(p) or "default")
def test_compose_accepts_the_file_with_every_profile(profiles: tuple[str, ...]) -> None:
    assert set(profiles) <= set(services(*profiles))


def test_a_missing_password_is_named() -> None:
    done = compose("config", "-q", password=None)
    assert done.returncode != 0
    assert "GRAFANA_PASSWORD" in done.stderr


@pytest.mark.parametrize(
    "old,new", [("condition: service_healthy", "condition: service_health"), ("mem_limit", "memlimit")]
)
def test_compose_refuses_a_misspelt_file(old: str, new: str, tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text((ROOT / "docker-compose.yml").read_text().replace(old, new))
    assert compose("-f", str(broken), "config", "-q").returncode != 0


def test_every_image_has_a_full_version() -> None:
    for name, service in services("pager", "traffic").items():
        assert re.search(r":v?\d+\.\d+\.\d+", str(service["image"])), name


def test_every_mounted_file_exists_and_nothing_listens_beyond_this_machine() -> None:
    for service in services("pager", "traffic").values():
        for mount in service.get("volumes", []):  # type: ignore[attr-defined]
            assert mount["type"] == "volume" or Path(mount["source"]).exists()
        for port in service.get("ports", []):  # type: ignore[attr-defined]
            assert port["host_ip"] == "127.0.0.1"


def test_our_services_run_without_rights_they_do_not_need() -> None:
    found = services("pager", "traffic")
    for name in OURS:
        assert found[name]["read_only"] is True
        assert found[name]["cap_drop"] == ["ALL"]
        assert found[name]["security_opt"] == ["no-new-privileges:true"]


def test_environment_names_are_settings_and_commands_exist() -> None:
    found = services("pager", "traffic")
    for name in OURS:
        environment = found[name]["environment"]
        assert isinstance(environment, dict)
        config.load(environment={key: str(text) for key, text in environment.items()})
        command = found[name]["command"]
        assert isinstance(command, list)
        words = [word for word in command if not word.startswith("-")]
        done = CliRunner().invoke(breakwater, [*words[: 2 if words[0] == "topics" else 1], "--help"])
        assert done.exit_code == 0, done.output
        for option in (word for word in command if word.startswith("--")):
            assert option in done.output, f"{name}: {option}"


def test_the_mounted_settings_are_settings() -> None:
    settings = config.load(ROOT / "helm/breakwater/files/worker/breakwater.yaml", environment={})
    assert settings.web.host == "0.0.0.0"


def test_the_dockerfile_passes_the_linter() -> None:
    done = subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_image_gets_every_package_that_is_installed() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text()
    for package in ("schemas", "detectors", "response", "drills", "streams"):
        assert f'"{package}"' in pyproject
        assert f"COPY {package} {package}" in dockerfile
        assert f"!{package}" in ignored
