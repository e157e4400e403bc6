"""Whether two versions of a file are the same program but for what stands in some spans of bytes.

Both are parsed, what lies within the spans is taken out of both trees, and the rest must be equal. Must not know fixes.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from paceline.lint.fronts import UnreadableError, language

if TYPE_CHECKING:
    from tree_sitter import Node

Spans = Sequence[tuple[int, int]]


def same_but(path: str, old: bytes, old_spans: Spans, new: bytes, new_spans: Spans) -> bool:
    """Say whether both versions parse, and to the same tree outside the spans."""
    try:
        if language(path) == "paceline.lint.typescript":
            return list(_script(path, old, old_spans)) == list(_script(path, new, new_spans))
        if language(path) == "paceline.lint.python":
            return _python(old, old_spans) == _python(new, new_spans)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnreadableError):
        return False
    return False


def _python(data: bytes, spans: Spans) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(data)
    return ast.dump(_Without(data, spans).visit(tree))


class _Without(ast.NodeTransformer):
    """Takes out the nodes that lie within spans."""

    def __init__(self, data: bytes, spans: Spans) -> None:
        self.spans = spans
        body = data.removeprefix(b"\xef\xbb\xbf")
        self.starts = [len(data) - len(body)]
        for line in body.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            kept = [(key, value) for key, value in pairs if not self._within(key or value)]
            node.keys, node.values = [key for key, _ in kept], [value for _, value in kept]
        return super().generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        if self._within(node):
            return None
        return super().visit(node)

    def _within(self, node: ast.AST) -> bool:
        if not isinstance(node, (ast.expr, ast.keyword, ast.stmt, ast.alias)) or node.end_lineno is None:
            return False
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[node.end_lineno - 1] + (node.end_col_offset or 0)
        return any(first <= start and end <= last for first, last in self.spans)


def _script(path: str, data: bytes, spans: Spans) -> Iterator[tuple[str, int]]:
    """List the named nodes with their depth, leaves with their text; an error within is one in both or in neither."""
    from paceline.lint.typescript.syntax import parse

    stack: list[tuple[Node, int]] = [(parse(data, path), 0)]
    while stack:
        node, depth = stack.pop()
        inside = any(first <= node.start_byte and node.end_byte <= last for first, last in spans)
        if node.type == "comment" or (inside and not node.has_error):
            continue
        inner = node.named_children
        words = "" if node.child_count else (node.text or b"").decode("utf-8", "replace")
        yield f"{node.type} {words}", depth
        stack += [(each, depth + 1) for each in reversed(inner)]
