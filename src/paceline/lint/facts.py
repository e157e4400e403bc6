"""Whether an argument is set at a call, and where that was decided.

Folds dictionaries into `**x`, goes one hop into functions that build them, and reads settings objects. What cannot
be seen is unknown. Must not know rules.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from paceline.lint.resolve import Client, Local, Made, Ref, Resolver
from paceline.lint.sites import Fact, Place, State
from paceline.lint.values import DEPTH as _DEPTH
from paceline.lint.values import Values, callers, place

if TYPE_CHECKING:
    from paceline.lint.scopes import Binding, Change, Scope
    from paceline.lint.spans import Spans

_TRANSPORTS = {"http_client", "http_async_client", "httpx_client", "client", "async_client"}
_CONTAINERS = {"http_client_kwargs", "client_kwargs", "async_client_kwargs", "request_options", "config"}
_LEFT_OUT = "not among the arguments"


class Arguments:
    """Reads the arguments of calls in one file."""

    def __init__(self, resolver: Resolver, values: Values, spans: Spans) -> None:
        self.resolver = resolver
        self.values = values
        self.spans = spans

    def fact(self, call: ast.Call, scope: Scope, names: tuple[str, ...], nested: tuple[str, ...] = ()) -> Fact:
        """Decide whether any of these arguments is set; one that is set wins over one that may be."""
        found = [self._named(call, scope, name, names) for name in names]
        found += [self._within(call, scope, outer, names, nested) for outer in nested if outer not in names]
        for state in (State.YES, State.UNKNOWN):
            for fact in found:
                if fact is not None and fact.state is state:
                    return fact
        explicit = next((fact for fact in found if fact is not None), None)
        return explicit or Fact(State.NO, place(call), _LEFT_OUT)

    def _named(self, call: ast.Call, scope: Scope, name: str, names: tuple[str, ...] = ()) -> Fact | None:
        hidden: Fact | None = None
        for keyword in call.keywords:
            if keyword.arg == name:
                if name in _TRANSPORTS:
                    return self._transport(keyword.value, scope, name, names)
                given = self._set(keyword.value, scope, name)
                return replace(given, span=self.spans.of(keyword.value), cut=self.spans.cut(call, keyword))
            if keyword.arg is None:
                found = self._mapping(keyword.value, scope, name, _DEPTH)
                if found is not None and found.state is not State.UNKNOWN:
                    return found
                hidden = found or hidden
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            hidden = Fact(State.UNKNOWN, place(call), "`*` hides arguments")
        return hidden

    def _set(self, node: ast.expr, scope: Scope, name: str) -> Fact:
        return self.values.judge(node, scope, name)

    def _transport(self, node: ast.expr, scope: Scope, name: str, names: tuple[str, ...]) -> Fact | None:
        """Look at an HTTP client of one's own: the SDK takes its timeout only where one is given to it."""
        wanted = (
            ("timeout",) if any("timeout" in each for each in names) else ("base_url", "transport", "mounts", "proxy")
        )
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        unseen = Fact(State.UNKNOWN, place(node), f"`{name}` is made elsewhere")
        made = self._call_of(node, scope)
        if made is None:
            return unseen
        call, where = made
        value = self.resolver.value(call.func, where)
        if not isinstance(value, Ref) or "http" not in value.dotted.lower():
            return unseen
        found = self.fact(call, where, wanted)
        return found if found.because != _LEFT_OUT else None

    def _call_of(self, node: ast.expr, scope: Scope) -> tuple[ast.Call, Scope] | None:
        """Follow a name to the one call that makes it."""
        for _ in range(_DEPTH):
            if isinstance(node, ast.Call):
                return node, scope
            if not isinstance(node, ast.Name):
                return None
            made = scope.bindings(node.id)
            if len(made) != 1 or made[0].sort != "value" or not isinstance(made[0].node, ast.expr):
                return None
            node, scope = made[0].node, made[0].scope
        return None

    def _within(
        self, call: ast.Call, scope: Scope, outer: str, names: tuple[str, ...], nested: tuple[str, ...]
    ) -> Fact | None:
        """Look into a settings object: `config=Settings(cap=…)` or `config={"cap": …}`."""
        for keyword in call.keywords:
            if keyword.arg == outer:
                return self._settings(keyword.value, scope, names, nested, _DEPTH)
            if keyword.arg is None:
                found = self._mapping(keyword.value, scope, outer, _DEPTH)
                if found is not None:
                    return Fact(State.UNKNOWN, place(keyword.value), f"`{outer}` is handed on in `**`")
        return None

    def _settings(
        self, node: ast.expr, scope: Scope, names: tuple[str, ...], nested: tuple[str, ...], depth: int
    ) -> Fact | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        if isinstance(node, ast.Name) and depth > 0:
            made = [each for each in scope.bindings(node.id) if each.sort == "value"]
            if len(made) == 1 and isinstance(made[0].node, ast.Call) and not _is_dict(made[0].node):
                if any(_stored(store, node.id, names) for store, _, _ in self.resolver.seen.stores):
                    return Fact(State.UNKNOWN, place(node), "the settings are changed after they are made")
                return self._settings(made[0].node, made[0].scope, names, nested, depth - 1)
        if isinstance(node, ast.Call) and not _is_dict(node):
            return self._made_settings(node, scope, names, nested)
        facts = [self._mapping(node, scope, name, depth) for name in names]
        inner = [self._deeper(node, scope, outer, names, nested) for outer in nested]
        return _firmest([*facts, *inner])

    def _made_settings(
        self, node: ast.Call, scope: Scope, names: tuple[str, ...], nested: tuple[str, ...]
    ) -> Fact | None:
        value = self.resolver.value(node.func, scope)
        if isinstance(value, Local) and isinstance(value.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = self.resolver.scopes[value.node]
            facts = [self._settings(each, inner, names, nested, _DEPTH - 2) for each in inner.returns]
            if facts and all(each == facts[0] for each in facts):
                return facts[0]
        if isinstance(value, (Local, Made, Client)) or not _looks_like_class(node.func):
            return Fact(State.UNKNOWN, place(node), "the settings are made elsewhere")
        found = self.fact(node, scope, names, ("extra_body", *nested))
        return None if found.because == _LEFT_OUT else found

    def _deeper(
        self, node: ast.expr, scope: Scope, outer: str, names: tuple[str, ...], nested: tuple[str, ...]
    ) -> Fact | None:
        """Look one settings object further in: `config={"http_options": {"timeout": …}}`."""
        if not isinstance(node, ast.Dict):
            return None
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == outer:
                rest = tuple(each for each in nested if each != outer)
                return self._settings(value, scope, names, rest, _DEPTH - 2)
        return None

    def _mapping(  # noqa: PLR0912  # one case a shape
        self, node: ast.expr, scope: Scope, name: str, depth: int
    ) -> Fact | None:
        """Look for a key in what `**` spreads: None means that it is certainly not there."""
        if depth <= 0:
            return Fact(State.UNKNOWN, place(node), "too far to follow")
        match node:
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope, name, depth)
            case ast.Call() if _is_dict(node):
                inner = self._named(node, scope, name)
                positional = [self._mapping(each, scope, name, depth - 1) for each in node.args]
                return inner or next((each for each in positional if each is not None), None)
            case ast.Call(func=ast.Attribute(value=ast.Name() as copied, attr="copy"), args=[]):
                return self._mapping(copied, scope, name, depth - 1)
            case ast.Call(func=ast.Attribute(attr="deepcopy" | "copy"), args=[ast.Name() as copied]):
                return self._mapping(copied, scope, name, depth - 1)
            case ast.DictComp(generators=[ast.comprehension(iter=ast.Call(func=ast.Attribute(value=copied)))]):
                found = self._mapping(copied, scope, name, depth - 1)
                return found and Fact(State.UNKNOWN, place(node), "a comprehension may leave it out")
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                return self._attribute(node, attribute, scope, name, depth)
            case ast.Call():
                return self._built(node, scope, name, depth)
            case ast.Name(id=variable):
                return self._variable(node, variable, scope, name, depth)
            case ast.BinOp(left=left, right=right, op=ast.BitOr()):
                return self._mapping(right, scope, name, depth - 1) or self._mapping(left, scope, name, depth - 1)
            case ast.IfExp(body=body, orelse=orelse):
                one, other = (self._mapping(each, scope, name, depth - 1) for each in (body, orelse))
                return one if one == other else Fact(State.UNKNOWN, place(node), f"`{name}` is set on some paths only")
            case ast.BoolOp(values=[first, ast.Dict(keys=[])]):
                return self._mapping(first, scope, name, depth - 1)
            case _:
                return Fact(State.UNKNOWN, place(node), "`**` hides arguments")

    def _dict(
        self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope, name: str, depth: int
    ) -> Fact | None:
        hidden: Fact | None = None
        for key, value in zip(reversed(keys), reversed(values), strict=True):
            if key is None:
                found = self._mapping(value, scope, name, depth - 1)
                if found is not None and found.state is not State.UNKNOWN:
                    return found
                hidden = hidden or found
            elif isinstance(key, ast.Constant):
                if key.value == name:
                    return self._set(value, scope, name)
            else:
                hidden = hidden or Fact(State.UNKNOWN, place(key), "a key is computed")
        return hidden

    def _built(self, node: ast.Call, scope: Scope, name: str, depth: int) -> Fact | None:
        """Go one hop into a function in sight that builds the arguments."""
        function = self.resolver.value(node.func, scope)
        if isinstance(function, Local) and isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = self.resolver.scopes[function.node]
            found = [self._mapping(each, inner, name, depth - 2) for each in inner.returns]
            states = {each.state if each is not None else None for each in found}
            if found and len(states) == 1:
                elsewhere = found[0] is not None and inner.module is not self.resolver.seen.module
                return replace(found[0], place=place(node)) if found[0] is not None and elsewhere else found[0]
        return Fact(State.UNKNOWN, place(node), "`**` spreads what a call returns")

    def _attribute(self, node: ast.expr, attribute: str, scope: Scope, name: str, depth: int) -> Fact:
        """Look at a dictionary kept on `self`: what it was made with stays, what it lacked may have come since."""
        owner = scope.owner()
        bound = owner.attributes.get(attribute, owner.names.get(attribute, [])) if owner is not None else []
        if len(bound) == 1 and isinstance(bound[0].node, ast.expr):
            found = self._mapping(bound[0].node, bound[0].scope, name, depth - 1)
            if found is not None and found.state is State.YES:
                return found
        return Fact(State.UNKNOWN, place(node), f"`**self.{attribute}` comes from elsewhere")

    def _variable(self, node: ast.Name, variable: str, scope: Scope, name: str, depth: int) -> Fact | None:
        bindings = scope.bindings(variable)
        if len(bindings) == 1 and bindings[0].sort == "parameter":
            return self._handed(node, bindings[0], scope, name, depth)
        if not bindings or any(each.sort != "value" or not isinstance(each.node, ast.expr) for each in bindings):
            return Fact(State.UNKNOWN, place(node), f"`**{variable}` comes from elsewhere")
        if len(bindings) > 1:
            facts = [self._mapping(each.node, each.scope, name, depth - 1) for each in bindings
                     if isinstance(each.node, ast.expr)]  # fmt: skip
            states = {each.state if each is not None else None for each in facts}
            if len(states) > 1 or State.UNKNOWN in states:
                return Fact(State.UNKNOWN, place(node), f"`**{variable}` is made in several ways")
            found = facts[0]
        else:
            assert isinstance(bindings[0].node, ast.expr)  # noqa: S101  # looked at above
            found = self._mapping(bindings[0].node, bindings[0].scope, name, depth - 1)
        return self._changed(node, variable, bindings, found, name, depth)

    def _changed(  # noqa: PLR0913, PLR0917  # what is known, what it is called, and how far to look
        self, node: ast.Name, variable: str, bindings: list[Binding], found: Fact | None, name: str, depth: int
    ) -> Fact | None:
        holder = bindings[0].scope
        for change in holder.changes.get(variable, ()):
            if getattr(node, "lineno", 0) >= _line(change, bindings[0]):
                found = self._after(change, found, holder, name, depth, place(node))
        return found

    def _handed(self, node: ast.Name, binding: Binding, scope: Scope, name: str, depth: int) -> Fact | None:
        """Look at what callers hand in as `**`, where all of them are in sight."""
        function = binding.scope.node
        unseen = Fact(State.UNKNOWN, place(node), f"`**{node.id}` comes from elsewhere")
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.args.kwarg is not binding.node:
            return unseen
        if node.id in scope.changes or depth <= 2:
            return unseen
        calls = callers(function, binding.scope, self.resolver, self.values.data)
        facts = [self._named(call, where, name) for call, where in calls or ()]
        states = {each.state if each is not None else None for each in facts}
        return facts[0] if len(states) == 1 else unseen

    def _after(  # noqa: PLR0913, PLR0917  # what is known, what changed, and where
        self, change: Change, found: Fact | None, scope: Scope, name: str, depth: int, where: Place
    ) -> Fact | None:
        """Apply one change of a dictionary to what was known of a key."""
        if change.key is not None and change.key != name:
            return found
        if change.mapping is not None:
            added = self._mapping(change.mapping, scope, name, depth - 1)
            if added is None:
                return found
        elif change.key is None:
            if found is not None and found.state is State.YES and not change.removes:
                return found
            return Fact(State.UNKNOWN, where, "the dictionary is handed on before the call")
        elif change.removes:
            added = None
        else:
            added = self._set(change.value, scope, name) if change.value is not None else Fact(State.UNKNOWN, where)
        if not change.conditional:
            return added
        if added is not None and found is not None and added.state is found.state:
            return found
        return Fact(State.UNKNOWN, where, f"`{name}` is set on some paths only")


def _line(change: Change, binding: Binding) -> int:
    node = change.value if change.value is not None else change.mapping
    return getattr(node, "lineno", getattr(binding.node, "lineno", 0))


def _is_dict(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "dict"


def _firmest(facts: list[Fact | None]) -> Fact | None:
    """Prefer what is set, then anything that was decided."""
    found = [each for each in facts if each is not None]
    return next((each for each in found if each.state is State.YES), found[0] if found else None)


def _stored(target: ast.Attribute, variable: str, names: tuple[str, ...]) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == variable and target.attr in names


def _looks_like_class(node: ast.expr) -> bool:
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return last[:1].isupper()
