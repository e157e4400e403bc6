"""From a file, or text, and the environment to `Standards`: options, and everything wrong with them.

Owns the order of the steps: read, lay the environment over, fit to `Options`, check across sections. Raises nothing
but `StandardsError`; the tree:

    StandardsError                the only exception that leaves `paceline.standards`
    ├── StandardsUnreadableError       the file could not be read: missing, no permission, no text
    ├── StandardsFaultyError           raised by `Standards.sound()` and `.plan()`, not by `load`
    └── StandardsNameError         a name was asked for that the standards do not have
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path as FilePath

from pydantic import BaseModel

from paceline.standards.composer import Source
from paceline.standards.context import Context, names_written
from paceline.standards.faults import Code, Fault, StandardsUnreadableError
from paceline.standards.names import Path, path_text, printable
from paceline.standards.options import Options
from paceline.standards.overlay import lay_over
from paceline.standards.references import check
from paceline.standards.shape import fit, keys_at
from paceline.standards.source import BYTES_MAX, read_source
from paceline.standards.standards import Standards

__all__ = ["load"]


def load(
    source: FilePath | str | bytes, *, env: Mapping[str, str] | None = None, today: date | None = None
) -> Standards:
    """Load standards from a file (`Path`) or from text (`str`, or `bytes` in UTF-8).

    `env` is the environment to lay over and to look for secrets in; the process's own if None. `today` decides which
    waivers have ended. All faults are in the result; raises `StandardsUnreadableError` if there is no text to look
    at.
    """
    environment = os.environ if env is None else env
    day = today or datetime.now(UTC).date()
    text = _text(source)
    read = read_source(text)
    notes = _Notes(read)
    notes.faults += read.faults
    options = Options(version=1)
    if not read.broken:
        notes.origins, overlay_faults = lay_over(read.data, environment, _sections())
        notes.faults += overlay_faults
        options, removed = fit(read.data, notes.note)
        check(Context(options, names_written(read.data), frozenset(removed), day, environment, notes.note))
    return Standards(options, notes.in_order(), day)


_ABOUT_KEY = {
    Code.KEY_UNKNOWN,
    Code.KEY_MISSING,
    Code.NAME_INVALID,
    Code.OWNER_MISSING,
    Code.USE_CASES_MISSING,
    Code.MODEL_MISSING,
    Code.DEPLOYMENTS_MISSING,
    Code.BASE_URL_MISSING,
    Code.DEPLOYMENT_UNKNOWN,
    Code.LIMITS_UNORDERED,
    Code.LIMITS_CONTRADICT,
    Code.USE_CASE_UNUSED,
}
"""Faults that point at a key; the others point at its value."""


class _Notes:
    """Takes faults down with their place in the file, or the variable they came from."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.origins: dict[Path, str] = {}
        self.faults: list[Fault] = []

    def note(self, code: Code, path: Path, message: str, hint: str) -> None:
        """Take down one fault."""
        variable = next((name for origin, name in self.origins.items() if path[: len(origin)] == origin), None)
        line = column = None
        written = self.written(path)
        if variable is None and (place := self.source.place(written)) is not None:
            about_key = code in _ABOUT_KEY and written in self.source.places
            line, column = place.key if about_key else place.value
        self.faults.append(Fault(code, path_text(path), printable(message), printable(hint), line, column, variable))

    def written(self, path: Path) -> Path:
        """Undo the short forms: one value for a list of one, a list of deployments for a model."""
        places = self.source.places
        alone = tuple(part for part in path if part != 0)
        short = path[:2] + path[3:] if path[2:3] == ("deployments",) else path
        return next((each for each in (path, short, alone) if each in places), path)

    def in_order(self) -> tuple[Fault, ...]:
        """Return each fault once, in the order of the file; those of the environment last."""
        unique = dict.fromkeys(self.faults)
        return tuple(sorted(unique, key=lambda fault: (fault.line is None, fault.line or 0, fault.column or 0)))


def _text(source: FilePath | str | bytes) -> str:
    if isinstance(source, FilePath):
        source = _bytes(source)
    if isinstance(source, bytes):
        try:
            return source.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = source[: error.start].count(b"\n") + 1
            raise StandardsUnreadableError(f"the file is not UTF-8 text (line {line})", "Save it as UTF-8") from error
    return source


def _bytes(path: FilePath) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise StandardsUnreadableError(f"there is no file {path}", "`paceline init` writes a starter file") from error
    except IsADirectoryError as error:
        raise StandardsUnreadableError(f"{path} is a directory", f"Name the file: {path}/paceline.yaml") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise StandardsUnreadableError(f"cannot read {path}: {reason}", "Check the path and its permissions") from error


def _sections() -> dict[str, tuple[str, ...] | None]:
    """Every section, with its keys where these are fixed."""
    sections: dict[str, tuple[str, ...] | None] = {}
    for name, field in Options.model_fields.items():
        fixed = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        sections[name] = tuple(keys_at((name,))) if fixed else None
    return sections
