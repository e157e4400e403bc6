"""Whether an argument is set at a call in TypeScript, and where that was decided.

Looks into options objects: those written at the call, those built above it and spread, and those that a function of
the file returns. What cannot be seen is unknown. Must not know rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from paceline.lint.sites import Fact, State
from paceline.lint.typescript.resolve import Local, Ref, Resolver
from paceline.lint.typescript.scopes import is_function
from paceline.lint.typescript.syntax import field, first, named, place, plain, properties, text
from paceline.lint.typescript.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from paceline.lint.typescript.scopes import Binding, Branch, Change, Scope

_DEPTH = 6
_NO_OBJECT = frozenset({"string", "template_string", "number", "array", "true", "false", "undefined", "null", "regex"})
_TEXTS = re.compile(r"(?:prompt|text|message|query|question|input|content|part|key|token|url|name|id)s?$", re.I)


@dataclass(frozen=True, slots=True)
class Use:
    """The place that wants to know: what comes after it, or runs instead of it, does not count."""

    at: int
    branch: Branch


@dataclass(frozen=True, slots=True)
class Wanted:
    """The names that are looked for, and the settings objects that may hold them."""

    names: tuple[str, ...]
    nested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What an options object holds under a name; `doubt` where it may be something else, or nothing."""

    node: Node
    scope: Scope
    doubt: str = ""
    whole: Node | None = None


class Arguments:
    """Reads the arguments of calls."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.values = Values(resolver)

    def fact(  # noqa: PLR0913  # one for each thing the catalogue says of a parameter
        self,
        call: Node,
        scope: Scope,
        names: tuple[str, ...],
        *,
        nested: tuple[str, ...] = (),
        opaque: tuple[str, ...] = (),
        parameter: str = "",
        positions: slice = slice(None),
    ) -> Fact:
        """Decide whether any of these arguments is set; one that is set wins over one that may be."""
        where = place(call)
        given = named(field(call, "arguments"))[positions]
        use = Use(call.start_byte, scope.file.where[call.id][1])
        facts = [
            self._judged(call, each, parameter) for each in self._entries(given, scope, Wanted(names, nested), use)
        ]
        if any(each.type == "spread_element" for each in given):
            facts.append(Fact(State.UNKNOWN, where, "`...` hides arguments"))
        for state in (State.YES, State.UNKNOWN):
            found = next((fact for fact in facts if fact.state is state), None)
            if found is not None:
                return found
        hidden = next(iter(self._entries(given, scope, Wanted(opaque, nested), use)), None)
        if hidden is not None:
            return Fact(State.UNKNOWN, place(hidden.node), f"what `{text(hidden.node)[:30]}` does is not seen")
        return next(iter(facts), None) or Fact(State.NO, where, "not among the arguments")

    def entry(self, call: Node, scope: Scope, name: str, nested: tuple[str, ...] = ()) -> Entry | None:
        """Find one argument of a call; None where it is certainly not there."""
        use = Use(call.start_byte, scope.file.where[call.id][1])
        return next(iter(self._entries(named(field(call, "arguments")), scope, Wanted((name,), nested), use)), None)

    def _entries(self, nodes: Iterable[Node], scope: Scope, wanted: Wanted, use: Use, depth: int = 3) -> list[Entry]:
        found: list[Entry] = []
        for node in nodes:
            for name in wanted.names:
                entry = self._within(node, scope, name, use, _DEPTH)
                if entry is not None:
                    found.append(entry)
            for outer in wanted.nested if depth > 0 else ():
                holder = self._within(node, scope, outer, use, _DEPTH)
                if holder is None or outer in wanted.names:
                    continue
                if holder.doubt:
                    found.append(holder)
                    continue
                found += self._entries([holder.node], holder.scope, wanted, use, depth - 1)
        return found

    def _judged(self, call: Node, entry: Entry, parameter: str) -> Fact:
        inside = entry.node.start_byte >= call.start_byte and entry.node.end_byte <= call.end_byte
        if entry.doubt:
            return Fact(State.UNKNOWN, place(entry.node if inside else call), entry.doubt)
        fact = self.values.fact(entry.node, entry.scope, parameter)
        if not inside:
            return replace(fact, place=place(call) if fact.place is None else fact.place)
        cut = _cut(entry.whole) if entry.whole is not None and entry.whole.type == "pair" else None
        return replace(fact, span=(entry.node.start_byte, entry.node.end_byte), cut=cut)

    def _within(  # one case a kind of expression
        self, node: Node | None, scope: Scope, name: str, use: Use, depth: int
    ) -> Entry | None:
        """Look for a key in an expression that gives an object: None means that it is certainly not there."""
        inner = plain(node)
        if inner is None or inner.type in _NO_OBJECT or is_function(inner) or inner.type == "spread_element":
            return None
        if depth <= 0:
            return Entry(inner, scope, "too far to follow")
        kind = inner.type
        if kind == "object":
            return self._object(inner, scope, name, use, depth)
        if kind in {"identifier", "shorthand_property_identifier"}:
            return self._variable(inner, scope, name, use, depth)
        if kind == "ternary_expression":
            one = self._within(field(inner, "consequence"), scope, name, use, depth - 1)
            other = self._within(field(inner, "alternative"), scope, name, use, depth - 1)
            return _either(one, other, inner, scope, name)
        if kind == "binary_expression":
            left = self._within(field(inner, "left"), scope, name, use, depth - 1)
            right = self._within(field(inner, "right"), scope, name, use, depth - 1)
            if text(field(inner, "operator")) == "&&":
                return None if right is None else replace(right, doubt=f"`{name}` is set on some paths only")
            return _either(left, right, inner, scope, name)
        if kind == "call_expression":
            return self._built(inner, scope, name, use, depth)
        if kind == "new_expression":
            parts = [self._within(each, scope, name, use, depth - 1) for each in named(field(inner, "arguments"))]
            return next((each for each in parts if each is not None), None)
        if kind in {"member_expression", "subscript_expression"}:
            held = self.resolver.value(inner, scope)
            if isinstance(held, Local) and held.node.type == "object":
                return self._object(held.node, held.scope, name, use, depth - 1)
            last = text(field(inner, "property"))
            if _TEXTS.search(last) or text(inner).startswith("process.env."):
                return None
        return Entry(inner, scope, f"`{text(inner)[:30]}` comes from elsewhere")

    def _object(self, node: Node, scope: Scope, name: str, use: Use, depth: int) -> Entry | None:
        hidden: Entry | None = None
        for entry, whole, value in reversed(list(properties(node))):
            if entry == name:
                return Entry(value, scope, whole=whole)
            if entry == "...":
                found = self._within(value, scope, name, use, depth - 1)
                if found is not None and not found.doubt:
                    return found
                hidden = hidden or found
            elif entry is None:
                hidden = hidden or Entry(whole, scope, "a key is computed")
        return hidden

    def _variable(self, node: Node, scope: Scope, name: str, use: Use, depth: int) -> Entry | None:
        variable = text(node)
        held = [each for each in scope.bindings(variable) if each.sort != "empty"]
        before = [each for each in held if each.at <= use.at and not each.branch.excludes(use.branch)] or held
        if len(before) > 1 and before[-1].branch.holds(use.branch):
            before = before[-1:]
        parts = [self._bound(each, node, scope, name, use, depth) for each in before]
        if not parts:
            return (
                None if variable in {"undefined", "NaN"} else Entry(node, scope, f"`{variable}` comes from elsewhere")
            )
        found = parts[0]
        for each in parts[1:]:
            found = _either(found, each, node, scope, name)
        holder = before[0].scope
        for change in holder.changes.get(variable, ()):
            if before[0].at < change.at < use.at and not change.branch.excludes(use.branch):
                found = self._after(change, found, node, name, use, depth)
        return found

    def _bound(  # noqa: PLR0913, PLR0917  # a binding, and who asks for what
        self, binding: Binding, node: Node, scope: Scope, name: str, use: Use, depth: int
    ) -> Entry | None:
        kind = "" if binding.annotation is None else binding.annotation.type
        if kind == "predefined_type" and text(binding.annotation) in {"string", "number", "boolean"}:
            return None
        if binding.sort in {"value", "parameter"} and _TEXTS.search(text(node)) and name not in {"content", "input"}:
            value = plain(binding.node)
            if binding.sort == "parameter" or value is None or value.type not in {"object", "identifier"}:
                return None
        if binding.sort == "value" and not binding.path and binding.node is not None:
            return self._within(binding.node, binding.scope, name, use, depth - 1)
        return Entry(node, scope, f"`{text(node)}` comes from elsewhere")

    def _after(  # noqa: PLR0913, PLR0917  # what is known, what changed, and where
        self, change: Change, found: Entry | None, node: Node, name: str, use: Use, depth: int
    ) -> Entry | None:
        """Apply one change of an object to what was known of a key."""
        if change.key is not None and change.key != name:
            return found
        conditional = not change.branch.holds(use.branch)
        added: Entry | None
        if change.mapping is not None:
            added = self._within(change.mapping, change.scope, name, use, depth - 1)
            if added is None:
                return found
        elif change.key is None:
            if found is not None and not found.doubt and not change.removes:
                return found
            return Entry(node, change.scope, f"`{text(node)}` is handed on before the call")
        elif change.removes:
            added = None
        elif change.value is None:
            return Entry(node, change.scope, f"`{name}` is changed before the call")
        else:
            added = Entry(change.value, change.scope)
        if not conditional:
            return added
        return _either(found, added, node, change.scope, name)

    def _built(self, node: Node, scope: Scope, name: str, use: Use, depth: int) -> Entry | None:
        """Look into `Object.assign(…)`, and one hop into a function that builds the options."""
        function = plain(field(node, "function"))
        given = named(field(node, "arguments"))
        if text(function) == "Object.assign":
            for each in reversed(given):
                found = self._within(each, scope, name, use, depth - 1)
                if found is not None:
                    return found
            return None
        if text(function) in {"structuredClone", "Object.freeze"}:
            return self._within(first(field(node, "arguments") or node), scope, name, use, depth - 1)
        target = self.resolver.value(function, scope)
        if isinstance(target, Local) and is_function(target.node):
            inner = target.scope.file.scopes.get(target.node.id)
            returns = [] if inner is None else inner.returns
            parts = [
                self._within(each, held, name, Use(target.node.end_byte, use.branch), depth - 3)
                for each, held in returns
            ]
            if parts and all(each is None for each in parts):
                return None
            if parts and all(each is not None and not each.doubt for each in parts):
                return parts[0]
        doubt = (
            "what a call gives is not seen"
            if not isinstance(target, Ref)
            else f"`{target.names[-1:]}` is made elsewhere"
        )
        return Entry(node, scope, doubt)


def _either(one: Entry | None, other: Entry | None, node: Node, scope: Scope, name: str) -> Entry | None:
    """Join what two paths give: the same, or a doubt."""
    if one is None and other is None:
        return None
    if one is not None and other is not None and not one.doubt and not other.doubt:
        return one
    return Entry(node, scope, f"`{name}` is set on some paths only")


def _cut(entry: Node) -> tuple[int, int]:
    """Return the bytes of an entry with the comma that goes with it."""
    after = entry.next_sibling
    if after is not None and after.type == ",":
        following = after.next_sibling
        stop = following.start_byte if following is not None and following.is_named else after.end_byte
        return entry.start_byte, stop
    before = entry.prev_sibling
    if before is not None and before.type == ",":
        return before.start_byte, entry.end_byte
    return entry.start_byte, entry.end_byte
