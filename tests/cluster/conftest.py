"""The cluster that these tests share, and what they take from the application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.releases import Cluster
from tools import go_programs
from tools.control_plane import ControlPlane

VERSIONS = [go_programs.KUBERNETES]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also the older Kubernetes, and KEDA's operator")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cluster" in metafunc.fixturenames:
        older = [go_programs.KUBERNETES_OLDER] if metafunc.config.getoption("--all") else []
        metafunc.parametrize("cluster", VERSIONS + older, indirect=True, scope="session", ids=lambda v: f"k8s-{v}")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory: Path = tmp_path_factory.mktemp("cluster")
    plane = ControlPlane(directory, request.param)
    plane.start()
    try:
        plane.apply_operators()
        for storage_class in ("", "fast"):  # the one that the case all-on names
            plane.add_volumes(40, storage_class)
        yield Cluster(plane)
    finally:
        plane.stop()


@pytest.fixture
def everything(request: pytest.FixtureRequest) -> None:
    """Tests that take long are run with --all."""
    if not request.config.getoption("--all"):
        pytest.skip("with ARGS=--all")
