"""Files and functions stay of a size that one can read.

Owns the limits for files, and for Python functions; Rust functions are counted by clippy (`too_many_lines`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# Larger on purpose: the path, and why it is better whole.
LARGE_FILES: dict[str, str] = {}


def test_no_file_is_too_long(root: Path, sources: Callable[..., list[Path]]) -> None:
    counted = {path: _lines(root / path) for path in sources(".rs", ".py", ".pyi", ".css", ".js", ".html", ".sh")}
    long = {str(path): lines for path, lines in counted.items() if lines > FILE_LINES_MAX}
    assert {path: lines for path, lines in long.items() if path not in LARGE_FILES} == {}
    assert [path for path in LARGE_FILES if path not in long] == [], "no longer large: take it off the list"


def test_no_python_function_is_too_long(root: Path, sources: Callable[..., list[Path]]) -> None:
    long = {
        f"{path}:{function.name}": lines
        for path in sources(".py")
        for function in _functions(ast.parse((root / path).read_text(encoding="utf-8")))
        if (lines := _body_lines(function)) > FUNCTION_LINES_MAX
    }
    assert long == {}


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
