"""What the checks across sections look at, and how they note a reference to nothing.

Owns the wording of "there is no …". Must not hold a check itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from paceline.standards.classes import BUILT_IN
from paceline.standards.faults import Code
from paceline.standards.names import Path, meant, shown
from paceline.standards.options import Options
from paceline.standards.shape import Note
from paceline.standards.vendors import VENDORS

__all__ = ["Context", "names_written"]


@dataclass(frozen=True, slots=True)
class Context:
    """What the checks look at."""

    options: Options
    names: Mapping[str, list[str]]
    """Section -> every name written there, also of entries that are faulty."""
    removed: frozenset[Path]
    today: date
    environment: Mapping[str, str]
    note: Note

    def touched(self, *path: str | int) -> bool:
        """Tell whether something at, above or below `path` was already found faulty."""
        return any(gone[: len(path)] == path or path[: len(gone)] == gone for gone in self.removed)

    def refer(self, code: Code, section: str, name: str, path: Path, noun: str) -> bool:
        """Note a reference to a name that is not there; return True if it is."""
        known = self.names.get(section, [])
        if section == "classes":
            known = [*known, *(each for each in BUILT_IN if each not in known)]
        if name in known:
            return True
        near = meant(name, known)
        vendor = meant(name, VENDORS) if section == "providers" else None
        if near:
            hint = f"Did you mean `{near}`?"
        elif vendor:
            hint = f"Add it under `providers:`; `{vendor}: {{}}` is enough for that vendor"
        elif known:
            listed = ", ".join(f"`{each}`" for each in known[:8])
            hint = f"Add it under `{section}:`; there are {listed}{'…' if len(known) > 8 else ''}"
        else:
            hint = f"Add it under `{section}:`"
        self.note(code, path, f"there is no {noun} {shown(name)}", hint)
        return False


def names_written(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """List the names that a file writes in each section, sound or not."""
    return {section: [*entries] for section, entries in data.items() if isinstance(entries, dict)}
