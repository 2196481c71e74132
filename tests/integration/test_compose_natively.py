"""What compose starts, started natively with the very files that it mounts: the demo's outage reaches pager and
Grafana, the alerts reach Alertmanager. On Apache Kafka, in a network of its own, with compose's ports and names.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("kafka", "worker", "pager", "prometheus", "alertmanager", "grafana")
NOTIFY = (
    '{pagerduty: {routing_key_file: /etc/breakwater/stand-in-key, base_url: "http://pager:8090/v2"},'
    ' grafana: {url: "http://pager:8090", token_file: /etc/breakwater/stand-in-key}}'
)


def services() -> dict[str, Any]:
    command = [str(Path(sys.executable).with_name("docker-compose")), "--profile", "pager", "--profile", "traffic"]
    environment = {"PATH": "/usr/bin:/bin", "GRAFANA_PASSWORD": "x", "BREAKWATER_NOTIFY": NOTIFY}
    done = subprocess.run(
        [*command, "config", "--format", "json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_the_composed_services_tell_the_story(tmp_path: Path, kafka: Any) -> None:
    lacking = [name for name in ("bwrap", "prometheus", "prometheus-alertmanager") if shutil.which(name) is None]
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{', '.join(lacking)} is missing")
    (tmp_path / "services.json").write_text(json.dumps(services()))
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()} {' '.join(NAMES)}\n")
    inside = [
        sys.executable,
        "-m",
        "tests.integration.compose_natively",
        str(tmp_path / "services.json"),
        str(tmp_path),
    ]
    alone = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(tmp_path / "hosts"), "/etc/hosts", "--unshare-net"]
    done = subprocess.run([*alone, "--die-with-parent", *inside], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    arrived = json.loads((tmp_path / "arrived.json").read_text())
    assert arrived["targets"] == {"worker:8080": "up"}
    assert "Breakwater" in arrived["page"]
    assert arrived["watched"] and arrived["heard"]
