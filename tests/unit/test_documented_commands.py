"""Every `breakwater` command in the documentation exists, with its options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.__main__ import breakwater

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "helm/breakwater/README.md"]
GROUPS = ("archive", "topics", "centre", "dead-letters", "dashboards")


def commands() -> list[tuple[str, str]]:
    """(page, command line) of each line in a code block that runs ours."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                command = re.search(r"(?:^| -- )(breakwater [a-z-]+[^#]*)", line.strip())
                if command:
                    found.append((page.name, re.split(r"\s{3,}| {2}", command[1].strip())[0]))
    return found


def test_there_are_some() -> None:
    assert len(commands()) > 20


@pytest.mark.parametrize("page,line", commands(), ids=lambda text: text)
def test_a_documented_command_exists_with_its_options(page: str, line: str) -> None:
    words = line.split()[1:]
    name = words[:2] if words[0] in GROUPS else words[:1]
    done = CliRunner().invoke(breakwater, [*name, "--help"])
    assert done.exit_code == 0, f"{page}: {line}"
    for option in re.findall(r"(?<!\S)--[a-z-]+", line):
        assert option in done.output, f"{page}: {line}: {option}"
