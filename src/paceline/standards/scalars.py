"""The small values people write: durations, money, shares, sizes, secrets, addresses; each forgiving, each documented.

Owns their spelling, their JSON Schema and what is said when they are wrong. A wrong value raises
`PydanticCustomError` whose type is the S-code and whose context holds the hint; secrets are never quoted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from paceline.standards.faults import Code
from paceline.standards.names import shown

__all__ = ["Address", "Also", "Duration", "ListOf", "Money", "Secret", "Share", "Size", "Spelling", "wrong"]

_DURATION = re.compile(r"([0-9]*\.?[0-9]+)\s*(ms|s|m|min|h|d)?")
_DURATION_UNITS = {None: 1.0, "ms": 1.0, "s": 1e3, "m": 6e4, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
_MONEY = re.compile(r"(?:\$|USD)?\s*([0-9]*\.?[0-9]+(?:e-?[0-9]{1,2})?)\s*(?:USD|\$)?", re.IGNORECASE)
_SHARE = re.compile(r"([0-9]*\.?[0-9]+)\s*(%)?")
_SIZE = re.compile(r"([0-9]*\.?[0-9]+)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_SIZE_UNITS = {None: 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 10**6, "GB": 10**9}
_SIZE_UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_YEAR_MS = 366 * 8.64e7
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


def wrong(code: Code, message: str, hint: str) -> PydanticCustomError:
    """Make the error a validator raises for one value."""
    return PydanticCustomError(code.value, "{text}", {"text": message, "hint": hint})


def _number(value: Any, pattern: re.Pattern[str], what: str, hint: str) -> tuple[float, str | None]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value) and value >= 0:
            return float(value), None
    elif isinstance(value, str) and len(value) < 40 and (found := pattern.fullmatch(value.strip())) is not None:
        number = float(found[1])
        if math.isfinite(number):
            return number, found[2] if pattern.groups > 1 else None
    raise wrong(Code.VALUE_WRONG, f"{shown(value)} is not {what}", hint)


def duration(value: Any) -> float:
    """Read a duration; returns milliseconds."""
    hint = "Write `800ms`, `1.5s`, `2m`, `24h`, or a plain number of milliseconds"
    number, unit = _number(value, _DURATION, "a duration", hint)
    ms = number * _DURATION_UNITS[unit]
    if ms > _YEAR_MS:
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is longer than a year", hint)
    return ms


def money(value: Any) -> float:
    """Read an amount; returns US dollars."""
    hint = "Write `0.02` or `$0.02`; amounts are US dollars"
    number, _ = _number(value, _MONEY, "an amount of money", hint)
    if number > 1e9:
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is more than a billion dollars", hint)
    return number


def share(value: Any) -> float:
    """Read a share; returns a number from 0 to 1."""
    hint = "Write `0.5%` or a number from 0 to 1 such as `0.005`"
    number, percent = _number(value, _SHARE, "a share", hint)
    number = number / 100 if percent else number
    if number > 1:
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is more than 100 %", hint)
    return number


def size(value: Any) -> int:
    """Read a size; returns bytes."""
    hint = "Write `32MiB`, `64KiB`, or a plain number of bytes"
    number, unit = _number(value, _SIZE, "a size", hint)
    if number * _SIZE_UNITS[unit] > 1 << 50:
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is more than a pebibyte", hint)
    return int(number * _SIZE_UNITS[unit])


def secret(value: Any) -> str:
    """Check that a secret is a reference; never quotes it."""
    if isinstance(value, str) and _SECRET.fullmatch(value) and len(value) < 1024 and "\0" not in value:
        return value
    message = "holds the secret itself, or something that is no reference"
    hint = "Write `env:NAME` or `file:PATH`; if a real secret stood here, replace it at its provider"
    raise wrong(Code.SECRET_INLINE, message, hint)


def address(value: Any) -> str:
    """Check an http(s) address; returns it without its last slash. User info is refused unquoted."""
    hint = "Write scheme, host and path, such as `http://10.0.0.5:8000/v1`"
    if not isinstance(value, str):
        raise wrong(Code.BASE_URL_INVALID, "is not an address", hint)
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        sound, parts = False, urlsplit("")
    if "@" in value:
        raise wrong(Code.BASE_URL_INVALID, "holds a user name or password", "Put the secret under `key:` as `env:NAME`")
    if not sound or parts.query or parts.fragment or not re.fullmatch(r"[!-~]{1,2000}", value):
        raise wrong(Code.BASE_URL_INVALID, f"{shown(value)} is not an http(s) address", hint)
    return value.rstrip("/")


def listed(value: Any) -> Any:
    """Accept one value where a list is wanted; nothing is an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Spelling:
    """What the reference page calls a type; means nothing to validation."""

    word: str


@dataclass(frozen=True, slots=True, eq=False)
class Also:
    """Another form that the JSON Schema allows: what a validator before the type makes of it."""

    form: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Join this form to the type's own."""
        return {"anyOf": [dict(self.form), handler(core_schema)]}


class OneOrMany:
    """Lets the JSON Schema allow one item where a list is wanted."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Join the item's schema to the list's."""
        schema = handler(core_schema)
        return {"anyOf": [schema, schema["items"]]} if "items" in schema else schema


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


_SECRET_FORM = _text("^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")

Duration = Annotated[
    float, BeforeValidator(duration), Also(_text(r"^[0-9]*\.?[0-9]+ *(ms|s|m|min|h|d)?$")), Spelling("duration")
]
"""Milliseconds."""
Money = Annotated[float, BeforeValidator(money), Also({"type": "string"}), Spelling("US dollars")]
"""US dollars."""
Share = Annotated[float, BeforeValidator(share), Also(_text("%$")), Spelling("share")]
"""A number from 0 to 1."""
Size = Annotated[int, BeforeValidator(size), Also(_text("^[0-9]*\\.?[0-9]+ *([kKMG]i?)?B?$")), Spelling("size")]
"""Bytes."""
Secret = Annotated[str, BeforeValidator(secret), WithJsonSchema(_SECRET_FORM), Spelling("secret reference")]
"""A reference to a secret: `env:NAME` or `file:PATH`."""
Address = Annotated[str, BeforeValidator(address), WithJsonSchema(_text("^https?://")), Spelling("address")]
"""An http(s) address without its last slash."""

_Item = TypeVar("_Item")
ListOf = Annotated[list[_Item], BeforeValidator(listed), OneOrMany()]
"""A list; one value alone is a list of one."""
