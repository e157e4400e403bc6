"""Values from the environment: `PACELINE_<SECTION>__<KEY>` laid over the file.

`PACELINE_GATEWAY__BODY_BYTES_MAX=1MiB` sets `gateway.body_bytes_max`; `PACELINE_PROVIDERS__HOUSE__BASE_URL=…` reaches
into an entry. Names are matched without regard to case, with `-` and `.` read as `_`; a name that is not in the file
is added in lower case. Variables without `__` are not for the standards. Must not know what the keys mean beyond the
sections' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paceline.standards.composer import plain_value
from paceline.standards.faults import Code, Fault
from paceline.standards.names import Path, meant, path_text
from paceline.standards.source import read_source

__all__ = ["PREFIX", "lay_over", "variable_name"]

PREFIX = "PACELINE_"
OTHERS = frozenset({"PACELINE_LEDGER__URL"})
"""Variables of that form which belong to other parts: the ledger's address holds a password, so no file may."""
_PARTS_MAX = 6


def variable_name(path: Path) -> str:
    """Name the variable that sets `path`."""
    return PREFIX + "__".join(_folded(str(part)) for part in path)


def lay_over(
    data: dict[str, Any], environment: Mapping[str, str], sections: Mapping[str, tuple[str, ...] | None]
) -> tuple[dict[Path, str], list[Fault]]:
    """Write the environment's values into `data`; return which path came from which variable, and the faults.

    `sections` holds every section, with its keys where these are fixed (None where they are names).
    """
    overlay = _Overlay(data, sections)
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and "__" in variable and variable not in OTHERS:
            overlay.apply(variable, environment[variable])
    return overlay.origins, overlay.faults


class _Overlay:
    """Applies variables one after the other."""

    def __init__(self, data: dict[str, Any], sections: Mapping[str, tuple[str, ...] | None]) -> None:
        self.data = data
        self.sections = sections
        self.origins: dict[Path, str] = {}
        self.faults: list[Fault] = []

    def fault(self, variable: str, path: Path, message: str, hint: str) -> None:
        self.faults.append(Fault(Code.VARIABLE_UNUSABLE, path_text(path), message, hint, variable=variable))

    def apply(self, variable: str, text: str) -> None:
        """Write one variable's value, or note why that is not possible."""
        parts = variable.removeprefix(PREFIX).split("__")
        if not 2 <= len(parts) <= _PARTS_MAX or not all(parts):
            hint = "Name a section and a key, joined by two underscores"
            return self.fault(variable, (), "is not PACELINE_<SECTION>__<KEY>", hint)
        section = _match(parts[0], self.sections)
        if section is None:
            near = meant(parts[0].lower(), self.sections)
            hint = f"Did you mean {PREFIX}{_folded(near)}?" if near else f"Sections are {', '.join(self.sections)}"
            return self.fault(variable, (), f"names no section of the standards: {parts[0].lower()}", hint)
        holder = self.data
        if holder.get(section) is None:
            holder[section] = {}
        return self.write(variable, section, parts[1:], text)

    def write(self, variable: str, section: str, parts: list[str], text: str) -> None:
        """Walk from a section to the key that the variable names, making what is missing on the way."""
        here: Any = self.data[section]
        path: Path = (section,)
        for index, part in enumerate(parts):
            step = self.step(here, part, self.sections[section] if index == 0 else None)
            if step is None:
                what = "has no entry" if isinstance(here, list) else "holds one value and so no"
                hint = "Count entries from 0" if isinstance(here, list) else "Write that entry as a mapping in the file"
                return self.fault(variable, path, f"{path_text(path)} {what} {part}", hint)
            path = (*path, step)
            if index == len(parts) - 1:
                here[step] = _value(text)
                self.origins[path] = variable
                break
            inner = here[int(step)] if isinstance(here, list) else here.get(step)
            if inner is None:
                inner = here[step] = {}
            here = inner
        return None

    @staticmethod
    def step(here: Any, part: str, fixed: tuple[str, ...] | None) -> str | int | None:
        """Turn one part of a variable's name into a key or an index; None where neither can be."""
        if isinstance(here, list):
            return int(part) if part.isascii() and part.isdigit() and int(part[:6]) < len(here) else None
        if not isinstance(here, dict):
            return None
        return _match(part, here) or _match(part, fixed or ()) or part.lower()


def _folded(name: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in name).upper()


def _match(part: str, names: Any) -> str | None:
    wanted = _folded(part)
    return next((name for name in names if isinstance(name, str) and _folded(name) == wanted), None)


def _value(text: str) -> Any:
    """Read a value as the file would: `[a, b]` and `{a: 1}` are collections, the rest one scalar."""
    stripped = text.strip()
    if stripped[:1] in {"[", "{"}:
        source = read_source(f"value: {stripped}")
        if not source.faults and "value" in source.data:
            return source.data["value"]
    return plain_value(stripped)
