"""What a project asks of `paceline check`: `paceline-check.toml`, or `[tool.paceline.check]` of `pyproject.toml`.

Found upwards from what is linted; of the two in one directory the first counts. Keys are the command's own options. A
fault names file, line and key. Must not know the command line, nor print.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from paceline.lint import git
from paceline.lint.discovery import Selection

ALONE, SHARED = "paceline-check.toml", "pyproject.toml"
MODES = ("report", "new-only", "enforce")
FAIL_ON = ("error", "warning", "info", "never")
FORMATS = (
    "concise",
    "full",
    "json",
    "json-lines",
    "sarif",
    "github",
    "gitlab",
    "junit",
    "markdown",
)
CHOICES = {"mode": MODES, "fail-on": FAIL_ON, "format": FORMATS}


class SettingsError(ValueError):
    """A fault in a configuration file: what is wrong, with file and line, and the fix."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that configuration can say; what is None is left to the command or to the standards.

    `root` is absolute: findings, patterns and the baseline count from it.
    """

    root: Path
    source: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tests: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mode: str | None = None
    base: str | None = None
    fail_on: str = "error"
    format: str = "concise"
    baseline: str = "paceline-baseline.json"
    cache_dir: str = ".paceline-cache"
    standards: str | None = None
    service: str | None = None
    pages: str = ""
    gateways: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cap_tokens: int | None = None
    cap_tokens_max: int | None = None
    timeout_s: float | None = None
    timeout_s_max: float | None = None
    force_exclude: bool = False

    @property
    def selection(self) -> Selection:
        """Return which files are wanted."""
        return Selection(self.root, self.include, self.exclude, self.tests, self.force_exclude)


_TEXTS = {"include", "exclude", "select", "ignore", "gateways", "clients", "packages", "models", "tags"}
_RULES = {"select", "ignore"}
_WHOLE = {"cap-tokens", "cap-tokens-max"}
_NUMBERS = {*_WHOLE, "timeout-s", "timeout-s-max"}
_TABLE = "per-file-ignores"
KEYS = tuple(each.name.replace("_", "-") for each in fields(Settings) if each.name not in {"root", "source"})


@dataclass(slots=True)
class _File:
    path: Path
    text: str
    table: dict[str, Any] = field(default_factory=dict)

    def fault(self, key: str, wrong: str, fix: str) -> SettingsError:
        """Blame a key; the line is the first that sets it."""
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.split("=")[0].strip().strip("\"'") == key or line.strip() in {f"[{key}]", f"[{_PREFIX}.{key}]"}:
                return SettingsError(f"{self.path}:{number}: {wrong}", fix)
        return SettingsError(f"{self.path}: {wrong}", fix)


_PREFIX = "tool.paceline.check"


def find(start: Path, named: Path | None = None) -> Settings:
    """Read the configuration that counts for `start`, or the file that is named; raises `SettingsError`."""
    start = Path(os.path.abspath(start))  # noqa: PTH100  # findings are named as the user sees them, links and all
    directory = start if start.is_dir() else start.parent
    if named is not None:
        file = _opened(named)
        if file is None:
            raise SettingsError(f"{named} says nothing to paceline check", f"add a [{_PREFIX}] table to it.")
        return _settings(file)
    top = git.top(directory)
    for above in (directory, *directory.parents):
        for name in (ALONE, SHARED):
            if (above / name).is_file() and (file := _opened(above / name)) is not None:
                return _settings(file)
        if above == top:
            break
    return Settings(root=top or Path.cwd())


def _opened(path: Path) -> _File | None:
    """Read a file; None for a `pyproject.toml` without the table."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read", "name a TOML file with --config.") from error
    shared = path.name != ALONE
    if shared and "tool.paceline" not in text:
        return None
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}", "mend the TOML.") from error
    if shared and (path.name == SHARED or "tool" in table):
        for part in _PREFIX.split("."):
            table = table.get(part, {})
            if not isinstance(table, dict):
                raise SettingsError(f"{path}: `{_PREFIX}` is no table", f"write a [{_PREFIX}] table.")
        if not table:
            return None
    return _File(path, text, table)


def _settings(file: _File) -> Settings:
    values: dict[str, Any] = {}
    for key, value in file.table.items():
        if key not in KEYS:
            raise file.fault(key, f"there is no key `{key}`", meant(key, KEYS))
        values[key.replace("-", "_")] = _value(file, key, value)
    return Settings(root=Path(os.path.abspath(file.path.parent)), source=file.path, **values)  # noqa: PTH100


def _value(file: _File, key: str, value: Any) -> Any:
    if key == _TABLE:
        if not isinstance(value, dict):
            raise file.fault(key, f"`{key}` is no table", 'write it like `"scripts/*" = ["C201"]`.')
        return tuple((pattern, _rules(file, pattern, codes)) for pattern, codes in value.items())
    if key in _TEXTS:
        return _rules(file, key, value) if key in _RULES else _texts(file, key, value)
    if key in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int if key in _WHOLE else (int, float)) or value <= 0:
            kind = "whole number above 0" if key in _WHOLE else "number above 0"
            raise file.fault(key, f"`{key}` is no {kind}", f"write a {kind}, without quotes.")
        return value
    if key in {"tests", "force-exclude"}:
        if not isinstance(value, bool):
            raise file.fault(key, f"`{key}` is neither true nor false", "write `true` or `false`, without quotes.")
        return value
    if not isinstance(value, str):
        raise file.fault(key, f"`{key}` is no text", "put it into quotes.")
    if key in CHOICES and value not in CHOICES[key]:
        raise file.fault(key, f"`{key}` cannot be `{value}`", meant(value, CHOICES[key]))
    return value


def _texts(file: _File, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise file.fault(key, f"`{key}` is no list of texts", 'write it like `["one", "two"]`.')
    return tuple(value)


def _rules(file: _File, key: str, value: Any) -> tuple[str, ...]:
    from paceline.lint.select import codes

    words = _texts(file, key, value)
    try:
        codes(words)
    except SettingsError as error:
        raise file.fault(key, str(error), error.fix) from error
    return words


def meant(word: str, known: tuple[str, ...]) -> str:
    """Write the fix for a word that is unknown."""
    from difflib import get_close_matches

    near = get_close_matches(word.replace("_", "-"), known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known are: {', '.join(known)}."
