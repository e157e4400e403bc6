"""The comments of files that are not Python: what a front end says of them, tree-sitter's nodes, or text behind a `#`.

Comments of Python come with statements and are `pragmas`' own. Must not know what stands in them.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paceline.lint import fronts

if TYPE_CHECKING:
    from tree_sitter import Node

_PLAIN = re.compile(r"""^((?:[^"'#]|"[^"]*"|'[^']*')*?)(#.*)$""")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment with its marker; `column` counts characters from 1, `alone` says that only space stands before it."""

    line: int
    column: int
    text: str
    alone: bool


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


def _script(data: bytes, path: str) -> list[Comment]:
    from paceline.lint.typescript.syntax import parse

    try:
        stack: list[Node] = [parse(data, path)]
    except fronts.UnreadableError:
        return []
    lines = data.split(b"\n")
    found = []
    while stack:
        node = stack.pop()
        if node.type in {"comment", "html_comment"}:
            row, column = node.start_point
            before = lines[row][:column].decode("utf-8", "replace")
            text = (node.text or b"").decode("utf-8", "replace")
            found.append(Comment(row + 1, len(before) + 1, text, not before.strip(" \t{")))
        stack += node.children
    return sorted(found, key=lambda each: (each.line, each.column))
