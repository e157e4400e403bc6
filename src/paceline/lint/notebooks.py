"""Jupyter notebooks: the code cells joined into one Python file, and back to cell and line.

Magics and shell lines are blanked, a cell that is no Python is left out. Lines of sites are counted over the joined
cells; `cell_of` says where that is. A notebook's bytes are JSON, so its sites offer no edits.
"""

from __future__ import annotations

import ast
import json
import warnings
from bisect import bisect_right
from dataclasses import replace
from typing import Any

from paceline.catalogue import Catalogue
from paceline.lint import python
from paceline.lint.fronts import UnreadableError
from paceline.lint.sites import Fact, Site


def may_hold_sites(data: bytes) -> bool:
    """Say from the bytes alone whether it is worth reading a notebook; its quotes are JSON's, so text is unescaped."""
    return python.may_hold_sites(data.replace(b'\\"', b'"').replace(b'",\n', b"\n").replace(b'    "', b"\n"))


def sites(data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
    """Find the sites of a notebook's code cells, in order; raises `UnreadableError`."""
    cells = _cells(data)
    try:
        found = python.sites(_joined(cells), path, catalogue)
    except UnreadableError:
        found = python.sites(_joined([each if _parses(each) else _blank(each) for each in cells]), path, catalogue)
    return [replace(site, facts=_unspanned(site.facts), insert=None) for site in found]


def text(data: bytes) -> bytes:
    """Return the code cells as one Python file, whose lines are those of the sites."""
    return _joined(_cells(data))


def cell_of(data: bytes, line: int) -> tuple[int, int]:
    """Say in which code cell a line is, counting cells and lines from 1."""
    starts = [1]
    for cell in _cells(data):
        starts.append(starts[-1] + cell.count("\n") + 1)
    number = min(bisect_right(starts, line), len(starts) - 1) or 1
    return number, line - starts[number - 1] + 1


def _cells(data: bytes) -> list[str]:
    try:
        document = json.loads(data)
        cells = document["cells"] if "cells" in document else document["worksheets"][0]["cells"]
        return [_code(each) for each in cells if each.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UnreadableError("is no notebook") from error


def _code(cell: dict[str, Any]) -> str:
    """Return a cell's text with its magics blanked, line for line."""
    source = cell.get("source", cell.get("input", ""))
    whole = "".join(map(str, source)) if isinstance(source, list) else str(source)
    lines = whole.split("\n")
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(("%%time", "%%capture", "%%timeit")):
        return _blank(whole)
    return "\n".join(_line(line) for line in lines)


def _line(line: str) -> str:
    bare = line.lstrip()
    margin = line[: len(line) - len(bare)]
    if bare.startswith(("%", "!", "?")) or bare.endswith("?"):
        return f"{margin}pass"
    name, sign, value = bare.partition("=")
    if sign and value.lstrip().startswith(("!", "%")) and name.strip().isidentifier():
        return f"{margin}{name}= None"
    return line


def _joined(cells: list[str]) -> bytes:
    return "\n".join(cells).encode("utf-8", "replace") + b"\n"


def _blank(cell: str) -> str:
    return "\n" * cell.count("\n")


def _parses(cell: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _unspanned(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {name: replace(fact, span=None, cut=None) for name, fact in facts.items()}
