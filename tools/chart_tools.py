"""What checks rendered manifests without a cluster: Kubernetes' own schemas, and a security policy.

They bring a hundred packages of their own, so they have an environment of their own (`requirements/chart.lock`).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from schemas.errors import Unavailable
from tools.fetched import fetched

LOCK = Path(__file__).parents[1] / "requirements/chart.lock"


def python() -> Path:
    """The environment's Python, which runs its tools as modules; made when it is not there yet. Raises Unavailable."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    return fetched(f"chart-tools-{digest}", _install) / "bin/python"


def _install(directory: Path) -> None:
    print("Installing checkov and kubernetes-validate, once (300 MB) ...", file=sys.stderr)
    venv.create(directory, with_pip=False)
    uv = Path(sys.executable).with_name("uv")
    where = ["--python", str(directory / "bin/python"), "--require-hashes", "-r", str(LOCK)]
    command = [str(uv), "pip", "install", "-q", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable("the chart's tools", done.stderr.strip()[-2000:])


if __name__ == "__main__":
    print(python())
