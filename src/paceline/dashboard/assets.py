"""Files that browsers fetch beside a page: their names, each with a version in it, and their bytes. Read only.

Vendored files carry their release in the name and are listed in `static/vendor/SHA256SUMS`; our own get a part of their
digest, so that every one may be kept by a browser for good.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

__all__ = ["Asset", "address_of", "assets"]

_OWN: Final = ("icon.svg", "paceline.css", "paceline.js")
_VENDORED: Final = ("htmx-2.0.10.min.js", "uPlot-1.6.32.min.css", "uPlot-1.6.32.min.js")
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    kind: str
    """Its media type."""
    body: bytes
    compressed: bytes
    """The body as gzip."""


@cache
def assets() -> Mapping[str, Asset]:
    """Return every file by the name it is served under."""
    folder = files("paceline.dashboard").joinpath("static")
    found = {_stamped(name, body): body for name in _OWN if (body := folder.joinpath(name).read_bytes())}
    found |= {name: folder.joinpath("vendor", name).read_bytes() for name in _VENDORED}
    return MappingProxyType(
        {
            name: Asset(_TYPES[name.rpartition(".")[2]], body, gzip.compress(body, 9, mtime=0))
            for name, body in found.items()
        }
    )


@cache
def address_of(name: str) -> str:
    """Return the address of a file: `paceline.css` is at `/static/paceline-1f2e3d4c.css`. Raises `KeyError`."""
    stem, _, suffix = name.partition(".")
    for served in assets():
        if served == name or (served.startswith(f"{stem}-") and served.endswith(suffix)):
            return f"/static/{served}"
    raise KeyError(name)


def _stamped(name: str, body: bytes) -> str:
    stem, _, suffix = name.partition(".")
    return f"{stem}-{hashlib.sha256(body).hexdigest()[:8]}.{suffix}"
