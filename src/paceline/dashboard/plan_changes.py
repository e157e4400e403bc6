"""What differs between two plans, as sentences of a kind: where, what it was, what it is. Pure; knows no ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from paceline.ledger.verdict import in_words

__all__ = ["Change", "changes"]

_PARTS: Final = {
    "use_cases": "use case",
    "services": "service",
    "models": "model",
    "deployments": "deployment",
    "providers": "provider",
    "teams": "team",
    "tasks": "task",
}
_LEFT_OUT: Final = frozenset({"keys", "hash", "format"})
_NONE: Final = "nothing"


class Change(NamedTuple):
    """One difference. An empty `before` means it is new, an empty `after` that it is gone."""

    part: str
    """`use case support-chat`, or the section: `policy`."""
    what: str
    """`ttft p95 limit`; empty where the whole part came or went."""
    before: str
    after: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the differences between two plan documents, in the order of the file."""
    found: list[Change] = []
    for section in dict.fromkeys([*after, *before]):
        if section not in _LEFT_OUT:
            found += _section(section, before.get(section), after.get(section))
    return found


def _section(section: str, before: Any, after: Any) -> Iterator[Change]:
    if section not in _PARTS:
        yield from _leaves(section, before, after)
        return
    was, now = _by_name(before), _by_name(after)
    for name in dict.fromkeys([*now, *was]):
        part = f"{_PARTS[section]} {name}"
        if name not in was:
            yield Change(part, "", "", "new")
        elif name not in now:
            yield Change(part, "", "gone", "")
        else:
            yield from _leaves(part, was[name], now[name])


def _leaves(part: str, before: Any, after: Any) -> Iterator[Change]:
    was, now = dict(_flat(before, "")), dict(_flat(after, ""))
    for what in dict.fromkeys([*now, *was]):
        if was.get(what) != now.get(what):
            yield Change(part, what or "value", was.get(what, _NONE), now.get(what, _NONE))


def _by_name(entries: Any) -> dict[str, Any]:
    if not isinstance(entries, Sequence):
        return {}
    return {str(entry.get("name", place)): entry for place, entry in enumerate(entries) if isinstance(entry, Mapping)}


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every value with the words that lead to it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "limits" and isinstance(inner, Sequence):
                yield from ((f"{_limit(each)} limit", in_words(each["metric"], each["value"])) for each in inner)
            elif name != "name":
                yield from _flat(inner, f"{path} {name.replace('_', ' ')}".strip())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield path, ", ".join(map(_said, value)) or _NONE
    else:
        yield path, _said(value)


def _limit(one: Mapping[str, Any]) -> str:
    at = "" if one["percentile"] == "mean" else f" {one['percentile']}"
    return f"{one['metric'].removesuffix('_ms').removesuffix('_usd').replace('_', ' ')}{at}"


def _said(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_said(inner)}" for name, inner in value.items())
    return str(value)
