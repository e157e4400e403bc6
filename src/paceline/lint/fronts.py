"""Which front end reads which file, and how a front end reads the files beside it.

A front end is a module with `may_hold_sites(data)` and `sites(data, path, catalogue)`; it is imported when the first
file of its kind comes. Must not know any language, nor judge.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from paceline.catalogue import Catalogue
    from paceline.lint.sites import Site

BYTES_MAX = 4 * 1024 * 1024
"""A larger file is not read: nobody wrote it by hand."""

_PYTHON, _TYPESCRIPT = "paceline.lint.python", "paceline.lint.typescript"
_NOTEBOOKS, _MANIFESTS = "paceline.lint.notebooks", "paceline.lint.manifests"
SCRIPTS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte")
_BY_SUFFIX = {".py": _PYTHON, ".pyi": _PYTHON, ".ipynb": _NOTEBOOKS, **dict.fromkeys(SCRIPTS, _TYPESCRIPT)}
_BY_NAME = dict.fromkeys(("pyproject.toml", "package.json", "Pipfile", "setup.cfg"), _MANIFESTS)


class UnreadableError(ValueError):
    """A file that cannot be parsed; the message says why."""


class AbsentError(Exception):
    """A front end that is not installed; the message says what to install."""


class Front(Protocol):
    """What a front end offers; it may also have `comments(data, path)`, a list of `comments.Comment`."""

    def may_hold_sites(self, data: bytes) -> bool:
        """Say from the bytes alone whether it is worth parsing a file."""

    def sites(self, data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
        """Find the sites of one file, in order; raises `UnreadableError`."""


def language(path: str) -> str | None:
    """Name the module that reads files of this name; None where no front end does."""
    name = path.rpartition("/")[2]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith("requirements") and name.endswith((".txt", ".in")):
        return _MANIFESTS
    return _BY_SUFFIX.get(name[name.rfind(".") :].lower()) if "." in name else None


def front(module: str) -> Front:
    """Import a front end; raises `AbsentError` with what to install."""
    found = sys.modules.get(module)
    if found is None:
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("tree_sitter"):
                wanted = "TypeScript and JavaScript need `pip install 'paceline[lint-ts]'`"
                raise AbsentError(wanted) from error
            if error.name != module:
                raise
            raise AbsentError(f"there is no front end {module.rpartition('.')[2]} yet") from error
    return cast("Front", found)


@dataclass(slots=True)
class Looks:
    """Which files a front end looked at beside its own: a digest each, None for one that is not there."""

    root: Path
    seen: dict[str, str | None] = field(default_factory=dict)


_looks: ContextVar[Looks | None] = ContextVar("looks", default=None)


@contextmanager
def recording(root: Path) -> Iterator[Looks]:
    """Note what `read_beside` reads meanwhile; paths are relative to `root`."""
    looks = Looks(root)
    token = _looks.set(looks)
    try:
        yield looks
    finally:
        _looks.reset(token)


def read_beside(path: str | PurePosixPath) -> bytes | None:
    """Read another file for a front end; None where there is none, or it is too large.

    Front ends read siblings with this and nothing else: what was read belongs to the key of the cache, and so does what
    was looked for and not found. Whoever keeps what was made of a file keeps it by its bytes, and still asks here each
    time. `path` is relative to what the path of the linted file is relative to.
    """
    looks = _looks.get()
    name = str(path)
    data = read(Path(name) if looks is None else looks.root / name)
    if looks is not None:
        looks.seen[name] = None if data is None else digest(data)
    return data


def read(path: Path) -> bytes | None:
    """Read a file of bounded size; None where that is not possible."""
    try:
        if not path.is_file() or path.stat().st_size > BYTES_MAX:
            return None
        return path.read_bytes()
    except OSError:
        return None


def digest(data: bytes) -> str:
    """Return a short digest of a file's bytes."""
    return blake2b(data, digest_size=16).hexdigest()
