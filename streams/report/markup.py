"""A page of a few kinds of blocks, as Markdown and as HTML that needs nothing else; pure.

Texts are plain: what stands in `backquotes` is set as code, everything else is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Literal

import msgspec


class Block(msgspec.Struct, frozen=True):
    """A part of a page."""


class Heading(Block, frozen=True):
    text: str
    level: Literal[1, 2, 3] = 2


class Text(Block, frozen=True):
    """A paragraph; `lead` is what is read first, `small` what is read last."""

    text: str
    weight: Literal["lead", "usual", "small"] = "usual"


class Fact(msgspec.Struct, frozen=True):
    """A figure to be seen at once."""

    name: str
    value: str
    note: str = ""


class Facts(Block, frozen=True):
    facts: list[Fact]


class Bullets(Block, frozen=True):
    items: list[str]


class Table(Block, frozen=True):
    """`numbers`: the columns (from 0) that are set to the right."""

    head: list[str]
    rows: list[list[str]]
    numbers: frozenset[int] = frozenset()


class Plot(Block, frozen=True):
    """An SVG under its caption; `name` is its file's."""

    name: str
    caption: str
    svg: str


# ---- Markdown


def markdown(blocks: Iterable[Block], plots: bool = True) -> str:
    """`plots`: whether their files lie beside it; otherwise the captions stand alone."""
    return "\n".join(line for block in blocks for line in _markdown(block, plots)).strip() + "\n"


def _markdown(block: Block, plots: bool) -> Iterator[str]:
    match block:
        case Heading():
            yield from ("", f"{'#' * block.level} {plain(block.text)}", "")
        case Text():
            yield from (plain(block.text), "")
        case Facts():
            for fact in block.facts:
                note = f" ({plain(fact.note)})" if fact.note else ""
                yield f"- {plain(fact.name)}: **{plain(fact.value)}**{note}"
            yield ""
        case Bullets():
            yield from (f"- {plain(item)}" for item in block.items)
            yield ""
        case Table():
            yield from _table(block)
        case Plot():
            yield from (f"![{plain(block.caption)}]({block.name})" if plots else plain(block.caption), "")


def _table(table: Table) -> Iterator[str]:
    marks = ["---:" if n in table.numbers else "---" for n in range(len(table.head))]
    for row in (table.head, marks, *table.rows):
        yield f"| {' | '.join(cell if row is marks else plain(cell) for cell in row)} |"
    yield ""


def plain(text: str) -> str:
    """Text that Markdown shows as it is: but for code, nothing in it means anything."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        part.replace("|", r"\|") if n % 2 else re.sub(r"([\\*\[\]|~])", r"\\\1", part).replace("<", "&lt;")
        for n, part in enumerate(parts)
    )


# ---- HTML


def html(title: str, blocks: Iterable[Block], style: str) -> str:
    """A whole document; `style` is CSS."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_inline(block.text)}</h{block.level}>"
        case Text():
            return f'<p class="{block.weight}">{_inline(block.text)}</p>'
        case Facts():
            facts = "".join(map(_fact, block.facts))
            return f'<dl class="facts">\n{facts}</dl>'
        case Bullets():
            items = "".join(f"<li>{_inline(item)}</li>\n" for item in block.items)
            return f"<ul>\n{items}</ul>"
        case Table():
            return _html_table(block)
        case Plot():
            return (
                f'<figure>\n<figcaption>{_inline(block.caption)}</figcaption>\n<div class="wide">\n{block.svg}</div>\n'
                "</figure>"
            )
    raise TypeError(f"{type(block).__name__} is no block of a page")


def _fact(fact: Fact) -> str:
    note = f"<small>{_inline(fact.note)}</small>" if fact.note else ""
    return f"<div><dt>{_inline(fact.name)}</dt><dd>{_inline(fact.value)}{note}</dd></div>\n"


def _html_table(table: Table) -> str:
    def row(cells: list[str], tag: str) -> str:
        return f"<tr>{''.join(_cell(cell, tag, n in table.numbers) for n, cell in enumerate(cells))}</tr>\n"

    body = "".join(row(cells, "td") for cells in table.rows)
    head = f"<thead>\n{row(table.head, 'th')}</thead>\n"
    return f'<div class="wide">\n<table>\n{head}<tbody>\n{body}</tbody>\n</table>\n</div>'


def _cell(text: str, tag: str, is_number: bool) -> str:
    """The band of a number stands under it."""
    if not is_number:
        return f"<{tag}>{_inline(text)}</{tag}>"
    found = re.fullmatch(r"(.+) \((.+)\)", text)
    inner = f"{_inline(found[1])}<small>{_inline(found[2])}</small>" if found else _inline(text)
    return f'<{tag} class="n">{inner}</{tag}>'


def _inline(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(" ".join(text.split())))
