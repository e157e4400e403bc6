"""What a value that is given amounts to: set, not set (undefined, null), or perhaps.

Must not know calls or rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paceline.lint.sites import Fact, State
from paceline.lint.typescript.meanings import Local
from paceline.lint.typescript.resolve import Resolver
from paceline.lint.typescript.scopes import is_function
from paceline.lint.typescript.syntax import (
    field,
    first,
    is_nothing,
    named,
    number,
    place,
    plain,
    properties,
    string,
    text,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.lint.typescript.scopes import Binding, Scope

_DEPTH = 5
_SHORT = 200
_NUMBERS = re.compile(
    r"^(?:Number(?:\.\w+)?|parseInt|parseFloat|Math\.\w+|String|Boolean|JSON\.stringify|AbortSignal\.any)$"
)
_UNBOUND = re.compile(r"^(?:-1|Infinity|Number\.(?:POSITIVE_INFINITY|MAX_SAFE_INTEGER|MAX_VALUE))$")
_CONSTANT = re.compile(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_WINDOW = re.compile(r"context_?(?:window|length|size)|max_?context", re.I)
_SIGNALS = re.compile(r"signal$", re.I)


class Values:
    """Judges expressions."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def fact(self, node: Node, scope: Scope, parameter: str, depth: int = _DEPTH) -> Fact:
        """Judge the value of a parameter."""
        inner = plain(node)
        doubt = Fact(State.UNKNOWN, place(node), f"`{parameter}` may be undefined")
        if inner is None:
            return doubt
        source = text(inner) if inner.end_byte - inner.start_byte < _SHORT else ""
        found = _written(inner, source, parameter) or self._judged(inner, scope, parameter, depth, doubt)
        # No call goes without a model: one that is written down is given, whatever its value.
        if found.state is State.UNKNOWN and (node.type == "non_null_expression" or parameter == "model"):
            return Fact(State.YES, place(node), f"`{parameter}`")
        return found

    def _judged(self, node: Node, scope: Scope, parameter: str, depth: int, doubt: Fact) -> Fact:
        yes = Fact(State.YES, place(node), f"`{parameter}`")
        match node.type:
            case "identifier" | "shorthand_property_identifier":
                return self._bound(scope.bindings(text(node)), scope, parameter, depth, doubt, yes)
            case "member_expression" | "subscript_expression":
                return self._member(node, scope, parameter, depth, doubt)
            case "ternary_expression":
                parts = [self._part(node, each, scope, parameter, depth) for each in ("consequence", "alternative")]
                return parts[0] if parts[0].state is parts[1].state else doubt
            case "binary_expression":
                return self._binary(node, scope, parameter, depth, doubt)
            case "call_expression":
                return self._called(node, scope, parameter, depth, doubt)
            case "method_definition" | "ERROR":
                return doubt
        return yes

    def _part(self, node: Node, name: str, scope: Scope, parameter: str, depth: int) -> Fact:
        part = field(node, name)
        if part is None or depth <= 0:
            return Fact(State.UNKNOWN, place(node), f"`{parameter}` may be undefined")
        return self.fact(part, scope, parameter, depth - 1)

    def _binary(self, node: Node, scope: Scope, parameter: str, depth: int, doubt: Fact) -> Fact:
        operator = text(field(node, "operator"))
        if operator == "&&":
            return doubt
        right = self._part(node, "right", scope, parameter, depth)
        if operator in {"??", "||"}:
            left = self._part(node, "left", scope, parameter, depth)
            if left.state is State.YES and left.value is not None:
                return left
            if right.state is State.NO and left.state is not State.NO:
                return doubt
            return Fact(right.state, right.place, right.because)
        return Fact(State.YES, place(node), f"`{parameter}`", number(node))

    def _member(self, node: Node, scope: Scope, parameter: str, depth: int, doubt: Fact) -> Fact:
        base = plain(field(node, "object"))
        name = text(field(node, "property")) or (string(field(node, "index")) or "")
        if parameter == "timeout" and _SIGNALS.search(name):
            return Fact(State.UNKNOWN, place(node), "a signal may end it")
        if depth <= 0 or base is None or not name:
            return doubt
        if base.type == "this":
            owner = scope.nearest("class")
            members = [] if owner is None else owner.members.get(name, [])
            return self._bound(members, scope, parameter, depth, doubt, doubt)
        held = self.resolver.value(base, scope)
        if isinstance(held, Local) and held.node.type == "object":
            for entry, _, value in reversed(list(properties(held.node))):
                if entry == name:
                    return self.fact(value, held.scope, parameter, depth - 1)
        if _CONSTANT.match(name) and not text(base).endswith("env"):
            return Fact(State.YES, place(node), f"`{parameter}`")
        return doubt

    def _called(self, node: Node, scope: Scope, parameter: str, depth: int, doubt: Fact) -> Fact:
        function = plain(field(node, "function"))
        source = text(function)
        if source == "AbortSignal.timeout":
            given = first(field(node, "arguments") or node)
            return Fact(State.YES, place(node), f"`{parameter}`", None if given is None else number(given))
        if _NUMBERS.match(source):
            return Fact(State.YES, place(node), f"`{parameter}`")
        target = self.resolver.value(function, scope) if depth > 0 else None
        if not isinstance(target, Local) or not is_function(target.node):
            return doubt
        kind = field(target.node, "return_type")
        if kind is not None and text(first(kind)) in {"number", "string", "boolean"}:
            return Fact(State.YES, place(node), f"`{parameter}`")
        inner = target.scope.file.scopes.get(target.node.id)
        parts = [] if inner is None else [self.fact(each, held, parameter, depth - 2) for each, held in inner.returns]
        if parts and all(each.state is parts[0].state for each in parts):
            return Fact(parts[0].state, place(node), parts[0].because)
        return doubt

    def _bound(  # noqa: PLR0913, PLR0917  # what is asked, and the two answers it may have
        self, bindings: list[Binding], scope: Scope, parameter: str, depth: int, doubt: Fact, nothing_known: Fact
    ) -> Fact:
        del scope
        held = [each for each in bindings if each.sort != "empty"]
        states: set[State] = set()
        value = None
        for binding in held:
            if binding.sort == "import":
                states.add(State.YES)
            elif binding.path or binding.sort == "parameter":
                states.add(_parameter(binding, self, parameter, depth))
            elif binding.sort == "value" and binding.node is not None and depth > 0:
                fact = self.fact(binding.node, binding.scope, parameter, depth - 1)
                states.add(fact.state)
                value = fact.value
            elif binding.sort == "value" and binding.annotation is not None:
                sure = _sure(binding.annotation) and not binding.optional
                states.add(State.YES if sure else State.UNKNOWN)
            else:
                states.add(State.UNKNOWN)
        if not held:
            return nothing_known if len(bindings) == 0 else doubt
        if states == {State.YES}:
            return Fact(State.YES, doubt.place, f"`{parameter}`", value if len(held) == 1 else None)
        if states == {State.NO}:
            return Fact(State.NO, doubt.place, f"`{parameter}` is undefined", explicit=parameter == "cap")
        return doubt


def _parameter(binding: Binding, values: Values, parameter: str, depth: int) -> State:
    """Say whether a parameter, or what is taken out of a value, surely has a value: its default or its type tells."""
    if binding.default is not None and depth > 0:
        return values.fact(binding.default, binding.scope, parameter, depth - 1).state
    if binding.path:
        return State.UNKNOWN
    return State.YES if not binding.optional and _sure(binding.annotation) else State.UNKNOWN


def _sure(annotation: Node | None) -> bool:
    """Say whether a type leaves no room for undefined."""
    if annotation is None:
        return False
    if annotation.type == "union_type":
        return all(_sure(each) for each in named(annotation))
    return annotation.type in {"predefined_type", "literal_type"} and text(annotation) not in {
        "undefined", "null", "any", "unknown", "void",
    }  # fmt: skip


def _written(node: Node, source: str, parameter: str) -> Fact | None:
    """Judge what is written out: nothing, a number without bound, a literal."""
    where, named_so = place(node), f"`{parameter}`"
    if is_nothing(node):
        # Every SDK takes its default for undefined and null; of a cap that is to have none.
        return Fact(State.NO, where, f"{named_so} is {source}", explicit=parameter == "cap")
    if parameter == "cap" and _UNBOUND.match(source):
        return Fact(State.NO, where, f"{named_so} is {source}: without bound", explicit=True)
    if parameter == "cap" and _WINDOW.search(source):
        return Fact(State.UNKNOWN, where, f"{named_so} may be the whole context")
    literal = _literal(node)
    return None if literal is None else Fact(State.YES, where, named_so, literal)


def _literal(node: Node) -> str | int | float | bool | None:
    if node.type in {"true", "false"}:
        return node.type == "true"
    found = string(node)
    return found if found is not None else number(node)
