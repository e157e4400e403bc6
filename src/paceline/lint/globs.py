"""Patterns of paths as configuration files have them.

`*` stays within one part of a path, `**` crosses parts. A pattern without `/` matches any part, one with `/` counts
from the root; what matches a directory matches all below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_PIECES = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", re.DOTALL)


@lru_cache(maxsize=64)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Make the test of a path against several patterns."""
    joined = "|".join(_regex(each) for each in patterns)
    if not joined:
        return lambda _path: False
    compiled = re.compile(joined)
    return lambda path: compiled.fullmatch(path) is not None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> str:
    body = pattern.strip().removeprefix("./").rstrip("/")
    anchored = "/" in body
    text = "".join(_piece(each) for each in _PIECES.findall(body.lstrip("/")))
    return f"(?:{'' if anchored else '(?:.*/)?'}{text}(?:/.*)?)"


def _piece(piece: str) -> str:
    match piece:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _ if piece.startswith("[") and len(piece) > 1:
            return "[" + piece[1:-1].replace("\\", "\\\\").replace("!", "^", piece[1] == "!") + "]"
        case _:
            return re.escape(piece)
