"""Writes the lock files anew from pyproject.toml: every package with its hashes, no index named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILE = ("pip", "compile", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet")
LOCKS = {
    "dev.lock": ("--all-extras", "--group", "dev", "--group", "build"),
    "demo.lock": ("--all-extras", "--group", "build", "--constraint", "requirements/dev.lock"),
    "runtime.lock": ("--extra", "traces", "--group", "build", "--constraint", "requirements/dev.lock"),
}

for name, options in LOCKS.items():
    where = f"requirements/{name}"
    command = [str(Path(sys.executable).with_name("uv")), *COMPILE, "--python-version", "3.11", *options]
    subprocess.run([*command, "pyproject.toml", "-o", where], cwd=ROOT, check=True)
    print(where)
