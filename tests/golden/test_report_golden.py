"""The report on a told outage, line by line: a changed line is a changed figure or word, and its commit says why.

`PYTHONPATH=. python tests/golden/test_report_golden.py` writes the report anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from response.params import RespondParams
from schemas import topics
from streams import config, report
from streams.report import Report, case, source
from tests.told_story import Told, story

GOLDEN = Path(__file__).with_name("report_telephony_outage.md")
ROOT = Path(__file__).parents[2]


def made(told: Told) -> Report:
    (incident_id,) = {one.value.incident_id for one in source.said(told, [topics.INCIDENTS])}
    found = case.read(config.load(environment={}), told, incident_id, lambda _what, _count: None)
    return report.written(found, RespondParams())


def digest() -> str:
    files = made(story()).files()
    return hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()


def test_the_report_on_a_told_outage_says_what_it_always_said() -> None:
    assert made(story()).markdown(plots=True) == GOLDEN.read_text(encoding="utf-8")


def test_another_process_with_another_order_of_sets_writes_the_same_bytes() -> None:
    script = "from tests.golden.test_report_golden import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == digest(), done.stderr


class Page(HTMLParser):
    """What tags a page has, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself() -> None:
    files = made(story()).files()
    html = files[report.HTML].decode()
    page = Page()
    page.feed(html)
    assert page.open == []
    assert not page.addresses
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert "url(" not in html and "@import" not in html
    assert set(re.findall(r"https?://[^\"<\s]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert html.count("<svg") == sum(name.endswith(".svg") for name in files) == 4


if __name__ == "__main__":
    GOLDEN.write_text(made(story()).markdown(plots=True), encoding="utf-8")
