"""From YAML text to plain values with the place of each, within bounds, all faults of form collected.

Owns: what YAML means here. Scalars follow the YAML 1.2 core schema (`no`, `on` and `1:30` are text, so that a team
may be called `no`); keys are always text; anchors, aliases and `<<` work; tags, several documents and keys that are
no scalars do not. Bounded in bytes, depth and values after aliases are expanded, so that no file can exhaust memory.
Must not know any key of the standards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
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

__all__ = ["BYTES_MAX", "DEPTH_MAX", "VALUES_MAX", "Place", "Source", "read_source"]

BYTES_MAX = 1 << 20
DEPTH_MAX = 24
VALUES_MAX = 100_000

_INT = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, object] = {"": None, "~": None, "true": True, "false": False}
_WORDS |= dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= {"True": True, "TRUE": True, "False": False, "FALSE": False}
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


class _StopError(Exception):
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


def read_source(text: str) -> Source:
    """Read YAML text; never raises, whatever the text."""
    source = Source()
    if len(text.encode("utf-8", "replace")) > BYTES_MAX:
        source.faults.append(Fault(Code.TOO_LARGE, "", f"the file is over {BYTES_MAX >> 20} MiB", "Shorten it", 1, 1))
        source.broken = True
        return source
    source.broken = True
    composer = _Composer(source)
    try:
        composer.run(yaml.parse(text, Loader=yaml.SafeLoader))
        source.broken = False
    except _StopError:
        pass
    except yaml.MarkedYAMLError as error:
        source.faults.append(_syntax_fault(error))
    except yaml.reader.ReaderError as error:
        line, column = _position(text, error.position)
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        source.faults.append(Fault(Code.SYNTAX, "", message, "Remove it", line, column))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        source.faults.append(Fault(Code.SYNTAX, "", f"not valid YAML: {type(error).__name__}", "", 1, 1))
    return source


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = (error.problem or error.context or "cannot be read").replace("<", "").replace(">", "")
    hint = "Check the indentation, the colons and the quotes around here"
    if "'\\t'" in problem:
        hint = "Indent with spaces; YAML does not allow tabs"
    elif "mapping values are not allowed" in problem:
        hint = "Put quotes around text that contains ': ', or check the indentation"
    return Fault(
        Code.SYNTAX,
        "",
        f"not valid YAML: {problem}",
        hint,
        (mark.line + 1) if mark else 1,
        (mark.column + 1) if mark else 1,
    )


class _Composer:
    """Builds values from parser events with a stack of its own, so that depth is bounded by us."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.stack: list[_Open] = []
        self.anchors: dict[str, Any] = {}
        self.anchors_open: set[str] = set()
        self.values = 0

    def run(self, events: Iterator[Event]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.fault(
                        Code.YAML_FEATURE, event, "holds more than one YAML document", "Keep the first, drop '---'"
                    )
                    return
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self.close()
            elif isinstance(event, NodeEvent):
                self.node(event)

    def fault(self, code: Code, event: Event, message: str, hint: str, path: Path = ()) -> None:
        line, column = _at(event)
        self.source.faults.append(Fault(code, path_text(path), message, hint, line, column))

    def count(self, event: Event, number: int = 1) -> None:
        self.values += number
        if self.values > VALUES_MAX:
            self.fault(Code.TOO_LARGE, event, f"holds over {VALUES_MAX:,} values", "Shorten it, or use fewer aliases")
            raise _StopError

    def node(self, event: NodeEvent) -> None:
        self.count(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self.key(top, event)
            return
        path = self.child_path(top)
        if isinstance(event, AliasEvent):
            self.put(top, path, event, self.alias(event, path))
        elif isinstance(event, ScalarEvent):
            value = self.scalar(event, path)
            if event.anchor:
                self.anchors[event.anchor] = value
            self.put(top, path, event, value)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if len(self.stack) >= DEPTH_MAX:
                self.fault(Code.TOO_LARGE, event, f"is nested over {DEPTH_MAX} deep", "Flatten it", path[:3])
                raise _StopError
            self.tag(event, path)
            value = {} if isinstance(event, MappingStartEvent) else []
            self.put(top, path, event, value)
            if event.anchor:
                self.anchors_open.add(event.anchor)
            self.stack.append(_Open(value, path, event.anchor))

    def child_path(self, top: _Open | None) -> Path:
        if top is None:
            return ()
        return (*top.path, len(top.value) if isinstance(top.value, list) else str(top.key))

    def key(self, top: _Open, event: NodeEvent) -> None:
        if not isinstance(event, ScalarEvent):
            self.fault(Code.YAML_FEATURE, event, "a key must be plain text", "Write the key as one word", top.path)
            raise _StopError
        top.key, top.key_at, top.skip = event.value, _at(event), False
        if event.value in top.value and event.value != "<<":
            first = self.source.places.get((*top.path, event.value))
            where = f" (first on line {first.key[0]})" if first else ""
            path = (*top.path, event.value)
            message = f"the key {shown(event.value)} is there twice{where}"
            self.fault(Code.KEY_TWICE, event, message, "Keep one of them", path)
            top.skip = True

    def put(self, top: _Open | None, path: Path, event: Event, value: Any) -> None:
        at = _at(event)
        if top is None:
            self.root(event, value)
        elif isinstance(top.value, list):
            top.value.append(value)
            self.source.places[path] = Place(at, at)
        else:
            self.put_in_mapping(top, path, event, value)
            top.key = None

    def put_in_mapping(self, top: _Open, path: Path, event: Event, value: Any) -> None:
        if top.key == "<<" and (isinstance(event, AliasEvent | MappingStartEvent | SequenceStartEvent)):
            top.merges.append(value)
            return
        if not top.skip:
            top.value[top.key] = value
            self.source.places[path] = Place(top.key_at, _at(event))

    def root(self, event: Event, value: Any) -> None:
        self.source.places[()] = Place(_at(event), _at(event))
        if isinstance(value, dict):
            self.source.data = value
        elif value is not None:
            self.fault(
                Code.VALUE_WRONG, event, "the file must be a mapping of keys to values", "Start with `version: 1`"
            )

    def close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors_open.discard(done.anchor)
            self.anchors[done.anchor] = done.value
        for merged in done.merges:
            for part in merged if isinstance(merged, list) else [merged]:
                for key, value in part.items() if isinstance(part, dict) else ():
                    done.value.setdefault(key, value)

    def alias(self, event: AliasEvent, path: Path) -> Any:
        name = event.anchor
        if name in self.anchors_open:
            self.fault(Code.YAML_FEATURE, event, f"the alias *{name} contains itself", "Write the value out", path)
            raise _StopError
        return self.copy(event, self.anchors[name], len(path)) if name in self.anchors else self.undefined(event, path)

    def undefined(self, event: AliasEvent, path: Path) -> None:
        self.fault(
            Code.YAML_FEATURE, event, f"the alias *{event.anchor} has no anchor", f"Define &{event.anchor}", path
        )
        raise _StopError

    def copy(self, event: Event, value: Any, depth: int) -> Any:
        """Copy what an alias stands for; every value and every level counts as if it had been written out."""
        self.count(event)
        if depth > DEPTH_MAX:
            self.fault(Code.TOO_LARGE, event, f"is nested over {DEPTH_MAX} deep", "Use fewer aliases within aliases")
            raise _StopError
        if isinstance(value, dict):
            return {key: self.copy(event, inner, depth + 1) for key, inner in value.items()}
        return [self.copy(event, inner, depth + 1) for inner in value] if isinstance(value, list) else value

    def tag(self, event: Any, path: Path) -> None:
        if event.tag is not None and event.tag not in _STR_TAGS and event.tag not in _PLAIN_TAGS:
            self.fault(Code.YAML_FEATURE, event, f"the tag {shown(event.tag)} is not supported", "Remove the tag", path)

    def scalar(self, event: ScalarEvent, path: Path) -> Any:
        self.tag(event, path)
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
