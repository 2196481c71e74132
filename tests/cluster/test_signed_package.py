"""The chart as it is released: the same files each time, signed, pushed to a registry and pulled back verified."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.chart.charts import CHART, HELMS, run_helm
from tools.kafka import free_port

SIGNER = "Breakwater test <nobody@example.org>"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry on loopback, without TLS."""
    program = shutil.which("docker-registry")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("docker-registry is missing: apt-get install it")
    port = free_port()
    config = tmp_path / "registry.yaml"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    config.write_text(yaml.safe_dump({"version": 0.1, "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}}))
    child = subprocess.Popen([program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not _answers(port):
            assert child.poll() is None and time.monotonic() < deadline, "the registry does not answer"
            time.sleep(0.1)
        yield f"oci://127.0.0.1:{port}/charts"
    finally:
        child.terminate()
        child.wait(10)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def keyrings(tmp_path: Path) -> tuple[Path, Path]:
    """(secret, public) of a key of this test."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)

    def gpg(*arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run([*command, *arguments], check=True, capture_output=True).stdout

    gpg("--quick-generate-key", SIGNER, "rsa2048", "sign", "never")
    secret, public = tmp_path / "secret.gpg", tmp_path / "public.gpg"
    secret.write_bytes(gpg("--export-secret-keys"))
    public.write_bytes(gpg("--export"))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    return secret, public


def package(directory: Path, *options: str, major: str = "4") -> Path:
    directory.mkdir(exist_ok=True)
    done = run_helm("package", str(CHART), "-d", str(directory), *options, major=major)
    assert done.returncode == 0, done.stderr
    (found,) = directory.glob("*.tgz")
    return found


def content(path: Path) -> dict[str, str]:
    """Each file of a package by its digest."""
    with tarfile.open(path) as archive:
        members = {one.name: archive.extractfile(one) for one in archive.getmembers() if one.isfile()}
        return {name: hashlib.sha256(file.read()).hexdigest() for name, file in members.items() if file}


def test_a_package_holds_the_chart_and_nothing_else(tmp_path: Path) -> None:
    made = content(package(tmp_path / "one"))
    assert made == content(package(tmp_path / "two"))
    names = {name.removeprefix("breakwater/") for name in made}
    assert {"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "files/topics.json"} <= names
    assert not [name for name in names if name.startswith(("ci/", "files/worker", "files/grafana/provisioning"))]


@pytest.mark.parametrize("major", HELMS)
def test_what_is_signed_and_pushed_is_pulled_and_verified(
    registry: str, keyrings: tuple[Path, Path], tmp_path: Path, major: str
) -> None:
    secret, public = keyrings
    signed = package(tmp_path / "out", "--sign", "--key", SIGNER, "--keyring", str(secret), major=major)
    assert signed.with_name(signed.name + ".prov").exists()
    pushed = run_helm("push", str(signed), registry, "--plain-http", major=major)
    assert pushed.returncode == 0, pushed.stderr
    where = tmp_path / "in"
    where.mkdir()
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    options = ("--version", version, "--plain-http", "--verify", "--keyring", str(public), "-d", str(where))
    pulled = run_helm("pull", f"{registry}/breakwater", *options, major=major)
    assert pulled.returncode == 0, pulled.stderr
    assert content(where / signed.name) == content(signed)


def test_a_package_that_was_changed_is_refused(keyrings: tuple[Path, Path], tmp_path: Path) -> None:
    secret, public = keyrings
    signed = package(tmp_path / "out", "--sign", "--key", SIGNER, "--keyring", str(secret))
    assert run_helm("verify", str(signed), "--keyring", str(public)).returncode == 0
    signed.write_bytes(signed.read_bytes() + b"\0")
    refused = run_helm("verify", str(signed), "--keyring", str(public))
    assert refused.returncode != 0
