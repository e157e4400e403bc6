"""The review as Markdown, for a wiki page, an issue or a chat. Text from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from paceline.governance.review.document import Review
from paceline.governance.review.sections import Cell, Section, legend, sections, title

__all__ = ["render"]

_SPECIAL = re.compile(r"([\\`*\[\]<>|#~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?\w+;))")
"""What Markdown reads as more than text; an underscore within a word is none."""


def render(review: Review) -> str:
    """Return the whole review."""
    lines = [f"# {escaped(title(review))}", "", escaped(" ".join(review.summary)), ""]
    for section in sections(review):
        lines += [*_section(section), ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(section: Section) -> Iterator[str]:
    yield f"## {escaped(section.title)}"
    yield ""
    if not section.rows:
        yield escaped(section.nothing)
        return
    if section.note:
        yield escaped(section.note)
        yield ""
    yield _line([escaped(column.name) for column in section.columns])
    yield _line(["---:" if column.is_number else "---" for column in section.columns])
    for row in section.rows:
        yield _line([_cell(cell) for cell in row])
    words = "; ".join(f"{escaped(name)}: {escaped(meaning)}" for name, meaning in legend(section.columns))
    if words:
        yield ""
        yield f"<small>{words}.</small>"


def _cell(cell: Cell) -> str:
    return f"**{escaped(cell.text)}**" if cell.mark == "bad" and cell.text else escaped(cell.text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
