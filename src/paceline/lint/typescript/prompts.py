"""Prompts that change from call to call: a clock, an identifier or chance early in a system prompt.

A text made at module level is made once, so it is no site. Must not judge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paceline.lint.sites import Fact, Kind, Place, Site, State
from paceline.lint.typescript.scopes import is_function
from paceline.lint.typescript.syntax import end, field, first, key, named, place, plain, string, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.lint.typescript.scopes import Scope, Seen

EARLY = 4096
"""How many literal characters into a prompt still count as early: about the smallest prefix that is cached."""

_CLOCKS = frozenset({"Date.now", "performance.now", "dayjs", "moment", "DateTime.now", "Temporal.Now.instant"})
_CHANCE = frozenset(
    {"Math.random", "crypto.randomUUID", "randomUUID", "uuid", "uuidv4", "uuidv7", "v4", "nanoid", "ulid"}
)
_DAYS = frozenset({"toDateString", "toLocaleDateString", "getDate", "getDay", "getMonth", "getFullYear", "getUTCDate",
                   "getUTCMonth", "getUTCFullYear"})  # fmt: skip
_IDENTITY = re.compile(r"^\w*(?:user|session|request|conversation|thread|trace|chat|customer|message)_?id$", re.I)
_NAME_MAX = 80
_NOTICE = 100
_FINE = re.compile(r"[Hhms]{1,2}|timeStyle|hour|minute|second")
_SPELT = frozenset({"toISOString", "toString", "toLocaleString", "toLocaleTimeString", "toTimeString", "toUTCString",
                    "toJSON", "getTime", "valueOf", "format", "toFormat", "toISO", "unix", "slice", "split",
                    "trim", "substring", "replace", "tz", "utc", "local", "setZone", "toISODate", "at"})  # fmt: skip


def prompt_sites(seen: Seen) -> list[Site]:
    """Find the system prompts of a file that are put together at each call."""
    found: dict[Place, Site] = {}
    for given, around, name in seen.texts:
        for node, scope in _written(given, around):
            where = place(node)
            if scope.function is None or where in found:
                continue
            found[where] = Site(
                Kind.PROMPT, seen.path, where, end(node), "", "", "", name, "text", {"stable": _stable(node, scope)},
                language="typescript",
            )  # fmt: skip
    return list(found.values())


def _written(node: Node, scope: Scope, depth: int = 5) -> list[tuple[Node, Scope]]:
    """List where a text is put together: here, where its name is bound, or in the function that returns it."""
    inner = plain(node)
    if inner is None or depth <= 0:
        return []
    if inner.type == "template_string" or (inner.type == "binary_expression" and text(field(inner, "operator")) == "+"):
        return [(inner, scope)]
    if inner.type == "ternary_expression":
        sides = [field(inner, "consequence"), field(inner, "alternative")]
        return [found for each in sides if each is not None for found in _written(each, scope, depth - 1)]
    if inner.type == "identifier":
        bound = [each for each in scope.bindings(text(inner)) if each.sort in {"value", "function"} and not each.path]
        held = [(each.node, each.scope) for each in bound if each.node is not None]
        return [found for each, where in held if is_function(each) or where.function is not None
                for found in _written(each, where, depth - 1)]  # fmt: skip
    if is_function(inner):
        made = scope.file.scopes.get(inner.id)
        return [found for each, where in (made.returns if made else []) for found in _written(each, where, depth - 1)]
    if inner.type != "call_expression" or scope.function is None:
        return []
    function, filled = plain(field(inner, "function")), field(inner, "arguments")
    if filled is not None and filled.type == "template_string":
        return [(filled, scope)]
    trimmed = function is not None and key(field(function, "property")) in {"trim", "trimStart", "trimEnd"}
    target = field(function, "object") if trimmed else function
    return _written(target, scope, depth - 1) if target is not None and (trimmed or target.type == "identifier") else []


def _stable(node: Node, scope: Scope) -> Fact:
    """Decide whether the beginning of a prompt stays the same: *no* needs a clock or chance in sight."""
    before = 0
    unknown: Fact | None = None
    parts = _parts(node)
    # A short line that names a session is a notice in a chat, no prompt.
    literal = [each for each in parts if isinstance(each, str)]
    notice = len(parts) - len(literal) == 1 and sum(map(len, literal)) < _NOTICE
    for part in parts:
        if isinstance(part, str):
            before += len(part)
            continue
        if before >= EARLY:
            break
        grain = _volatile(part, scope)
        if grain is not None and not (notice and grain[0] == "identity"):
            return Fact(State.NO, place(part), f"{grain[1]} after {before} characters", grain[0])
        before += _length(part, scope)
        unknown = unknown or Fact(State.UNKNOWN, place(part), "what is put in may change")
    return unknown or Fact(State.YES, place(node), "the beginning is literal")


def _parts(node: Node) -> list[Node | str]:
    """List the literal pieces and the expressions of a text, in order, without recursion."""
    found: list[Node | str] = []
    stack: list[Node] = [node]
    while stack:
        at = plain(stack.pop())
        if at is None:
            continue
        literal = string(at)
        if literal is not None:
            found.append(literal)
        elif at.type == "template_string":
            for each in at.named_children:
                inner = first(each) if each.type == "template_substitution" else None
                found.append(text(each) if inner is None else inner)
        elif at.type == "binary_expression" and text(field(at, "operator")) == "+":
            stack += [each for each in (field(at, "right"), field(at, "left")) if each is not None]
        else:
            found.append(at)
    return found


def _volatile(node: Node, scope: Scope, depth: int = 5) -> tuple[str, str] | None:  # one a form
    """Return the grain (`fine`, `day` or `identity`) and the name of what changes."""
    inner = plain(node)
    if inner is None or depth <= 0:
        return None
    if inner.type == "new_expression":
        made = text(field(inner, "constructor"))
        alone = not named(field(inner, "arguments"))
        if made == "Date":
            given = first(field(inner, "arguments") or inner) if not alone else None
            return ("fine", "`new Date()`") if given is None else _volatile(given, scope, depth - 1)
        return None
    if inner.type == "call_expression":
        return _called(inner, scope, depth)
    name = key(field(inner, "property")) if inner.type == "member_expression" else text(inner)[:_NAME_MAX]
    if inner.type in {"identifier", "member_expression"} and name and _IDENTITY.match(name):
        return "identity", f"`{name}`"
    if inner.type == "subscript_expression":
        base = field(inner, "object")
        found = None if base is None else _volatile(base, scope, depth - 1)
        # `toISOString().split("T")[0]` is the day, `[1]` the time of it.
        first_part = text(field(inner, "index")) == "0"
        return ("day", found[1]) if found is not None and first_part and "split" in text(base) else found
    if inner.type == "identifier":
        held = [each for each in scope.bindings(text(inner)) if each.sort != "empty"]
        if len(held) == 1 and held[0].sort == "value" and held[0].node is not None and not held[0].path:
            function = held[0].scope.function
            return None if function is None else _volatile(held[0].node, held[0].scope, depth - 1)
    return None


def _length(node: Node, scope: Scope) -> int:
    """Return how long a text is that is put in by the name of a constant."""
    inner = plain(node)
    held = scope.bindings(text(inner)) if inner is not None and inner.type == "identifier" else []
    literal = string(held[0].node) if len(held) == 1 and held[0].sort == "value" and not held[0].path else None
    return len(literal or "")


def _called(node: Node, scope: Scope, depth: int) -> tuple[str, str] | None:
    function = plain(field(node, "function"))
    if function is None:
        return None
    source = text(function) if function.end_byte - function.start_byte < 60 else ""
    arguments = named(field(node, "arguments"))
    if source in _CHANCE and not _own(source, scope):
        return "fine", f"`{source}`"
    if source in _CLOCKS and not arguments and not _own(source, scope):
        return "fine", f"`{source}`"
    if source in {"String", "Number", "Math.floor", "Math.round", "JSON.stringify"} and arguments:
        return _volatile(arguments[0], scope, depth - 1)
    if function.type != "member_expression":
        return None
    last, base = key(field(function, "property")) or "", field(function, "object")
    found = None if base is None else _volatile(base, scope, depth - 1)
    if found is None:
        return None
    if last in _DAYS:
        return ("fine" if last == "toLocaleDateString" and _with_time(arguments) else "day"), found[1]
    if last == "toISODate":
        return "day", found[1]
    if last in {"format", "toFormat"} and arguments:
        form = string(arguments[0])
        return (
            found
            if form is None or re.search(r"[HhmsSAaXx]", form) or form in {"LLL", "LLLL", "LT", "LTS"}
            else ("day", found[1])
        )
    if last == "toLocaleString" and len(arguments) > 1:
        return found if _FINE.search(text(arguments[1])) else ("day", found[1])
    if last in {"slice", "substring"} and [text(each) for each in arguments] in (["0", "10"], ["0", "7"], ["0", "4"]):
        return "day", found[1]
    return found if last in _SPELT else None


def _with_time(arguments: list[Node]) -> bool:
    return len(arguments) > 1 and bool(re.search(r"hour|minute|second|timeStyle", text(arguments[1])))


def _own(source: str, scope: Scope) -> bool:
    """Say whether a name is one of the file's own functions."""
    return any(each.sort in {"function", "parameter"} for each in scope.bindings(source.partition(".")[0]))
