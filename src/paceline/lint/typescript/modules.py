"""From the name in an `import` to a package, or to a file beside this one.

Files are read with `read_beside` only. Must not know SDKs.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from paceline.lint.fronts import UnreadableError, read_beside
from paceline.lint.typescript.scopes import Seen
from paceline.lint.typescript.survey import survey
from paceline.lint.typescript.syntax import parse

_FROM = re.compile(
    r"^(?:npm:|jsr:|https?://(?:esm\.sh|cdn\.skypack\.dev|unpkg\.com|deno\.land/x|cdn\.jsdelivr\.net/npm)/)/?(?:v\d+/)?"
)
_VERSION = re.compile(r"(?<=.)@[^/]*")
_ALIASES = ("@/", "~/", "$lib/", "#/", "src/", "lib/", "server/", "app/", "utils/")
_ENDINGS = (".ts", ".tsx", ".js", ".mjs", ".jsx", "/index.ts", "/index.js")
_CODE = re.compile(r"\.(?:[mc]?[jt]s|[jt]sx)$")
_BYTES_MAX = 512 * 1024
_LEVELS = 6


def dotted(module: str, names: tuple[str, ...]) -> str:
    """Return the catalogue's form of a name in a package: a scope stays, what follows is put behind dots."""
    rest, elsewhere = _FROM.subn("", module)
    if elsewhere:
        rest = _VERSION.sub("", rest)
    parts = rest.split("/")
    head = 2 if rest.startswith("@") else 1
    return ".".join(["/".join(parts[:head]), *parts[head:], *names])


def is_beside(module: str) -> bool:
    """Say whether a module is a file of the same program."""
    return module.startswith((".", "/", *_ALIASES))


def beside(module: str, path: str) -> Seen | None:
    """Read and survey the file that an import leads to; None where there is none."""
    for base in _bases(module, path):
        plain = _CODE.sub("", base)
        candidates = [base] if _CODE.search(base) else []
        for name in (*candidates, *(plain + ending for ending in _ENDINGS)):
            if name != path and not name.startswith("..") and (data := read_beside(name)) is not None:
                return _surveyed(data, name) if len(data) <= _BYTES_MAX else None
    return None


def _bases(module: str, path: str) -> list[str]:
    folder = posixpath.dirname(path)
    if module.startswith("."):
        return [posixpath.normpath(posixpath.join(folder, module))]
    alias = next((each for each in _ALIASES if module.startswith(each)), "/")
    rest = module[len(alias) :] if alias in {"@/", "~/", "#/", "/"} else module
    if alias == "$lib/":
        rest = "lib/" + module[len(alias) :]
    above = [folder]
    while above[-1] and above[-1] != posixpath.dirname(above[-1]) and len(above) < _LEVELS:
        above.append(posixpath.dirname(above[-1]))
    found: list[str] = []
    for each in above:
        # The program's root is where `src` is; a name is tried in both.
        inside = posixpath.basename(each) == "src"
        found += [posixpath.join(each, rest)] if inside or "/src" not in f"/{each}" else []
        if inside:
            found.append(posixpath.join(posixpath.dirname(each), rest))
    return found


@lru_cache(maxsize=64)
def _surveyed(data: bytes, path: str) -> Seen | None:
    try:
        return survey(parse(data, path), path)
    except UnreadableError:
        return None
