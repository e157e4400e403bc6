"""What an options object holds under a name: one written at the call, built above it, spread, or returned by a call.

Follows names, spreads, changes and one hop into functions. What cannot be seen is a doubt. Must not know calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from paceline.lint.typescript.meanings import Local
from paceline.lint.typescript.resolve import Resolver
from paceline.lint.typescript.scopes import is_function
from paceline.lint.typescript.syntax import field, is_nothing, named, plain, properties, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.lint.typescript.scopes import Binding, Branch, Change, Scope

DEPTH = 6
_NO_OBJECT = frozenset({"string", "template_string", "number", "array", "true", "false", "undefined", "null", "regex"})
_TEXTS = re.compile(r"(?:prompt|text|message|query|question|input|content|part|key|token|url|name|id)s?$", re.I)
_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Use:
    """The place that wants to know: what comes after it, or runs instead of it, does not count."""

    at: int
    branch: Branch


@dataclass(frozen=True, slots=True)
class Entry:
    """What an options object holds under a name; `doubt` where it may be something else, or nothing.

    `whole` is the entry of the object with its name, `parts` all that it may be, where that is known.
    """

    node: Node
    scope: Scope
    doubt: str = ""
    name: str = ""
    whole: Node | None = None
    parts: tuple[Entry, ...] = ()


class Search:
    """Looks for the first of some names, as seen from one place."""

    def __init__(self, resolver: Resolver, names: frozenset[str], use: Use) -> None:
        self.resolver = resolver
        self.names = names
        self.use = use

    def within(self, node: Node | None, scope: Scope, depth: int = DEPTH) -> Entry | None:
        """Look into an expression that gives an object: None means that none of the names is there."""
        inner = plain(node)
        if inner is None or inner.type in _NO_OBJECT or is_function(inner) or inner.type == "spread_element":
            return None
        if depth <= 0:
            return Entry(inner, scope, "too far to follow")
        match inner.type:
            case "object":
                return self._object(inner, scope, depth)
            case "identifier" | "shorthand_property_identifier":
                return self._variable(inner, scope, depth)
            case "ternary_expression":
                sides = [self.within(field(inner, side), scope, depth - 1) for side in ("consequence", "alternative")]
                return self._either(sides, inner, scope)
            case "binary_expression":
                sides = [self.within(field(inner, side), scope, depth - 1) for side in ("left", "right")]
                if text(field(inner, "operator")) == "&&":
                    sides[0] = None
                return self._either(sides, inner, scope)
            case "call_expression":
                return self._built(inner, scope, depth)
            case "new_expression":
                parts = [self.within(each, scope, depth - 1) for each in named(field(inner, "arguments"))]
                return next((each for each in parts if each is not None), None)
            case "member_expression" | "subscript_expression":
                return self._member(inner, scope, depth)
        return Entry(inner, scope, f"`{_shown(inner)}` comes from elsewhere")

    def _object(self, node: Node, scope: Scope, depth: int) -> Entry | None:
        hidden: Entry | None = None
        empty: Entry | None = None
        for name, whole, value in reversed(list(properties(node))):
            if name in self.names:
                found: Entry | None = Entry(value, scope, name=name or "", whole=whole)
                if not is_nothing(value):
                    return found
                empty = empty or found
            elif name == "...":
                found = self.within(value, scope, depth - 1)
                if found is not None and not found.doubt:
                    return found
                hidden = hidden or found
            elif name is None:
                hidden = hidden or Entry(whole, scope, "a key is computed")
        return hidden or empty

    def _member(self, node: Node, scope: Scope, depth: int) -> Entry | None:
        """Look into what a property holds: one of `this`, or of an object that is written down."""
        base, last = plain(field(node, "object")), text(field(node, "property"))
        owner = scope.nearest("class") if base is not None and base.type == "this" else None
        bound = [] if owner is None else [each for each in owner.members.get(last, ()) if each.node is not None]
        if bound and all(each.sort == "value" and not each.path for each in bound):
            parts = [self._from(each.at, each.branch).within(each.node, each.scope, depth - 1) for each in bound]
            return self._either(parts, node, scope)
        held = self.resolver.value(node, scope)
        if isinstance(held, Local) and held.node.type == "object":
            return self._object(held.node, held.scope, depth - 1)
        if _TEXTS.search(last) or text(node).startswith("process.env."):
            return None
        return Entry(node, scope, f"`{_shown(node)}` comes from elsewhere")

    def _variable(self, node: Node, scope: Scope, depth: int) -> Entry | None:
        variable, use = text(node), self.use
        held = [each for each in scope.bindings(variable) if each.sort != "empty"]
        before = [each for each in held if each.at <= use.at and not each.branch.excludes(use.branch)] or held
        if len(before) > 1 and before[-1].branch.holds(use.branch):
            before = before[-1:]
        if not before:
            nothing = variable in {"undefined", "NaN"} or _TEXTS.search(variable)
            return None if nothing else Entry(node, scope, f"`{variable}` comes from elsewhere")
        found = self._either([self._bound(each, node, scope, depth) for each in before], node, scope)
        for change in before[0].scope.changes.get(variable, ()):
            if before[0].at < change.at < use.at and not change.branch.excludes(use.branch):
                found = self._after(change, found, node, depth)
        return found

    def _bound(self, binding: Binding, node: Node, scope: Scope, depth: int) -> Entry | None:
        annotation = binding.annotation
        if annotation is not None and text(annotation) in {"string", "number", "boolean"}:
            return None
        if binding.sort in {"value", "parameter"} and _TEXTS.search(text(node)):
            value = plain(binding.node)
            if binding.sort == "parameter" or value is None or value.type not in {"object", "identifier"}:
                return None
        if binding.sort == "value" and not binding.path and binding.node is not None:
            return self.within(binding.node, binding.scope, depth - 1)
        return Entry(node, scope, f"`{text(node)}` comes from elsewhere")

    def _after(self, change: Change, found: Entry | None, node: Node, depth: int) -> Entry | None:
        """Apply one change of an object to what was known of it."""
        if change.key is not None and change.key not in self.names:
            return found
        added: Entry | None
        if change.mapping is not None:
            added = self.within(change.mapping, change.scope, depth - 1)
            if added is None:
                return found
        elif change.key is None:
            if found is not None and not found.doubt and not change.removes:
                return found
            return Entry(node, change.scope, f"`{text(node)}` is handed on before the call")
        elif change.value is None and not change.removes:
            return Entry(node, change.scope, f"`{change.key}` is changed before the call")
        else:
            other = found is not None and found.name != change.key
            if other and (change.value is None or is_nothing(change.value)):
                return found
            added = None if change.value is None else Entry(change.value, change.scope, name=change.key)
        if change.branch.holds(self.use.branch):
            return added
        return self._either([found, added], node, change.scope)

    def _built(self, node: Node, scope: Scope, depth: int) -> Entry | None:
        """Look into `Object.assign(…)`, and one hop into a function that builds the options."""
        function, given = plain(field(node, "function")), named(field(node, "arguments"))
        if text(function) == "Object.assign":
            parts = (self.within(each, scope, depth - 1) for each in reversed(given))
            return next((each for each in parts if each is not None), None)
        if text(function) in {"structuredClone", "Object.freeze"}:
            return self.within(next(iter(given), None), scope, depth - 1)
        target = self.resolver.value(function, scope)
        if isinstance(target, Local) and is_function(target.node):
            inner = target.scope.file.scopes.get(target.node.id)
            there = self._from(target.node.end_byte, self.use.branch)
            returned = [] if inner is None else inner.returns
            sides = [there.within(each, held, depth - 3) for each, held in returned]
            if sides and (all(each is None for each in sides) or all(each and not each.doubt for each in sides)):
                return sides[0]
        return Entry(node, scope, f"what `{_shown(function or node)}` gives is not seen")

    def _either(self, sides: list[Entry | None], node: Node, scope: Scope) -> Entry | None:
        """Join what several paths give: the same, or a doubt."""
        held = [each for each in sides if each is not None]
        if len(sides) == 1 or not held:
            return sides[0]
        parts = tuple(part for each in held for part in (each.parts or (each,)))
        if len(held) == len(sides) and not any(each.doubt for each in held):
            return replace(held[0], parts=parts)
        names = " or ".join(f"`{name}`" for name in sorted(self.names))
        return Entry(node, scope, f"{names} is set on some paths only", parts=parts)

    def _from(self, at: int, branch: Branch) -> Search:
        return Search(self.resolver, self.names, Use(at, branch))


def below(found: Entry, path: str, resolver: Resolver, use: Use) -> Entry | None:
    """Look for what lies below an entry: `baseURL` below `configuration`."""
    name, _, rest = path.partition(".")
    parts = found.parts or (found,)
    held: list[Entry] = []
    for part in parts:
        if part.doubt:
            return part
        inner = Search(resolver, frozenset({name}), use).within(part.node, part.scope)
        inner = inner if inner is None or not rest else below(inner, rest, resolver, use)
        held += [] if inner is None else [inner]
    if not held:
        return None
    missing = f"`{name}` is set on some paths only" if len(held) < len(parts) else ""
    return replace(held[0], doubt=held[0].doubt or found.doubt or missing)


def _shown(node: Node) -> str:
    return text(node).partition("\n")[0][:_SHOWN]
