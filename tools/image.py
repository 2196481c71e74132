"""The image built without a container engine: buildah with chroot isolation, on a stand-in for the base image.

The base image cannot be pulled everywhere, so a Debian of the same release with its Python takes its place under the
very name that the Dockerfile's FROM uses. The patch level of its Python may differ.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from schemas.errors import Unavailable
from tools.fetched import fetched

ROOT = Path(__file__).parents[1]
RELEASE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Builder:
    """A buildah with storage of its own in `directory`; needs root and Linux."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def buildah(self, *arguments: str) -> str:
        """What it says. Raises Unavailable with what it complained of."""
        own = ("--root", str(self.directory / "root"), "--runroot", str(self.directory / "run"))
        command = ["buildah", *own, "--storage-driver", "vfs", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"buildah {arguments[0]}", (done.stdout + done.stderr).strip()[-3000:])
        return done.stdout.strip()

    def base(self) -> None:
        """Puts the stand-in where FROM looks for the base image."""
        (name,) = {line.split()[1] for line in dockerfile() if line.startswith("FROM")}
        container = self.buildah("from", "scratch")
        self.buildah("add", container, str(fetched(f"debian-{RELEASE}-python", _debian) / "root.tar"), "/")
        self.buildah("config", "--env", "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        self.buildah("commit", "--rm", container, f"docker.io/library/{name}")

    def build(self, tag: str) -> None:
        isolation = ("--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker")
        self.buildah("bud", *isolation, "--volume", f"{CERTIFICATES.parent}:{CERTIFICATES.parent}:ro", "-t", tag, ".")

    def config(self, tag: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.buildah("inspect", "--type", "image", tag))["Docker"]["config"]
        return found

    def mount(self, tag: str) -> Path:
        """The image's files."""
        return Path(self.buildah("mount", self.buildah("from", "--pull-never", tag)))


def dockerfile() -> list[str]:
    """Its lines, continued ones joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line and not line.startswith("#")]


def missing() -> str | None:
    """What this machine lacks to build and run the image; None when nothing."""
    lacking = [name for name in ("buildah", "bwrap", "debootstrap") if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} is missing: apt-get install buildah bubblewrap debootstrap"
    return None if os.geteuid() == 0 else "only root may make a base image"


def _debian(directory: Path) -> None:
    print(f"Making a Debian {RELEASE} with Python, once ...", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=directory) as made:
        tree = Path(made)
        _run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(tree))
        python = tree / "usr/local/bin/python"
        python.symlink_to("/usr/bin/python3")
        if CERTIFICATES.exists():  # as this machine trusts, so does the stand-in while it installs
            (tree / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
        _run("tar", "-C", str(tree), "--numeric-owner", "-cf", str(directory / "root.tar"), ".")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(command[0], (done.stdout + done.stderr).strip()[-2000:])
