"""From plain values to `Options`: all faults of keys, types and values at once.

Owns the step through pydantic. What is faulty is noted, taken out, and the rest validated again, so that one wrong
value hides nothing else and the checks after this one always have an `Options` to look at.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from paceline.standards.faults import Code
from paceline.standards.names import Path, meant, name_fault, path_text, shown, suggestion
from paceline.standards.options import Options

__all__ = ["Note", "fit", "keys_at"]

Note = Callable[[Code, Path, str, str], None]
"""Takes down one fault: code, path, message, hint."""

_NAMED = ("providers", "models", "tasks", "classes", "use_cases", "teams", "services")
_EXTENSION = "x-"


def fit(data: dict[str, Any], note: Note) -> tuple[Options, set[Path]]:
    """Validate `data`; return the options that remain sound, and the paths that were taken out."""
    fitting = _Fitting({key: value for key, value in data.items() if not key.startswith(_EXTENSION)}, note)
    return fitting.run(), fitting.removed


class _Fitting:
    """Takes faulty parts out until the rest validates. Remembers where list entries stood before others went."""

    def __init__(self, data: dict[str, Any], note: Note) -> None:
        self.data = copy.deepcopy(data)
        self.note = note
        self.removed: set[Path] = set()
        self.indices: dict[int, list[int]] = {}

    def run(self) -> Options:
        _check_version(self.data, self.note)
        _check_names(self.data, self.note, self.removed)
        while True:
            try:
                return Options.model_validate(self.data)
            except ValidationError as error:
                details = error.errors(include_url=False, include_input=False)
            current = {self.take_down(detail) for detail in details}
            if () in current:
                return Options(version=1)
            for path in sorted(current, key=_depth_then_index, reverse=True):
                self.take_out(path)

    def take_down(self, detail: ErrorDetails) -> Path:
        """Note one finding; return where it stands in `data` now."""
        path, original = self.existing(detail["loc"])
        consequence = detail["type"] == "missing" and (*original, detail["loc"][-1]) in self.removed
        if not consequence:
            code, message, hint = _words(detail, original)
            self.note(code, original, message, hint)
        self.removed.add(original)
        return path

    def existing(self, location: tuple[int | str, ...]) -> tuple[Path, Path]:
        """Cut a location of pydantic down to what is there; return it as it is now and as it is in the file."""
        here: Any = self.data
        path: list[str | int] = []
        original: list[str | int] = []
        for part in location:
            if isinstance(here, dict) and part in here:
                original.append(part)
                here = here[part]
            elif isinstance(here, list) and isinstance(part, int) and 0 <= part < len(here):
                original.append(self.indices[id(here)][part] if id(here) in self.indices else part)
                here = here[part]
            else:
                break
            path.append(part)
        return tuple(path), tuple(original)

    def take_out(self, path: Path) -> None:
        here: Any = self.data
        for part in path[:-1]:
            here = here[part]
        if isinstance(here, list):
            del self.indices.setdefault(id(here), list(range(len(here))))[int(path[-1])]
        del here[path[-1]]


def _depth_then_index(path: Path) -> tuple[int, list[tuple[bool, int, str]]]:
    """Order in which removals disturb each other least, when reversed: deepest first, last entries of a list first."""
    return len(path), [
        (isinstance(part, int), part, "") if isinstance(part, int) else (False, 0, part) for part in path
    ]


def keys_at(path: Path) -> list[str]:
    """List the keys that may stand in the mapping at `path`; empty where names are free."""
    model: type[BaseModel] | None = Options
    entry = False
    for part in path:
        if model is None:
            return []
        if entry or isinstance(part, int):
            entry = False
            continue
        field = _fields(model).get(part)
        if field is None:
            return []
        model = next(iter(_models(field.annotation)), None)
        entry = "dict[" in str(field.annotation)
    return list(_fields(model)) if model is not None and not entry else []


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _check_version(data: dict[str, Any], note: Note) -> None:
    version = data.get("version")
    if version is None:
        note(
            Code.KEY_MISSING,
            ("version",) if "version" in data else (),
            "`version` is missing",
            "Start the file with `version: 1`",
        )
    elif version != 1 or version is True:
        hint = "This build of paceline reads `version: 1`"
        note(Code.VERSION_UNKNOWN, ("version",), f"{shown(version)} is not a known format of this file", hint)
    data["version"] = 1


def _check_names(data: dict[str, Any], note: Note, removed: set[Path]) -> None:
    """Check the names of entries. A bad name stays, since other parts of the file refer to it."""
    for section in _NAMED:
        entries = data.get(section)
        if entries is None and section in data:
            del data[section]
        if not isinstance(entries, dict):
            continue
        for name in list(entries):
            if wrong := name_fault(name):
                better = suggestion(name)
                note(
                    Code.NAME_INVALID,
                    (section, name),
                    f"{shown(name)} {wrong}",
                    f"Call it `{better}`" if better else "Rename it",
                )
                removed.add((section, name))
            elif entries[name] is None and section not in {"tasks", "prices"}:
                entries[name] = {}


def _words(detail: ErrorDetails, path: Path) -> tuple[Code, str, str]:
    """Put one finding of pydantic into our words."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind.startswith("S"):
        return Code(kind), str(context["text"]), str(context["hint"])
    if kind == "extra_forbidden":
        return Code.KEY_UNKNOWN, *_unknown_key(path)
    if kind == "missing":
        key = str(detail["loc"][-1])
        return Code.KEY_MISSING, f"`{key}` is missing", f"Add `{key}:` here"
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", "`")
        return Code.VALUE_WRONG, "is not one of the values allowed here", f"Write {expected}"
    message = _MESSAGES.get(kind)
    if message is None:
        text = detail["msg"]
        message = text[:1].lower() + text[1:].replace("Input should be", "should be").replace(
            "input should be", "should be"
        )
    keys = keys_at(path) if kind in {"model_type", "model_attributes_type", "dict_type"} else []
    hint = f"Write a mapping with keys such as {', '.join(f'`{key}`' for key in keys[:4])}" if keys else ""
    if kind == "string_type":
        hint = "Write one value; put a number, `true` or `null` in quotes if it is meant as text"
    if kind == "model_type" and len(path) > 1 and path[-2:-1] == ("deployments",):
        hint = "Write `PROVIDER/MODEL`, or a mapping with `deployment:` and what deviates"
    return Code.VALUE_WRONG, message.removeprefix("input "), hint


_MESSAGES = {
    "model_type": "should be a mapping of keys to values",
    "model_attributes_type": "should be a mapping of keys to values",
    "dict_type": "should be a mapping of names to entries",
    "string_type": "should be text",
    "list_type": "should be a list",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a number",
    "string_too_short": "should not be empty",
    "date_type": "should be a date such as 2026-12-31",
    "date_parsing": "should be a date such as 2026-12-31",
    "date_from_datetime_parsing": "should be a date such as 2026-12-31",
    "date_from_datetime_inexact": "should be a date such as 2026-12-31",
}


def _unknown_key(path: Path) -> tuple[str, str]:
    key, known = str(path[-1]) if path else "", keys_at(path[:-1])
    near = meant(key, known)
    where = f"`{path_text(path[:-1])}`" if len(path) > 1 else "the file"
    hint = (
        f"Did you mean `{near}`?"
        if near
        else f"Keys of {where} are {', '.join(f'`{name}`' for name in known)}"
        if known
        else ""
    )
    return f"there is no key {shown(key)} here", hint
