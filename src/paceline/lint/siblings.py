"""Other files of the same tree, for one hop: a client or a base class that a file imports from its neighbour.

Finds the Python file that an import names and reads its scopes.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from paceline.lint.fronts import read_beside
from paceline.lint.scopes import Seen
from paceline.lint.survey import survey


def look_up(dotted: str, path: str) -> tuple[Seen, str, str] | None:
    """Read the file that an imported name is in, and say what the name is there; None for what is not of this tree."""
    for file, name in _candidates(dotted, path):
        data = read_beside(file)
        if data is not None:
            seen = _seen(data)
            return (seen, name, str(file)) if seen is not None and name in seen.module.names else None
    return None


def _candidates(dotted: str, path: str) -> Iterator[tuple[PurePosixPath, str]]:
    """List the files that may hold a name: beside the file, or below the directory that holds its top package."""
    here = PurePosixPath(path).parent
    level = len(dotted) - len(dotted.lstrip("."))
    parts = [each for each in dotted.split(".") if each]
    if not parts or (level == 0 and len(parts) < 2):
        return
    *module, name = parts
    if level:
        roots = [PurePosixPath(*here.parts[: len(here.parts) - level + 1])] if level <= len(here.parts) + 1 else []
    elif module[0] in here.parts:
        roots = [PurePosixPath(*here.parts[: here.parts.index(module[0])])]
    else:
        roots = [here, PurePosixPath(*here.parts[:1])] if len(here.parts) > 1 else [here]
    for root in roots:
        if module:
            yield root.joinpath(*module[:-1], f"{module[-1]}.py"), name
        yield root.joinpath(*module, "__init__.py"), name


@lru_cache(maxsize=64)
def _seen(data: bytes) -> Seen | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return survey(ast.parse(data))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
