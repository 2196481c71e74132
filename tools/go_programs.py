"""A Kubernetes control plane and its helpers, built once from Go modules: no container engine is needed.

Each program is built in a throw-away module and kept under the user's cache by its version. The first build of all
takes about ten minutes on two cores and 5 GB of Go's own caches; the second nothing.

    python -m tools.go_programs              what `make test-cluster` needs
    python -m tools.go_programs --all        also the older Kubernetes and the KEDA operator
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from schemas.errors import Unavailable
from tools.fetched import fetched

KUBERNETES = "1.34.4"
KUBERNETES_OLDER = "1.31.0"
ETCD = "3.6.5"
KWOK = "0.7.0"
KEDA = "2.18.0"
PROMETHEUS_OPERATOR = "0.85.0"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


class Module(NamedTuple):
    path: str
    version: str

    @property
    def directory(self) -> Path:
        """Its source, downloaded. Raises Unavailable."""
        said = _go(["mod", "download", "-json", f"{self.path}@v{self.version}"], Path.home())
        return Path(json.loads(said)["Dir"])


KEDA_MODULE = Module("github.com/kedacore/keda/v2", KEDA)
PROMETHEUS_OPERATOR_MODULE = Module("github.com/prometheus-operator/prometheus-operator", PROMETHEUS_OPERATOR)
KWOK_MODULE = Module("sigs.k8s.io/kwok", KWOK)


def kubernetes(version: str = KUBERNETES) -> Path:
    """The directory with the API server, the controller manager and the scheduler. Raises Unavailable."""
    return _built(f"kubernetes-{version}", lambda directory: _build_kubernetes(version, directory))


def etcd() -> Path:
    """The program. Raises Unavailable."""
    return _built(f"etcd-{ETCD}", _build_etcd) / "etcd"


def kwok() -> Path:
    """The program that plays the kubelets: its nodes and pods become ready and nothing runs. Raises Unavailable."""
    return _built(f"kwok-{KWOK}", _build_kwok) / "kwok"


def keda() -> Path:
    """KEDA's operator. Raises Unavailable."""
    return _built(f"keda-{KEDA}", _build_keda) / "keda"


def _built(name: str, build: Callable[[Path], None]) -> Path:
    def fill(directory: Path) -> None:
        print(f"Building {name} from its Go modules, once ...", file=sys.stderr, flush=True)
        source = directory / "source"
        source.mkdir()
        build(directory)
        shutil.rmtree(source)

    return fetched(name, fill)


def _build_kubernetes(version: str, directory: Path) -> None:
    module = Module("k8s.io/kubernetes", version)
    staged = _staged(module)
    minor = version.split(".")[1]
    requires = [f"require {module.path} v{version}"]
    library = f"v0.{version.split('.', 1)[1]}"
    replaces = [f"replace {name} => {name} {library}" for name in staged]
    imports = [f"{module.path}/cmd/{name}" for name in CONTROL_PLANE]
    _throw_away(directory / "source", module, requires + replaces, imports)
    # without its version helm and kubectl cannot talk to the server
    package = "k8s.io/component-base/version"
    said = {"gitVersion": f"v{version}", "gitMajor": "1", "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {package}.{name}={text}" for name, text in said.items())])
    _go(["build", "-ldflags", flags, "-o", f"{directory}/", *imports], directory / "source")


def _staged(module: Module) -> list[str]:
    """The modules that Kubernetes keeps in its own tree and publishes beside it."""
    text = (module.directory / "go.mod").read_text()
    return re.findall(r"^\s*(?:replace\s+)?(\S+) => \./staging/", text, re.MULTILINE)


def _build_etcd(directory: Path) -> None:
    module = Module("go.etcd.io/etcd/server/v3", ETCD)
    _throw_away(directory / "source", module, [f"require {module.path} v{ETCD}"], [f"{module.path}/etcdmain"])
    imports = f'import (\n\t"os"\n\n\t"{module.path}/etcdmain"\n)\n'
    body = "func main() { etcdmain.Main(os.Args) }\n"  # its own command cannot be installed: it replaces modules
    (directory / "source" / "main.go").write_text(f"package main\n\n{imports}\n{body}")
    _go(["build", "-ldflags", "-s -w", "-o", str(directory / "etcd"), "."], directory / "source")


def _build_kwok(directory: Path) -> None:
    program = f"{KWOK_MODULE.path}/cmd/kwok"
    _throw_away(directory / "source", KWOK_MODULE, [f"require {KWOK_MODULE.path} v{KWOK}"], [program])
    _go(["build", "-ldflags", "-s -w", "-o", str(directory / "kwok"), program], directory / "source")


def _build_keda(directory: Path) -> None:
    replaces = re.findall(r"^\s*(?:replace\s+)?(\S+(?: v\S+)? => \S+ v\S+)", _go_mod(KEDA_MODULE), re.MULTILINE)
    lines = [f"require {KEDA_MODULE.path} v{KEDA}", *(f"replace {line}" for line in replaces)]
    program = f"{KEDA_MODULE.path}/cmd/operator"
    _throw_away(directory / "source", KEDA_MODULE, lines, [program])
    _go(["build", "-ldflags", "-s -w", "-o", str(directory / "keda"), program], directory / "source")


def _go_mod(module: Module) -> str:
    return (module.directory / "go.mod").read_text()


def _throw_away(source: Path, module: Module, lines: list[str], imports: list[str]) -> None:
    """A module of ours that has nothing but what is to be built."""
    asked = re.search(r"^go (\S+)", _go_mod(module), re.MULTILINE)
    assert asked is not None, "a go.mod names its language"
    head = ["module breakwater.invalid/tools", "", f"go {asked[1]}", "", *lines]
    (source / "go.mod").write_text("\n".join(head) + "\n")
    wanted = "\n".join(f'import _ "{path}"' for path in imports)
    (source / "tools.go").write_text(f"//go:build tools\n\npackage main\n\n{wanted}\n")
    _go(["mod", "tidy"], source)


def _go(arguments: list[str], where: Path) -> str:
    go = shutil.which("go")
    if go is None:
        raise Unavailable("Go", "it is not installed", "install Go 1.26 or newer")
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    done = subprocess.run([go, *arguments], cwd=where, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"go {' '.join(arguments[:2])}", (done.stdout + done.stderr).strip()[-2000:])
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the control plane of the cluster tests, once.")
    parser.add_argument("--all", action="store_true", help="also the older Kubernetes and the KEDA operator")
    given = parser.parse_args()
    try:
        print(etcd(), kwok(), kubernetes(), sep="\n")
        if given.all:
            print(kubernetes(KUBERNETES_OLDER), keda(), sep="\n")
    except Unavailable as error:
        print(f"go_programs: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
