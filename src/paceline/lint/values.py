"""Whether a value that is given to a parameter is surely one: None, and an SDK's own word for it, are not.

Follows names, attributes of `self` and of classes in sight, and parameters of functions all of whose callers are in
sight. What cannot be seen counts as a value where nothing speaks against it. Must not know rules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from paceline.lint.meanings import Local, argument_of
from paceline.lint.resolve import Resolver
from paceline.lint.scopes import Unpacked
from paceline.lint.sites import Fact, Place, State

if TYPE_CHECKING:
    from paceline.lint.scopes import Binding, FunctionNode, Scope

_UNSET = {"NOT_GIVEN", "NotGiven", "omit", "Omit", "not_given", "UNSET", "Unset", "OMIT", "NOTGIVEN"}
_WINDOW = re.compile(r"context|n_ctx|num_ctx|max_model_len|window|max_seq", re.IGNORECASE)
_OPTIONAL = {"default_headers", "extra_headers", "metadata", "http_client", "timeout", "request_timeout", "user"}
"""Parameters that configurations leave at None more often than not."""
_SENTINEL = re.compile(r"^_?(?:unset|not_?given|omit)|_(?:unset|not_given|omit)$|_UNSET_", re.IGNORECASE)
DEPTH = 7


def place(node: ast.AST) -> Place:
    """Return where a node starts."""
    return Place(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)


class Values:
    """Judges values in one file."""

    def __init__(self, resolver: Resolver, data: bytes) -> None:
        self.resolver = resolver
        self.data = data
        self.handed: dict[ast.AST, tuple[ast.Call, Scope, FunctionNode]] = {}
        """Parameters of the function that is being looked into, with the call that led there."""

    @contextmanager
    def handing(self, call: ast.Call, function: FunctionNode, scope: Scope) -> Iterator[None]:
        """Read a function's parameters as what one call gives for them."""
        spec = function.args
        own = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *([spec.kwarg] if spec.kwarg is not None else [])]
        before, self.handed = self.handed, dict.fromkeys(own, (call, scope, function))
        try:
            yield
        finally:
            self.handed = before

    def judge(  # noqa: PLR0912  # one case a shape
        self, node: ast.expr, scope: Scope, name: str, depth: int = DEPTH
    ) -> Fact:
        """Say whether what is given for `name` is set."""
        where = place(node)
        nothing = Fact(State.NO, where, f"`{name}` is None", explicit=True)
        doubtful = Fact(State.UNKNOWN, where, f"`{name}` may be None")
        match node:
            case Unpacked():
                return doubtful
            case ast.Constant(value=None):
                return nothing
            case ast.Constant(value=value):
                return Fact(State.YES, where, f"`{name}`", value)
            case ast.Name(id=word) | ast.Attribute(attr=word) if word in _UNSET or _SENTINEL.search(word):
                return nothing
            case ast.Call(func=ast.Name(id=word) | ast.Attribute(attr=word)) if word in _UNSET:
                return nothing
            case ast.Name(id=word) | ast.Attribute(attr=word) if _WINDOW.search(word) and "max" in name:
                return Fact(State.UNKNOWN, where, f"`{name}` is the context window")
            case ast.Name(id=word) if depth > 0:
                return self._bound(node, scope.at(node), name, depth)
            case ast.Attribute(value=ast.Name(id="self"), attr=word) if depth > 0:
                owner = scope.owner()
                bound = [] if owner is None else owner.attributes.get(word, owner.names.get(word, []))
                return self._bound(node, bound, name, depth)
            case ast.Attribute(attr=word) if depth > 0:
                return self._of_class(node, word, scope, name)
            case ast.IfExp(body=one, orelse=other):
                parts = [self.judge(each, scope, name, depth - 1) for each in (one, other)]
                return parts[0] if parts[0].state is parts[1].state else doubtful
            case ast.BoolOp(op=ast.Or(), values=[*_, last]) if _is_none(last):
                return doubtful
            case ast.BoolOp(op=ast.Or(), values=values):
                return Fact(self.judge(values[-1], scope, name, depth - 1).state, where, f"`{name}`")
            case ast.BoolOp() | ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[_]):
                return doubtful
            case ast.Call(func=ast.Attribute(attr="get" | "pop") | ast.Name(id="getattr"), args=[*_, last]):
                return (
                    self.judge(last, scope, name, depth - 1) if _is_none(last) else Fact(State.YES, where, f"`{name}`")
                )
            case ast.Call(func=ast.Attribute(attr="getenv"), args=[_]):
                return doubtful
            case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=int(one)), right=ast.Constant(value=int(other))):
                return Fact(State.YES, where, f"`{name}`", one * other)
            case ast.Dict(keys=[]) if name in _OPTIONAL:
                return Fact(State.UNKNOWN, where, f"`{name}` may be empty")
            case ast.Call() if depth > 1:
                return self._returned(node, scope, name, depth)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)) if "max" in name:
                return Fact(State.NO, where, f"`{name}` is -1, no limit", explicit=True)
            case _:
                return Fact(State.YES, where, f"`{name}`")

    def _returned(self, node: ast.Call, scope: Scope, name: str, depth: int) -> Fact:
        """Say whether a function in sight surely returns a value."""
        function = self.resolver.value(node.func, scope)
        if isinstance(function, Local) and isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = self.resolver.scopes[function.node]
            ways = [self.judge(each, inner, name, depth - 2) for each in inner.returns]
            if any(each.state is not State.YES for each in ways):
                return Fact(State.UNKNOWN, place(node), f"`{name}` may be None")
        return Fact(State.YES, place(node), f"`{name}`")

    def _of_class(self, node: ast.Attribute, word: str, scope: Scope, name: str) -> Fact:
        """Look at how a class in sight declares an attribute: `Optional` means that it may be None."""
        owner = self.resolver.value(node.value, scope)
        if isinstance(owner, Local) and isinstance(owner.node, ast.ClassDef):
            for binding in self.resolver.scopes[owner.node].names.get(word, ()):
                note = binding.node
                if isinstance(note, ast.AnnAssign) and _may_be_none(ast.unparse(note.annotation)):
                    return Fact(State.UNKNOWN, place(node), f"`{name}` may be None")
                if isinstance(note, ast.expr) and _is_none(note):
                    return Fact(State.UNKNOWN, place(node), f"`{name}` may be None")
        if name in _OPTIONAL and owner is None:
            return Fact(State.UNKNOWN, place(node), f"`{name}` comes from a configuration")
        return Fact(State.YES, place(node), f"`{name}`")

    def _bound(self, node: ast.expr, bindings: list[Binding], name: str, depth: int) -> Fact:
        where = place(node)
        facts: list[Fact] = []
        for binding in bindings:
            if binding.sort == "parameter":
                facts.append(self._parameter(binding, name, depth))
            elif binding.sort == "value" and isinstance(binding.node, ast.AnnAssign):
                doubt = _may_be_none(ast.unparse(binding.node.annotation))
                facts.append(Fact(State.UNKNOWN if doubt else State.YES))
            elif binding.sort == "value" and isinstance(binding.node, ast.expr):
                fact = self.judge(binding.node, binding.scope, name, depth - 1)
                facts.append(replace(fact, state=State.UNKNOWN) if binding.field and fact.state is State.NO else fact)
            elif binding.node is not None and binding.sort == "value":
                facts.append(Fact(State.UNKNOWN))
            else:
                facts.append(Fact(State.YES))
        states = {each.state for each in facts}
        if not states or states == {State.YES}:
            literal = len(facts) == 1 or all(isinstance(each.value, str) for each in facts)
            return Fact(State.YES, where, f"`{name}`", facts[0].value if facts and literal else None)
        if states == {State.NO}:
            return Fact(State.NO, where, f"`{name}` is None", explicit=True)
        because = next((each.because for each in facts if "context window" in each.because), f"`{name}` may be None")
        return Fact(State.UNKNOWN, where, because)

    def _parameter(self, binding: Binding, name: str, depth: int) -> Fact:
        """Say whether a parameter surely has a value: annotation, default and, where all are in sight, callers tell."""
        function, argument = binding.scope.node, binding.node
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not isinstance(argument, ast.arg):
            return Fact(State.UNKNOWN)
        if argument in self.handed:
            call, where, _ = self.handed[argument]
            handed = argument_of(call, function, argument.arg) or _default(function, argument.arg)
            if handed is not None:
                return self.judge(handed, where, name, depth - 1)
        annotation = ast.unparse(argument.annotation) if argument.annotation is not None else ""
        default = _default(function, argument.arg)
        if not _may_be_none(annotation) and not (default is not None and _is_none(default)):
            return Fact(State.YES)
        calls = callers(function, binding.scope, self.resolver, self.data) if depth > 1 else None
        if not calls:
            return Fact(State.UNKNOWN)
        given = [argument_of(call, function, argument.arg) for call, _ in calls]
        facts = [
            self.judge(each, scope, name, depth - 2)
            if each is not None
            else (self.judge(default, scope, name, 1) if default is not None else Fact(State.UNKNOWN))
            for each, (_, scope) in zip(given, calls, strict=True)
        ]
        states = {each.state for each in facts}
        hidden = any(keyword.arg is None for call, _ in calls for keyword in call.keywords)
        return Fact(states.pop() if len(states) == 1 and not hidden else State.UNKNOWN)


def callers(
    function: FunctionNode, inner: Scope, resolver: Resolver, data: bytes
) -> list[tuple[ast.Call, Scope]] | None:
    """List the calls of a function when they are surely all: it is private or nested, and never named otherwise."""
    outer = inner.parent
    nested = outer is not None and isinstance(outer.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    if not nested and not (function.name.startswith("_") and not function.name.startswith("__")):
        return None
    calls = resolver.calls_of(function.name)
    named = len(re.findall(rb"\b%s\b" % function.name.encode(), data))
    return calls if calls and named == len(calls) + 1 else None


def _default(function: FunctionNode, name: str) -> ast.expr | None:
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults = dict(zip(reversed([each.arg for each in positional]), reversed(spec.defaults), strict=False))
    defaults |= {each.arg: value for each, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value}
    return defaults.get(name)


def _may_be_none(annotation: str) -> bool:
    return "None" in annotation or "Optional" in annotation or "NotGiven" in annotation or "Omit" in annotation


def _is_none(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and any(keyword.arg == "default" for keyword in node.keywords):
        return any(keyword.arg == "default" and _is_none(keyword.value) for keyword in node.keywords)
    return isinstance(node, ast.Constant) and node.value is None
