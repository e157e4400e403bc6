"""Names and paths: which names are allowed, which known name was probably meant, how a path is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["NAME_CHARS_MAX", "Path", "is_name", "meant", "name_fault", "path_text", "printable", "shown"]

NAME_CHARS_MAX = 48
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

Path = tuple[str | int, ...]


def is_name(text: str) -> bool:
    """Tell whether `text` may name a provider, model, task, use case, team, service or class.

    Such names appear in URLs, metric labels and database rows, hence the narrow alphabet and the bound.
    """
    return len(text) <= NAME_CHARS_MAX and _NAME.fullmatch(text) is not None


def name_fault(text: str) -> str:
    """Say what is wrong with a name; empty if nothing is."""
    if is_name(text):
        return ""
    if len(text) > NAME_CHARS_MAX:
        return f"is {len(text)} characters long; names have at most {NAME_CHARS_MAX}"
    return "is not a name: use lower-case letters, digits, '.', '_' and '-', starting with a letter or digit"


def suggestion(text: str) -> str:
    """Turn `text` into an allowed name that resembles it; empty if nothing usable is left."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:NAME_CHARS_MAX]


def meant(text: str, known: Iterable[str]) -> str | None:
    """Return the known name that `text` was probably meant to be."""
    names = list(known)
    folded = text.lower().replace("-", "_")
    for name in names:
        if name.lower().replace("-", "_") == folded and name != text:
            return name
    near = get_close_matches(text[:80], names, n=1, cutoff=0.6)
    return near[0] if near else None


def shown(value: object, limit: int = 60) -> str:
    """Quote a value for a message, shortened, on one line."""
    text = (
        repr(value)
        if isinstance(value, str)
        else type(value).__name__
        if isinstance(value, dict | list)
        else str(value)
    )
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def path_text(path: Path) -> str:
    """Write a path as people read it: `services.helpdesk.use_cases[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{shown(part)[1:-1]}" if text else shown(part)[1:-1]
    return text


def printable(text: str) -> str:
    """Replace what must not reach a terminal: control characters, line breaks, lone surrogates."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
