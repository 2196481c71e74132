"""A post-incident report: read a case, count its figures, tell its story, set it as Markdown and HTML.

The same records give the same bytes, whatever source they come from: there is no clock, no chance and no order of sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from response.params import RespondParams
from streams.report.case import Case
from streams.report.figures import Figures
from streams.report.figures import figures as count
from streams.report.lessons import Lesson
from streams.report.lessons import lessons as learn
from streams.report.markup import Block, Plot, html, markdown
from streams.report.page import page as compose
from streams.report.page import title
from streams.report.plot import alone
from streams.report.style import ALONE, PAGE
from streams.report.timeline import Step
from streams.report.timeline import timeline as tell

MARKDOWN, HTML = "report.md", "report.html"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, before it is written."""

    case: Case
    figures: Figures
    lessons: list[Lesson]
    timeline: list[Step]
    blocks: list[Block]

    def markdown(self, plots: bool = False) -> str:
        """With `plots` it leads to their files, which lie beside it."""
        return markdown(self.blocks, plots)

    def files(self) -> dict[str, bytes]:
        """What a folder gets: the report twice, and the plots of the Markdown."""
        plots = {one.name: alone(one.svg, ALONE).encode() for one in self.blocks if isinstance(one, Plot)}
        written = {MARKDOWN: self.markdown(plots=True), HTML: html(title(self.case), self.blocks, PAGE)}
        return {name: text.encode() for name, text in written.items()} | plots

    def values(self) -> dict[str, Any]:
        """The figures as plain values, for programs."""
        channels = [msgspec.structs.replace(one, rows=[]) for one in self.figures.channels]
        found: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self.figures, channels=channels))
        return {
            "incident": msgspec.to_builtins(self.case.incident),
            "as_of": msgspec.to_builtins(self.case.as_of),
            **found,
            "lessons": [one._asdict() for one in self.lessons],
            "timeline": [msgspec.to_builtins(one._asdict()) for one in self.timeline],
        }


def written(case: Case, params: RespondParams) -> Report:
    """The report on a case; `params` are those that the desk works with."""
    counted = count(case, params)
    learned, steps = learn(case, counted), tell(case)
    blocks = _named(compose(case, counted, learned, steps))
    return Report(case=case, figures=counted, lessons=learned, timeline=steps, blocks=blocks)


def _named(blocks: Iterable[Block]) -> list[Block]:
    """Plots get names that every file system takes, each its own."""
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Plot):
            number = sum(isinstance(one, Plot) for one in found) + 1
            name = f"{number:02d}-{re.sub(r'[^A-Za-z0-9_-]+', '-', block.name)}.svg"
            block = msgspec.structs.replace(block, name=name)  # noqa: PLW2901
        found.append(block)
    return found
