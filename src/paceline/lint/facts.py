"""Whether an argument is set at a call, and where that was decided.

Folds dictionaries into `**x`, goes one hop into functions that build them, and reads settings objects. What cannot
be seen is unknown. Must not know rules.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paceline.lint.resolve import Local, Resolver
from paceline.lint.sites import Fact, Place, State

if TYPE_CHECKING:
    from paceline.lint.scopes import Binding, Change, Scope

_UNSET = {"NOT_GIVEN", "NotGiven", "omit", "Omit", "not_given"}
_DEPTH = 4


def place(node: ast.AST) -> Place:
    """Return where a node starts."""
    return Place(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)


class Arguments:
    """Reads the arguments of calls in one file."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def fact(self, call: ast.Call, scope: Scope, names: tuple[str, ...], nested: tuple[str, ...] = ()) -> Fact:
        """Decide whether any of these arguments is set; one that is set wins over one that may be."""
        found = [self._named(call, scope, name) for name in names]
        found += [self._within(call, scope, outer, names) for outer in nested if outer not in names]
        for state in (State.YES, State.UNKNOWN):
            for fact in found:
                if fact is not None and fact.state is state:
                    return fact
        explicit = next((fact for fact in found if fact is not None), None)
        return explicit or Fact(State.NO, place(call), "not among the arguments")

    def _named(self, call: ast.Call, scope: Scope, name: str) -> Fact | None:
        hidden: Fact | None = None
        for keyword in call.keywords:
            if keyword.arg == name:
                return self._set(keyword.value, scope, name)
            if keyword.arg is None:
                found = self._mapping(keyword.value, scope, name, _DEPTH)
                if found is not None and found.state is not State.UNKNOWN:
                    return found
                hidden = found or hidden
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            hidden = Fact(State.UNKNOWN, place(call), "`*` hides arguments")
        return hidden

    def _within(self, call: ast.Call, scope: Scope, outer: str, names: tuple[str, ...]) -> Fact | None:
        """Look into a settings object: `config=Settings(cap=…)` or `config={"cap": …}`."""
        for keyword in call.keywords:
            if keyword.arg == outer:
                return self._settings(keyword.value, scope, names, _DEPTH)
        return None

    def _settings(self, node: ast.expr, scope: Scope, names: tuple[str, ...], depth: int) -> Fact | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        if isinstance(node, ast.Name) and depth > 0:
            made = [each for each in scope.bindings(node.id) if each.sort == "value"]
            if len(made) == 1 and isinstance(made[0].node, ast.Call):
                return self._settings(made[0].node, made[0].scope, names, depth - 1)
        if isinstance(node, ast.Call) and not _is_dict(node):
            if self.resolver.value(node.func, scope) is None and not _looks_like_class(node.func):
                return Fact(State.UNKNOWN, place(node), "the settings are made elsewhere")
            if isinstance(self.resolver.value(node.func, scope), Local):
                return Fact(State.UNKNOWN, place(node), "the settings are made elsewhere")
            found = self.fact(node, scope, names, ("extra_body",))
            return None if found.because == "not among the arguments" else found
        facts = [self._mapping(node, scope, name, depth) for name in names]
        return next((each for each in facts if each is not None and each.state is State.YES), None) or next(
            (each for each in facts if each is not None), None
        )

    def _mapping(self, node: ast.expr, scope: Scope, name: str, depth: int) -> Fact | None:
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
        """Go one hop into a function of the file that builds the arguments."""
        function = self.resolver.value(node.func, scope)
        if isinstance(function, Local) and isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = self.resolver.seen.scopes[function.node]
            found = [self._mapping(each, inner, name, depth - 2) for each in inner.returns]
            if found and all(each == found[0] for each in found):
                return found[0]
        return Fact(State.UNKNOWN, place(node), "`**` spreads what a call returns")

    def _variable(self, node: ast.Name, variable: str, scope: Scope, name: str, depth: int) -> Fact | None:
        bindings = scope.bindings(variable)
        if len(bindings) != 1 or bindings[0].sort != "value" or not isinstance(bindings[0].node, ast.expr):
            return Fact(State.UNKNOWN, place(node), f"`**{variable}` comes from elsewhere")
        holder = bindings[0].scope
        found = self._mapping(bindings[0].node, holder, name, depth - 1)
        for change in holder.changes.get(variable, ()):
            if getattr(node, "lineno", 0) >= _line(change, bindings[0]):
                found = self._after(change, found, holder, name, depth, place(node))
        return found

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

    def _set(self, node: ast.expr, scope: Scope, name: str, depth: int = _DEPTH) -> Fact:
        """Judge a value that is given: None and the SDKs' own words for it mean that it is not set."""
        where = place(node)
        nothing = Fact(State.NO, where, f"`{name}` is None", explicit=True)
        doubtful = Fact(State.UNKNOWN, where, f"`{name}` may be None")
        match node:
            case ast.Constant(value=None):
                return nothing
            case ast.Constant(value=value):
                return Fact(State.YES, where, f"`{name}`", value)
            case ast.Name(id=word) | ast.Attribute(attr=word) if word in _UNSET:
                return nothing
            case ast.Call(func=ast.Name(id=word) | ast.Attribute(attr=word)) if word in _UNSET:
                return nothing
            case ast.Name(id=word) if depth > 0:
                return self._bound(node, scope.bindings(word), name, depth)
            case ast.Attribute(value=ast.Name(id="self"), attr=word) if depth > 0:
                owner = scope.owner()
                bound = [] if owner is None else owner.attributes.get(word, owner.names.get(word, []))
                return self._bound(node, bound, name, depth)
            case ast.IfExp(body=one, orelse=other):
                parts = [self._set(each, scope, name, depth - 1) for each in (one, other)]
                return parts[0] if parts[0].state is parts[1].state else doubtful
            case ast.BoolOp(op=ast.Or(), values=values):
                return Fact(self._set(values[-1], scope, name, depth - 1).state, where, f"`{name}`")
            case ast.BoolOp() | ast.Call(func=ast.Attribute(attr="get"), args=[_]):
                return doubtful
            case _:
                return Fact(State.YES, where, f"`{name}`")

    def _bound(self, node: ast.expr, bindings: list[Binding], name: str, depth: int) -> Fact:
        where = place(node)
        states: set[State] = set()
        value = None
        for binding in bindings:
            if binding.sort == "parameter":
                states.add(_parameter(binding))
            elif binding.sort == "value" and isinstance(binding.node, ast.expr):
                fact = self._set(binding.node, binding.scope, name, depth - 1)
                states.add(fact.state)
                value = fact.value
            elif binding.node is not None and binding.sort == "value":
                states.add(State.UNKNOWN)
            else:
                states.add(State.YES)
        if not states or states == {State.YES}:
            return Fact(State.YES, where, f"`{name}`", value if len(bindings) == 1 else None)
        if states == {State.NO}:
            return Fact(State.NO, where, f"`{name}` is None", explicit=True)
        return Fact(State.UNKNOWN, where, f"`{name}` may be None")


def _parameter(binding: Binding) -> State:
    """Say whether a parameter surely has a value: its annotation and default tell."""
    function = binding.scope.function
    argument = binding.node
    if function is None or not isinstance(argument, ast.arg):
        return State.UNKNOWN
    annotation = ast.unparse(argument.annotation) if argument.annotation is not None else ""
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults = dict(zip(reversed([each.arg for each in positional]), reversed(spec.defaults), strict=False))
    defaults |= {each.arg: value for each, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value}
    default = defaults.get(argument.arg)
    if (
        "None" in annotation
        or "Optional" in annotation
        or (isinstance(default, ast.Constant) and default.value is None)
    ):
        return State.UNKNOWN
    return State.YES


def _line(change: Change, binding: Binding) -> int:
    node = change.value if change.value is not None else change.mapping
    return getattr(node, "lineno", getattr(binding.node, "lineno", 0))


def _is_dict(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "dict"


def _looks_like_class(node: ast.expr) -> bool:
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return last[:1].isupper()
