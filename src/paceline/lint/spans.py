"""Byte spans in a Python file: where a value stands, what to cut with an argument, where an argument can be added.

Columns of the syntax tree are bytes of UTF-8, so a file in another encoding has no spans. Must not know rules.
"""

from __future__ import annotations

import ast
import re

from paceline.lint.sites import Insert

_LINE = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8)[-\w.]", re.IGNORECASE | re.MULTILINE)


class Spans:
    """Answers for one file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.usable = not _OTHER_ENCODING.search(data[:400])
        first = len(_BOM) if data.startswith(_BOM) else 0
        ends = [match.end() for match in _LINE.finditer(data)]
        self.starts = [first, *ends]

    def of(self, node: ast.expr | ast.keyword) -> tuple[int, int] | None:
        """Return the bytes of an expression, without parentheses around it."""
        if not self.usable or node.end_lineno is None or node.end_col_offset is None:
            return None
        if node.end_lineno > len(self.starts):  # it stands in another file
            return None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def cut(self, call: ast.Call, keyword: ast.keyword) -> tuple[int, int] | None:
        """Return the bytes of an argument with the comma and the space that go with it."""
        here, whole = self.of(keyword), self.of(call)
        if here is None or whole is None:
            return None
        start, end = here
        after = re.compile(rb"[ \t]*,[ \t]*").match(self.data, end)
        if after is not None and after.end() < whole[1]:
            return start, after.end()
        before = re.compile(rb",\s*$").search(self.data, whole[0], start)
        return (before.start() if before is not None else start), end

    def insert(self, call: ast.Call) -> Insert | None:
        """Find where a keyword argument can be added: after the last argument, before `**`."""
        whole = self.of(call)
        if whole is None or self.data[whole[1] - 1 : whole[1]] != b")":
            return None
        spread = next((each for each in call.keywords if each.arg is None), None)
        if spread is not None:
            at = self.of(spread)
            return Insert(at[0], "", ", ") if at is not None else None
        arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        if not arguments:
            return Insert(whole[1] - 1)
        if len(arguments) == 1 and isinstance(arguments[0], ast.GeneratorExp):
            return None
        return self._after(arguments, whole)

    def _after(self, arguments: list[ast.expr | ast.keyword], whole: tuple[int, int]) -> Insert | None:
        spans = [each for each in (self.of(argument) for argument in arguments) if each is not None]
        last = max(spans, default=None, key=lambda each: each[1])
        if last is None:
            return None
        tail = self.data[last[1] : whole[1] - 1]
        closing = re.match(rb"\s*\)*", tail)
        at = last[1] + (closing.end() if closing and b")" in closing.group() else 0)
        lines = {self.data.count(b"\n", 0, each[0]) for each in spans} | {self.data.count(b"\n", 0, whole[1])}
        own_line = len(lines) > len(spans)
        start = self.data.rfind(b"\n", 0, last[0]) + 1
        margin = self.data[start : last[0]]
        if own_line and not margin.strip():
            return Insert(at, ",\n" + margin.decode("ascii", "replace"))
        return Insert(at, ", ")
