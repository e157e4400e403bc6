"""The comments of files that are not Python: what a front end says of them, tree-sitter's nodes, or text behind a `#`.

Comments of Python come with statements and are `pragmas`' own. Must not know what stands in them.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paceline.lint import fronts

if TYPE_CHECKING:
    from tree_sitter import Node

_PLAIN = re.compile(r"""^((?:[^"'#]|"[^"]*"|'[^']*')*?)(#.*)$""")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment with its marker; `column` counts characters from 1, `alone` says that only space stands before it.

    `about` are the lines of the statement it is at, where that is known.
    """

    line: int
    column: int
    text: str
    alone: bool
    about: frozenset[int] = frozenset()


def comments(data: bytes, path: str) -> list[Comment]:
    """List a file's comments; none where it cannot be parsed."""
    language = fronts.language(path) or ""
    own = None
    with contextlib.suppress(fronts.AbsentError):
        own = getattr(fronts.front(language), "comments", None)
    if own is not None:
        return list(own(data, path))
    if language == "paceline.lint.typescript":
        return _script(data, path)
    if path.endswith(".json"):
        return []
    lines = enumerate(data.decode("utf-8", "replace").splitlines(), 1)
    matches = [(number, _PLAIN.match(line)) for number, line in lines]
    return [Comment(number, len(each[1]) + 1, each[2], not each[1].strip()) for number, each in matches if each]


_BODIES = {"program", "statement_block", "class_body", "switch_case", "switch_default"}
_INNER = {"statement_block", "class_body", "switch_body"}
_COMMENTS = {"comment", "html_comment"}


def _script(data: bytes, path: str) -> list[Comment]:
    from paceline.lint.typescript.syntax import parse

    try:
        stack: list[Node] = [parse(data, path)]
    except fronts.UnreadableError:
        return []
    nodes: list[Node] = []
    statements: dict[int, list[Node]] = defaultdict(list)  # by their first and last rows
    while stack:
        node = stack.pop()
        if node.type in _COMMENTS:
            nodes.append(node)
        elif node.is_named and node.parent is not None and node.parent.type in _BODIES:
            for row in {node.start_point.row, node.end_point.row}:
                statements[row].append(node)
        stack += node.children
    lines = data.split(b"\n")
    found = [_comment(node, lines, statements) for node in nodes]
    return sorted(found, key=lambda each: (each.line, each.column))


def _comment(node: Node, lines: list[bytes], statements: dict[int, list[Node]]) -> Comment:
    row, column = node.start_point
    before = lines[row][:column].decode("utf-8", "replace")
    text = (node.text or b"").decode("utf-8", "replace")
    alone = not before.strip(" \t{")
    if not alone:
        near = statements.get(row, [])
    else:  # inside brackets it is about the line below
        below = node.next_named_sibling if node.parent is not None and node.parent.type in _BODIES else None
        while below is not None and below.type in _COMMENTS:
            below = below.next_named_sibling
        near = [below] if below is not None else []
    about = frozenset[int]().union(*(_own_lines(each) for each in near)) if "paceline:" in text else frozenset[int]()
    return Comment(row + 1, len(before) + 1, text, alone, about)


def _own_lines(statement: Node) -> set[int]:
    """List the lines of a statement, without those of the statements inside of it."""
    rows = set(range(statement.start_point.row, statement.end_point.row + 1))
    stack = [statement]
    while stack:
        node = stack.pop()
        if node.type in _INNER:
            rows -= set(range(node.start_point.row + 1, node.end_point.row))
        else:
            stack += node.children
    return {row + 1 for row in rows}
