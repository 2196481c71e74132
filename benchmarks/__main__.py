"""Every benchmark at its small size, and one table of what they found.

    python -m benchmarks [NAME ...]

Each runs by itself with its own gates; exit 1 when one of them is missed. `python -m benchmarks.NAME --help` tells the
full sizes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SMALL: dict[str, tuple[str, ...]] = {
    "archive": ("--size", "small"),
    "detection": ("--size", "small"),
    "fold": ("--minutes", "240"),
    "incidents": ("--seeds", "200"),
    "ingest": ("--size", "small"),
    "latency": ("--tenants", "10"),
    "methods": ("--values", "3000"),
    "throughput": ("--size", "small"),
    "sweep": ("--size", "small"),
    "plan": ("--queues", "50"),
}
ROOT = Path(__file__).parent.parent


def run(name: str) -> tuple[str, float]:
    """Shows what the benchmark writes; returns whether its gates held, and the seconds it took."""
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *SMALL[name]], cwd=ROOT, check=False)
    verdict = {0: "held", 1: "missed"}.get(done.returncode, f"failed with code {done.returncode}")
    return verdict, time.monotonic() - began


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(SMALL))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)} (there are {', '.join(SMALL)})", file=sys.stderr)
        return 2
    found = {name: run(name) for name in names or SMALL}
    print(f"\n{'benchmark':12} {'gates':24} {'seconds':>8}")
    for name, (verdict, seconds) in found.items():
        print(f"{name:12} {verdict:24} {seconds:8.0f}")
    return 0 if all(verdict == "held" for verdict, _ in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
