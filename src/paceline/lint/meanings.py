"""What an expression in Python can stand for, and which of several meanings counts.

Records and what is told from syntax alone; following names is `resolve`'s. Must not decide what is right or wrong.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from paceline.catalogue import Product
from paceline.lint.scopes import Binding, FunctionNode, Scope

_IMPORTERS = {"import_module", "__import__", "optional_import", "try_import"}


@dataclass(frozen=True, slots=True)
class Ref:
    """A dotted name that starts at an import."""

    dotted: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a call of an imported name gives, when the name is not in the catalogue."""

    dotted: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A client or model of a product; `call` is where it was made, if seen, `path` how far below it we are."""

    product: Product
    constructor: str
    call: ast.Call | None
    scope: Scope
    origin: str
    path: tuple[str, ...] = ()
    options: tuple[ast.Call, ...] = ()
    others: tuple[ast.Call, ...] = ()
    """Where else the same name gets a client of this product: facts that differ between them are unknown."""
    asynchronous: bool = False
    """The way down went through `aio`."""
    several: bool = False
    """The name may also hold something else, made out of sight."""


@dataclass(frozen=True, slots=True)
class Local:
    """A function or class of this file, or an instance of such a class."""

    node: ast.AST
    scope: Scope
    instance: bool = False
    missing: str = ""
    """The name of an attribute of such an instance that nothing in sight sets."""


Value = Ref | Made | Client | Local


def argument_of(call: ast.Call, function: FunctionNode, name: str) -> ast.expr | None:
    """Find what a call gives for one parameter of a function."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    positional = [each.arg for each in [*function.args.posonlyargs, *function.args.args]]
    if positional[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
        positional = positional[1:]
    at = positional.index(name) if name in positional else len(call.args)
    return call.args[at] if at < len(call.args) else None


def chain(node: ast.expr) -> tuple[str, ...]:
    """List the names of an attribute chain, without what it starts from: `a().b.c` gives b, c."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return tuple(reversed(names))


def best_of(found: list[Value | None]) -> Value | None:
    """Prefer a client made in sight, then any client, then the first that tells anything."""
    if len(found) == 1:
        return found[0]
    clients = [each for each in found if isinstance(each, Client)]
    made = [each for each in clients if each.call is not None]
    if made:
        same = (each.call for each in made[1:] if each.product is made[0].product)
        others = tuple(call for call in same if call is not None and call is not made[0].call)
        return replace(made[0], others=others or made[0].others, several=any(isinstance(each, Made) for each in found))
    return next(iter([*clients, *(each for each in found if each is not None)]), None)


def is_nothing(binding: Binding) -> bool:
    """Say whether a binding only declares a name, or fills it with a constant."""
    return isinstance(binding.node, (ast.Constant, ast.AnnAssign))


def is_property(function: FunctionNode) -> bool:
    """Say whether a method is read without being called."""
    names = {getattr(each, "attr", getattr(each, "id", "")) for each in function.decorator_list}
    return not names.isdisjoint({"property", "cached_property"})


def distance(binding: Binding, node: ast.Name, scope: Scope) -> int:
    """Order bindings by what a reader would try first: the last one before the use."""
    if binding.scope is not scope:
        return 0
    before = node.lineno - getattr(binding.node, "lineno", node.lineno)
    return before if before >= 0 else 1_000_000 - before


def is_lazy(node: ast.AST | None) -> bool:
    """Say whether a call imports what its last argument names, now or later: `lazy("OpenAI")`."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[-1], ast.Constant):
        return False
    last = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return isinstance(node.args[-1].value, str) and ("lazy" in last.lower() or last in _IMPORTERS)
