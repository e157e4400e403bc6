"""Whether an argument is set at a call, and where that was decided.

Reads keywords, what `mappings` finds in `**`, settings objects and HTTP clients of one's own. What cannot be seen is
unknown. Must not know rules.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from paceline.lint.mappings import Mappings, is_dict
from paceline.lint.meanings import Client, Local, Made, Ref
from paceline.lint.resolve import Resolver
from paceline.lint.sites import Fact, State
from paceline.lint.values import DEPTH as _DEPTH
from paceline.lint.values import Values, place

if TYPE_CHECKING:
    from paceline.lint.scopes import Scope
    from paceline.lint.spans import Spans

_TRANSPORTS = {"http_client", "http_async_client", "httpx_client", "client", "async_client"}
_HTTP = {"httpx", "openai", "anthropic", "groq", "aiohttp"}
"""Modules whose HTTP clients are known; one of the project's own may have a timeout of its own."""
_LEFT_OUT = "not among the arguments"


class Arguments:
    """Reads the arguments of calls in one file."""

    def __init__(self, resolver: Resolver, values: Values, spans: Spans) -> None:
        self.resolver = resolver
        self.values = values
        self.spans = spans
        self.mappings = Mappings(resolver, values)

    def fact(self, call: ast.Call, scope: Scope, names: tuple[str, ...], nested: tuple[str, ...] = ()) -> Fact:
        """Decide whether any of these arguments is set; one that is set wins over one that may be."""
        if not names:
            return Fact(State.NO, place(call), _LEFT_OUT)
        found = [self._given(call, keyword, scope, names) for keyword in call.keywords if keyword.arg in names]
        if not any(each is not None and each.state is State.YES for each in found):
            found.append(self.mappings.spread(call, scope, names))
            found += [self._within(call, scope, outer, names, nested) for outer in nested if outer not in names]
        for state in (State.YES, State.UNKNOWN):
            for fact in found:
                if fact is not None and fact.state is state:
                    return fact
        explicit = next((fact for fact in found if fact is not None), None)
        return explicit or Fact(State.NO, place(call), _LEFT_OUT)

    def _given(self, call: ast.Call, keyword: ast.keyword, scope: Scope, names: tuple[str, ...]) -> Fact | None:
        name = keyword.arg or ""
        if name in _TRANSPORTS:
            return self._transport(keyword.value, scope, name, names)
        given = self.values.judge(keyword.value, scope, name)
        if scope.module is not self.resolver.seen.module:
            return given
        return replace(given, span=self.spans.of(keyword.value), cut=self.spans.cut(call, keyword))

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
        if not isinstance(value, Ref) or value.dotted.partition(".")[0] not in _HTTP:
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
            if keyword.arg is None and self.mappings.look(keyword.value, scope, (outer,), _DEPTH) is not None:
                entry = self.mappings.entry(keyword.value, scope, outer)
                if entry is not None:
                    return self._settings(entry[0], entry[1], names, nested, _DEPTH)
                return Fact(State.UNKNOWN, place(keyword.value), f"`{outer}` is handed on in `**`")
        return None

    def _settings(
        self, node: ast.expr, scope: Scope, names: tuple[str, ...], nested: tuple[str, ...], depth: int
    ) -> Fact | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        if isinstance(node, ast.Name) and depth > 0:
            bound = scope.at(node)
            made = [(each.node, each.scope) for each in bound if isinstance(each.node, ast.expr)]
            if len(made) == len(bound) and any(_is_call(each) for each, _ in made):
                if any(_stored(store, node.id, names) for store, _, _ in self.resolver.seen.stores):
                    return Fact(State.UNKNOWN, place(node), "the settings are changed after they are made")
                ways = [self._settings(each, where, names, nested, depth - 1) for each, where in made]
                if all((each and each.state) is (ways[0] and ways[0].state) for each in ways):
                    return ways[0]
                return Fact(State.UNKNOWN, place(node), "the settings are made in several ways")
        if isinstance(node, ast.Call) and not is_dict(node):
            return self._made_settings(node, scope, names, nested)
        inner = [self._deeper(node, scope, outer, names, nested) for outer in nested]
        return _firmest([self.mappings.look(node, scope, names, depth), *inner])

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


def _is_call(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and not is_dict(node)


def _firmest(facts: list[Fact | None]) -> Fact | None:
    """Prefer what is set, then anything that was decided."""
    found = [each for each in facts if each is not None]
    return next((each for each in found if each.state is State.YES), found[0] if found else None)


def _stored(target: ast.Attribute, variable: str, names: tuple[str, ...]) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == variable and target.attr in names


def _looks_like_class(node: ast.expr) -> bool:
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return last[:1].isupper()
