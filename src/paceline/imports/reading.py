"""Reading sources: files of YAML or JSON, and sections of them whose keys are taken one by one.

What nobody takes from a section is left over, and becomes a finding: nothing is lost in silence. Must not know any
product.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from paceline.imports.findings import ImportsError, Notes

__all__ = ["Section", "read_json", "read_yaml"]

_BYTES_MAX: Final = 8 << 20
_UNKNOWN: Final = ("paceline has nothing that this key could become", "")


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise ImportsError(f"{file} is larger than {_BYTES_MAX >> 20} MiB", "name the configuration itself")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ImportsError(f"{file} cannot be read: {reason}", "name a file that you may read") from error


def read_yaml(file: Path) -> Any:
    """Read one document of YAML. Raises `ImportsError`."""
    try:
        return yaml.safe_load(_text(file))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ImportsError(f"{file}{line} is not YAML", "mend it first, or name another file") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ImportsError(f"{file} is not YAML", "mend it first, or name another file") from error


def read_json(file: Path) -> Any:
    """Read a document of JSON, or an object as JavaScript has it: keys without quotes. Raises `ImportsError`."""
    text = _text(file)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] in {"{", "["}:
            with contextlib.suppress(yaml.YAMLError, RecursionError, ValueError):
                return yaml.safe_load(text)  # whose flow style takes such keys, and single quotes
        wrong = f"{file}, line {error.lineno} is not JSON"
        raise ImportsError(wrong, "write the config as JSON: no comments, no code") from error
    except (RecursionError, ValueError) as error:
        raise ImportsError(f"{file} is not JSON", "mend it first, or name another file") from error


class Section:
    """A mapping of the source at a path, whose keys are taken one by one.

    Where `is_camel`, keys may be written in camelCase too, here and below; they are asked for in snake_case.
    """

    def __init__(self, value: Any, path: str, notes: Notes, *, is_camel: bool = False) -> None:
        self.path = path
        self.notes = notes
        self._is_camel = is_camel
        self._left: dict[str, Any] = {}
        self._written: dict[str, str] = {}
        """How the source writes a key, where otherwise."""
        if isinstance(value, Mapping):
            self._left = {self._key(str(key), value): each for key, each in value.items()}
        elif value is not None:
            notes.note("left out", path, "it is no mapping", "correct it and import again")

    def _key(self, written: str, others: Mapping[Any, Any]) -> str:
        """Return the name under which a key is asked for."""
        key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", written).lower() if self._is_camel else written
        if key == written or key in others:
            return written
        self._written[key] = written
        return key

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def __bool__(self) -> bool:
        return bool(self._left)

    def names(self) -> list[str]:
        """List the keys that nobody took yet."""
        return list(self._left)

    def at(self, key: str) -> str:
        """Return the path of a key."""
        written = self._written.get(key, key)
        return f"{self.path}.{written}" if self.path else written

    def take(self, key: str) -> Any:
        """Take a value as it is; none where there is none."""
        return self._left.pop(key, None)

    def put(self, key: str, value: Any) -> None:
        """Give a value back."""
        self._left[key] = value

    def text(self, key: str) -> str:
        """Take text; empty where there is none."""
        value = self.take(key)
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self._wrong(key, "text")
        return ""

    def number(self, key: str) -> float | None:
        """Take a number that is not negative; also one that is written as text."""
        value = self.take(key)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                self._wrong(key, "a number")
                return None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            return value
        if value is not None:
            self._wrong(key, "a number that makes sense here")
        return None

    def positive(self, key: str) -> float | None:
        """Take a number above zero."""
        value = self.number(key)
        if value == 0:
            self.notes.note("left out", self.at(key), "0 is nothing that can be set here")
        return value or None

    def whole(self, key: str) -> int | None:
        """Take a number as a whole one, at least 1."""
        path, value = self.at(key), self.number(key)
        if value is None or 1 <= value < 2**32:
            return None if value is None else int(value)
        self.notes.note("left out", path, "paceline wants a whole number of at least 1 here")
        return None

    def flag(self, key: str) -> bool:
        """Take true or false; false where there is none."""
        value = self.take(key)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if value is not None and not isinstance(value, bool):
            self._wrong(key, "true or false")
        return value is True

    def section(self, key: str) -> Section:
        """Take a mapping below; an empty one where there is none."""
        return Section(self.take(key), self.at(key), self.notes, is_camel=self._is_camel)

    def sections(self, key: str) -> Iterator[Section]:
        """Take a list of mappings."""
        value = self.take(key)
        if value is not None and not isinstance(value, list):
            self._wrong(key, "a list")
            return
        for place, each in enumerate(value or ()):
            yield Section(each, f"{self.at(key)}[{place}]", self.notes, is_camel=self._is_camel)

    def leave(self, reasons: Mapping[str, tuple[str, str]]) -> None:
        """Note what nobody took: with its reason and what to do where they are known."""
        for key in list(self._left):
            del self._left[key]
            self.notes.note("left out", self.at(key), *reasons.get(key, _UNKNOWN))

    def _wrong(self, key: str, what: str) -> None:
        self.notes.note("left out", self.at(key), f"it is not {what}", "correct it and import again")
