"""Keys of sources as references: `os.environ/NAME` becomes `env:NAME`, a key itself becomes a name for it.

A key is held for comparison only; what comes out of here is names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from paceline.imports.findings import Notes

__all__ = ["Secrets", "is_plain", "looks_secret", "variable"]

_REFERENCE: Final = re.compile(r"(?:os\.environ/|\$\{?|\{\{\s*)([A-Za-z_][A-Za-z0-9_]*)\}{0,2}")
_LOOKS: Final = re.compile(
    r"os\.environ/|bearer |basic |\b(sk|pk|rk|hf|gsk|ghp|xai|xox[a-z]|AKIA)[-_]|eyJ|[A-Za-z0-9+/_=]{32}", re.IGNORECASE
)
_NONE: Final = {"", "none", "empty", "null", "no-key", "not-needed"}


def variable(text: str) -> str:
    """Make the name of an environment variable of any text."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name or "KEY"


def looks_secret(text: str) -> bool:
    """Tell whether text may be a key, or the name of a variable that holds one."""
    return _LOOKS.search(text) is not None


def is_plain(value: object) -> bool:
    """Tell whether a value is text that may stand in a file: no variable, nothing that looks like a key."""
    return isinstance(value, str) and bool(re.fullmatch(r"[ -~]{1,4000}", value)) and not looks_secret(value)


class Secrets:
    """Gives names to keys: the same key has the same name, two keys never do.

    `taken` are variables that the source means already, so that no key that stands in it gets their name.
    """

    def __init__(self, notes: Notes, taken: Iterable[str] = ()) -> None:
        self._notes = notes
        self._names: dict[str, str] = {name: name for name in taken}
        """What has each name: the digest of a key, or the variable itself."""

    def reference(self, value: str, path: str, suggested: str) -> str | None:
        """Return `env:NAME` for what stands in the source; none where it says that there is no key."""
        if value.strip().lower() in _NONE:
            return None
        if found := _REFERENCE.fullmatch(value.strip()):
            self._names.setdefault(found[1], found[1])
            return f"env:{found[1]}"
        digest = hashlib.sha256(value.encode()).hexdigest()
        name, number = suggested, 1
        while self._names.setdefault(name, digest) != digest:
            number += 1
            name = f"{suggested}_{number}"
        why = f"the key itself stands in the file; the standards name the variable {name} instead"
        do = f"set {name} where gateway and control process run, best to a new key: this one was in a file"
        self._notes.note("to do", path, why, do)
        return f"env:{name}"
