"""Node programs that the tests need, fetched once by npm into the user's cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from schemas.errors import Unavailable
from tools.fetched import fetched


def package(name: str, version: str) -> Path:
    """The directory of the package, its dependencies beside it. Raises Unavailable."""

    def fill(directory: Path) -> None:
        print(f"Fetching {name} {version} with npm, once ...", file=sys.stderr)
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable("npm", "it is not installed", "apt-get install npm (macOS: brew install node)")
        command = [npm, "install", "--prefix", str(directory), "--no-save", "--ignore-scripts", f"{name}@{version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"npm's {name}", done.stderr.strip()[-2000:])

    return fetched(f"{name.replace('/', '-').lstrip('@')}-{version}", fill) / "node_modules" / name
