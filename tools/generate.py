"""Writes the documents that are generated from the code; `--check` fails when a committed one differs."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from schemas import documents
from tools import chart, dashboards

ROOT = Path(__file__).parents[1]
BOARDS = Path("helm/breakwater/files/grafana/dashboards")
SCHEMAS = Path("schemas/json")


def files() -> dict[Path, bytes]:
    """Every generated file and its content."""
    made = {SCHEMAS / f"{kind}.v1.json": documents.json_schema(m) for kind, m in documents.BY_KIND.items()}
    made[Path("schemas/asyncapi.json")] = documents.asyncapi()
    made |= {BOARDS / f"{name}.json": board for name, board in dashboards.boards().items()}
    made[Path("helm/breakwater/files/topics.json")] = chart.read_topics()
    made[Path("helm/breakwater/values.schema.json")] = chart.values_schema()
    return {path: orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n" for path, content in made.items()}


def differing() -> list[Path]:
    """Generated files that are missing, stale, or no longer generated."""
    made = files()
    stale = [path for path, raw in made.items() if not (ROOT / path).exists() or (ROOT / path).read_bytes() != raw]
    orphans = [
        path.relative_to(ROOT)
        for folder in (SCHEMAS, BOARDS)
        for path in (ROOT / folder).glob("*")
        if path.relative_to(ROOT) not in made
    ]
    return sorted(stale + orphans)


def main() -> int:
    if "--check" in sys.argv:
        for path in differing():
            print(f"{path} is not what the code generates: run `make generate`", file=sys.stderr)
        return 1 if differing() else 0
    for path in differing():
        (ROOT / path).unlink(missing_ok=True)
    for path, raw in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(raw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
