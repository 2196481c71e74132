"""The table of values in the chart's README, from the comments in values.yaml; fails where a value has no comment.

python -m tools.chart_readme            writes it anew
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from schemas.errors import Unavailable
from tools import npm

CHART = Path(__file__).parents[1] / "helm/breakwater"
GENERATOR = ("@bitnami/readme-generator-for-helm", "2.7.2")


def readme(values: Path = CHART / "values.yaml") -> str:
    """The README as it should be. Raises Unavailable; ValueError that names a value without a comment."""
    node = shutil.which("node")
    if node is None:
        raise Unavailable("Node", "it is not installed", "apt-get install npm (macOS: brew install node)")
    program = npm.package(*GENERATOR) / "bin/index.js"
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "README.md"
        copy.write_text((CHART / "README.md").read_text())
        command = [node, str(program), "--values", str(values), "--readme", str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).splitlines()
            raise ValueError("\n".join(line for line in said if line.startswith("ERROR")))
        return copy.read_text()


if __name__ == "__main__":
    try:
        (CHART / "README.md").write_text(readme())
    except (Unavailable, ValueError) as error:
        sys.exit(f"chart_readme: {error}")
