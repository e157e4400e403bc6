"""What `**` spreads in Python: dictionaries folded together with what was done to them before the call.

Goes one hop into functions that build arguments, and to the callers of a function that hands them on where all are in
sight. None means that a key is certainly not there. Must not know rules.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from paceline.lint.meanings import Local
from paceline.lint.resolve import Resolver
from paceline.lint.sites import Fact, Place, State
from paceline.lint.values import DEPTH, Values, callers, place

if TYPE_CHECKING:
    from paceline.lint.scopes import Binding, Change, Scope

Names = tuple[str, ...]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Mappings:
    """Looks for keys in mappings of one file; `names` are names of one and the same parameter."""

    def __init__(self, resolver: Resolver, values: Values) -> None:
        self.resolver = resolver
        self.values = values

    def spread(self, call: ast.Call, scope: Scope, names: Names, depth: int = DEPTH) -> Fact | None:
        """Look among what a call spreads with `**` and `*`."""
        hidden: Fact | None = None
        for keyword in call.keywords:
            if keyword.arg is None:
                found = self.look(keyword.value, scope, names, depth)
                if found is not None and found.state is not State.UNKNOWN:
                    return found
                hidden = found or hidden
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            hidden = Fact(State.UNKNOWN, place(call), "`*` hides arguments")
        return hidden

    def look(self, node: ast.expr, scope: Scope, names: Names, depth: int) -> Fact | None:  # noqa: PLR0912  # one case a shape
        """Look for a key in a mapping."""
        if depth <= 0:
            return Fact(State.UNKNOWN, place(node), "too far to follow")
        match node:
            case ast.Constant(value=None):
                return None
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope, names, depth)
            case ast.Call() if is_dict(node):
                return self._dict_call(node, scope, names, depth)
            case ast.Call(func=ast.Attribute(value=ast.Name() as copied, attr="copy"), args=[]):
                return self.look(copied, scope, names, depth - 1)
            case ast.Call(
                func=ast.Attribute(attr="deepcopy" | "copy") | ast.Name(id="deepcopy" | "copy"), args=[copied]
            ):
                return self.look(copied, scope, names, depth - 1)
            case ast.DictComp(generators=[ast.comprehension(iter=ast.Call(func=ast.Attribute(value=copied)))]):
                found = self.look(copied, scope, names, depth - 1)
                return found and Fact(State.UNKNOWN, place(node), "a comprehension may leave it out")
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                return self._attribute(node, attribute, scope, names, depth)
            case ast.Await(value=inner):
                return self.look(inner, scope, names, depth)
            case ast.Call():
                return self._built(node, scope, names, depth)
            case ast.Name():
                return self._variable(node, scope, names, depth)
            case ast.BinOp(left=left, right=right, op=ast.BitOr()):
                return self.look(right, scope, names, depth - 1) or self.look(left, scope, names, depth - 1)
            case ast.IfExp(body=one, orelse=other):
                return self._either([one, other], node, scope, names, depth)
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._either(values, node, scope, names, depth)
            case _:
                return Fact(State.UNKNOWN, place(node), "`**` hides arguments")

    def entry(self, node: ast.expr, scope: Scope, key: str) -> tuple[ast.expr, Scope] | None:
        """Find the value of a key in a dictionary that is written out, here or behind a name."""
        for _ in range(DEPTH):
            if isinstance(node, ast.Dict):
                found = [value for at, value in zip(node.keys, node.values, strict=True)
                         if isinstance(at, ast.Constant) and at.value == key]  # fmt: skip
                return (found[-1], scope) if found else None
            built = self._returned(node, scope) if isinstance(node, ast.Call) else None
            if built is not None:
                node, scope = built
                continue
            bound = scope.at(node) if isinstance(node, ast.Name) else []
            if not bound or not isinstance(bound[-1].node, ast.expr):
                return None
            node, scope = bound[-1].node, bound[-1].scope
        return None

    def _returned(self, node: ast.Call, scope: Scope) -> tuple[ast.expr, Scope] | None:
        function = self.resolver.value(node.func, scope)
        if isinstance(function, Local) and isinstance(function.node, _FUNCTIONS):
            inner = self.resolver.scopes[function.node]
            return (inner.returns[0], inner) if len(inner.returns) == 1 else None
        return None

    def _dict_call(self, node: ast.Call, scope: Scope, names: Names, depth: int) -> Fact | None:
        for keyword in node.keywords:
            if keyword.arg in names and keyword.arg is not None:
                return self.values.judge(keyword.value, scope, keyword.arg)
        inner = self.spread(node, scope, names, depth - 1)
        positional = [self.look(each, scope, names, depth - 1) for each in node.args]
        return inner or next((each for each in positional if each is not None), None)

    def _dict(
        self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope, names: Names, depth: int
    ) -> Fact | None:
        hidden: Fact | None = None
        for key, value in zip(reversed(keys), reversed(values), strict=True):
            if key is None:
                found = self.look(value, scope, names, depth - 1)
                if found is not None and found.state is not State.UNKNOWN:
                    return found
                hidden = hidden or found
            elif isinstance(key, ast.Constant):
                if key.value in names:
                    return self.values.judge(value, scope, str(key.value))
            else:
                hidden = hidden or Fact(State.UNKNOWN, place(key), "a key is computed")
        return hidden

    def _either(self, nodes: list[ast.expr], node: ast.expr, scope: Scope, names: Names, depth: int) -> Fact | None:
        return self._agreed([self.look(each, scope, names, depth - 1) for each in nodes], place(node), names)

    def _agreed(self, found: list[Fact | None], where: Place, names: Names) -> Fact | None:
        """Say what several ways to the same mapping have in common."""
        states = {each.state if each is not None else None for each in found}
        if len(states) == 1:
            return found[0]
        return Fact(State.UNKNOWN, where, f"`{names[0]}` is set on some paths only")

    def _built(self, node: ast.Call, scope: Scope, names: Names, depth: int) -> Fact | None:
        """Go one hop into a function in sight that builds the arguments."""
        function = self.resolver.value(node.func, scope)
        if isinstance(function, Local) and isinstance(function.node, _FUNCTIONS):
            inner = self.resolver.scopes[function.node]
            with self.values.handing(node, function.node, scope):
                found = [self.look(each, inner, names, depth - 2) for each in inner.returns]
            if found:
                agreed = self._agreed(found, place(node), names)
                away = inner.module is not self.resolver.seen.module
                return replace(agreed, place=place(node)) if agreed is not None and away else agreed
        return Fact(State.UNKNOWN, place(node), "`**` spreads what a call returns")

    def _attribute(self, node: ast.expr, attribute: str, scope: Scope, names: Names, depth: int) -> Fact | None:
        """Look at a dictionary kept on `self`; what it lacked may have come since, where it is changed in place."""
        owner = scope.owner()
        classes = [each for each in self.resolver.scopes.values() if isinstance(each.node, ast.ClassDef)]
        bound = _held(attribute, self.resolver.family(owner)) or _held(attribute, classes)
        told = [(_told(each.node, attribute), each.scope) for each in bound if isinstance(each.node, ast.expr)]
        ways = [self.look(way, where, names, depth - 1) for parts, where in told for way in parts]
        set_outside = any(store.attr == attribute for store, _, _ in self.resolver.seen.stores)
        if ways and len(told) == len(bound) and not set_outside and not any(each.field for each in bound):
            found = self._agreed(ways, place(node), names)
            touched = self.resolver.seen.touched.get(attribute, set())
            if (found is None and touched.isdisjoint((None, *names))) or (found and found.state is State.YES):
                return found
        return Fact(State.UNKNOWN, place(node), f"`**self.{attribute}` comes from elsewhere")

    def _variable(self, node: ast.Name, scope: Scope, names: Names, depth: int) -> Fact | None:
        """Fold what a name was bound to, and what was done to it, in the order of the lines."""
        bindings = scope.at(node)
        if not bindings:
            return Fact(State.UNKNOWN, place(node), f"`**{node.id}` comes from elsewhere")
        if len(bindings) == 1 and bindings[0].sort == "parameter":
            found = self._handed(node, bindings[0], names, depth)
        else:
            ways = [self._bound(node, each, names, depth) for each in bindings]
            found = self._agreed(ways, place(node), names)
            if found is not None and len(ways) > 1 and found.state is not State.UNKNOWN:
                found = replace(found, value=None)
        holder = bindings[0].scope
        arms: set[tuple[int, bool]] = set()
        for change in holder.changes.get(node.id, ()):
            if bindings[0].last <= change.line <= getattr(node, "lineno", 0):
                sure = not change.conditional or change.conditional == bindings[-1].conditional
                found = self._after(change, sure, found, holder, names, depth, place(node), arms)
        return found

    def _bound(self, node: ast.Name, binding: Binding, names: Names, depth: int) -> Fact | None:
        if binding.sort != "value" or not isinstance(binding.node, ast.expr):
            return Fact(State.UNKNOWN, place(node), f"`**{node.id}` comes from elsewhere")
        return self.look(binding.node, binding.scope, names, depth - 1)

    def _handed(self, node: ast.Name, binding: Binding, names: Names, depth: int) -> Fact | None:
        """Look at what callers hand in as `**`, where all of them are in sight."""
        function = binding.scope.node
        unseen = Fact(State.UNKNOWN, place(node), f"`**{node.id}` comes from elsewhere")
        if not isinstance(function, _FUNCTIONS) or function.args.kwarg is not binding.node or depth <= 1:
            return unseen
        if binding.node in self.values.handed:
            call, where, _ = self.values.handed[binding.node]
            return self._given(call, where, names, depth - 1)
        own = {each.arg for each in [*function.args.args, *function.args.kwonlyargs]}
        calls = callers(function, binding.scope, self.resolver, self.values.data)
        if not calls or not own.isdisjoint(names):
            return unseen
        return self._agreed([self._given(call, where, names, depth - 2) for call, where in calls], place(node), names)

    def _given(self, call: ast.Call, scope: Scope, names: Names, depth: int) -> Fact | None:
        for keyword in call.keywords:
            if keyword.arg in names and keyword.arg is not None:
                return self.values.judge(keyword.value, scope, keyword.arg)
        return self.spread(call, scope, names, depth)

    def _after(  # noqa: PLR0913, PLR0917  # what is known, what changed, and where
        self, change: Change, sure: bool, found: Fact | None, scope: Scope, names: Names, depth: int, where: Place,
        arms: set[tuple[int, bool]],
    ) -> Fact | None:  # fmt: skip
        """Apply one change of a mapping to what was known of a key."""
        if change.key is not None and change.key not in names:
            return found
        if change.mapping is not None:
            added = self.look(change.mapping, scope, names, depth - 1)
            if added is None or (added.state is State.UNKNOWN and found is not None and found.state is State.YES):
                return found
        elif change.key is None:
            if found is not None and found.state is State.YES and not change.removes:
                return found
            return Fact(State.UNKNOWN, where, "the dictionary is handed on before the call")
        elif change.removes:
            added = None
        elif change.value is None:
            added = Fact(State.UNKNOWN, where)
        else:
            added = self.values.judge(change.value, scope, change.key or names[0])
        if sure:
            return added
        if added is not None and added.state is State.YES and change.arm is not None:
            arms.add(change.arm)
            if (change.arm[0], not change.arm[1]) in arms:
                return replace(added, value=None)
        if added is not None and found is not None and added.state is found.state:
            return found
        return Fact(State.UNKNOWN, where, f"`{names[0]}` is set on some paths only")


def _held(attribute: str, classes: list[Scope]) -> list[Binding]:
    """List what an attribute is bound to in some classes."""
    parts = (part.get(attribute, ()) for each in classes for part in (each.attributes, each.names))
    return [binding for bindings in parts for binding in bindings]


def _told(node: ast.expr, attribute: str) -> list[ast.expr]:
    """List what an attribute may become; `self.k = f() or self.k` says nothing of what it was before."""
    match node:
        case ast.BoolOp(op=ast.Or(), values=parts):
            return [way for part in parts for way in _told(part, attribute)]
        case ast.IfExp(body=one, orelse=other):
            return [*_told(one, attribute), *_told(other, attribute)]
        case ast.Attribute(value=ast.Name(id="self"), attr=same) if same == attribute:
            return []
        case _:
            return [node]


def is_dict(node: ast.Call) -> bool:
    """Say whether a call is of `dict` itself."""
    return isinstance(node.func, ast.Name) and node.func.id == "dict"
