"""From YAML parser events to plain values with the place of each, on a stack of its own, so that depth is bounded here.

Owns what YAML means here. Scalars follow the YAML 1.2 core schema (`no`, `on` and `1:30` are text, so that a team may
be called `no`); keys are always text; anchors, aliases and `<<` work; tags, several documents and keys that are no
scalars do not. Bounded in depth and in values after aliases are expanded. Must not know any key of the standards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from paceline.standards.faults import Code, Fault
from paceline.standards.names import Path, path_text, shown

__all__ = ["DEPTH_MAX", "VALUES_MAX", "Composer", "Place", "Source", "StopError", "plain_value"]

DEPTH_MAX = 24
VALUES_MAX = 100_000

_INT = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STR_TAGS = {"!", "tag:yaml.org,2002:str"}
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a key and of its value, counted from 1."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass(slots=True)
class Source:
    """Plain values, the place of each, and the faults of form found on the way."""

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: bool = False
    """True when reading stopped early, so that what is missing from `data` says nothing."""

    def place(self, path: Path) -> Place | None:
        """Return the place of `path`, or of the nearest thing around it that has one."""
        for length in range(len(path), -1, -1):
            if (found := self.places.get(path[:length])) is not None:
                return found
        return None


class StopError(Exception):
    """Reading cannot go on; the fault is already noted."""


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not been met yet."""

    value: Any
    path: Path
    anchor: str | None
    key: str | None = None
    key_at: tuple[int, int] = (1, 1)
    skip: bool = False
    merges: list[Any] = field(default_factory=list)


class Composer:
    """Builds values from parser events with a stack of its own, so that depth is bounded by us."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.stack: list[_Open] = []
        self.anchors: dict[str, Any] = {}
        self.anchors_open: set[str] = set()
        self.values = 0

    def run(self, events: Iterator[Event]) -> None:
        """Take every event; what was composed is in the source, also when `StopError` ends it early."""
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fault(
                        Code.YAML_FEATURE, event, "holds more than one YAML document", "Keep the first, drop '---'"
                    )
                    return
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._close()
            elif isinstance(event, NodeEvent):
                self._node(event)

    def _fault(self, code: Code, event: Event, message: str, hint: str, path: Path = ()) -> None:
        line, column = _at(event)
        self.source.faults.append(Fault(code, path_text(path), message, hint, line, column))

    def _count(self, event: Event, number: int = 1) -> None:
        self.values += number
        if self.values > VALUES_MAX:
            self._fault(Code.TOO_LARGE, event, f"holds over {VALUES_MAX:,} values", "Shorten it, or use fewer aliases")
            raise StopError

    def _node(self, event: NodeEvent) -> None:
        self._count(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, event)
            return
        path = self._child_path(top)
        if isinstance(event, AliasEvent):
            self._put(top, path, event, self._alias(event, path))
        elif isinstance(event, ScalarEvent):
            value = self._scalar(event, path)
            if event.anchor:
                self.anchors[event.anchor] = value
            self._put(top, path, event, value)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if len(self.stack) >= DEPTH_MAX:
                self._fault(Code.TOO_LARGE, event, f"is nested over {DEPTH_MAX} deep", "Flatten it", path[:3])
                raise StopError
            self._tag(event, path)
            value = {} if isinstance(event, MappingStartEvent) else []
            self._put(top, path, event, value)
            if event.anchor:
                self.anchors_open.add(event.anchor)
            self.stack.append(_Open(value, path, event.anchor))

    def _child_path(self, top: _Open | None) -> Path:
        if top is None:
            return ()
        return (*top.path, len(top.value) if isinstance(top.value, list) else str(top.key))

    def _key(self, top: _Open, event: NodeEvent) -> None:
        if not isinstance(event, ScalarEvent):
            self._fault(Code.YAML_FEATURE, event, "a key must be plain text", "Write the key as one word", top.path)
            raise StopError
        top.key, top.key_at, top.skip = event.value, _at(event), False
        if event.value in top.value and event.value != "<<":
            first = self.source.places.get((*top.path, event.value))
            where = f" (first on line {first.key[0]})" if first else ""
            path = (*top.path, event.value)
            message = f"the key {shown(event.value)} is there twice{where}"
            self._fault(Code.KEY_TWICE, event, message, "Keep one of them", path)
            top.skip = True

    def _put(self, top: _Open | None, path: Path, event: Event, value: Any) -> None:
        at = _at(event)
        if top is None:
            self._root(event, value)
        elif isinstance(top.value, list):
            top.value.append(value)
            self.source.places[path] = Place(at, at)
        else:
            self._put_in_mapping(top, path, event, value)
            top.key = None

    def _put_in_mapping(self, top: _Open, path: Path, event: Event, value: Any) -> None:
        if top.key == "<<" and (isinstance(event, AliasEvent | MappingStartEvent | SequenceStartEvent)):
            top.merges.append(value)
            return
        if not top.skip:
            top.value[top.key] = value
            self.source.places[path] = Place(top.key_at, _at(event))

    def _root(self, event: Event, value: Any) -> None:
        self.source.places[()] = Place(_at(event), _at(event))
        if isinstance(value, dict):
            self.source.data = value
        elif value is not None:
            self._fault(
                Code.VALUE_WRONG, event, "the file must be a mapping of keys to values", "Start with `version: 1`"
            )

    def _close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors_open.discard(done.anchor)
            self.anchors[done.anchor] = done.value
        for merged in done.merges:
            for part in merged if isinstance(merged, list) else [merged]:
                for key, value in part.items() if isinstance(part, dict) else ():
                    done.value.setdefault(key, value)

    def _alias(self, event: AliasEvent, path: Path) -> Any:
        name = event.anchor
        if name in self.anchors_open:
            self._fault(Code.YAML_FEATURE, event, f"the alias *{name} contains itself", "Write the value out", path)
            raise StopError
        return (
            self._copy(event, self.anchors[name], len(path)) if name in self.anchors else self._undefined(event, path)
        )

    def _undefined(self, event: AliasEvent, path: Path) -> None:
        self._fault(
            Code.YAML_FEATURE, event, f"the alias *{event.anchor} has no anchor", f"Define &{event.anchor}", path
        )
        raise StopError

    def _copy(self, event: Event, value: Any, depth: int) -> Any:
        """Copy what an alias stands for; every value and every level counts as if it had been written out."""
        self._count(event)
        if depth > DEPTH_MAX:
            self._fault(Code.TOO_LARGE, event, f"is nested over {DEPTH_MAX} deep", "Use fewer aliases within aliases")
            raise StopError
        if isinstance(value, dict):
            return {key: self._copy(event, inner, depth + 1) for key, inner in value.items()}
        return [self._copy(event, inner, depth + 1) for inner in value] if isinstance(value, list) else value

    def _tag(self, event: Any, path: Path) -> None:
        if event.tag is not None and event.tag not in _STR_TAGS and event.tag not in _PLAIN_TAGS:
            self._fault(
                Code.YAML_FEATURE, event, f"the tag {shown(event.tag)} is not supported", "Remove the tag", path
            )

    def _scalar(self, event: ScalarEvent, path: Path) -> Any:
        self._tag(event, path)
        if event.style is not None or event.tag in _STR_TAGS:
            return event.value
        return plain_value(event.value)


def plain_value(text: str) -> Any:
    """Return what an unquoted scalar means in the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
    return float(text) if _FLOAT.fullmatch(text) and len(text) < 40 else text


def _at(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
