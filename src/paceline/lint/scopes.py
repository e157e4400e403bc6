"""Scopes of a Python file: which name is bound to what, where, and whether only on some paths.

`survey` fills them. Must not know SDKs: what names mean is `resolve`'s.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from dataclasses import field as made

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Condition = bool | tuple[int, bool | str]
"""False, True, or the innermost block that may not run: the sides of an `if` are True and False, others have names."""


@dataclass(slots=True)
class Binding:
    """One way a name gets its value. `sort`: import, value, parameter, function, class, other."""

    sort: str
    node: ast.AST | None
    scope: Scope
    dotted: str = ""
    conditional: Condition = False
    declared: bool = False
    """An attribute of a class, declared with its type."""

    @property
    def field(self) -> bool:
        """Say whether it is a field that whoever makes an instance can set: its value is only a default."""
        owner = self.scope.node
        if not self.declared or not isinstance(owner, ast.ClassDef):
            return False
        marks = [ast.unparse(each) for each in owner.decorator_list]
        made_by_fields = any("dataclass" in each or each.startswith(("attr", "define")) for each in marks)
        return made_by_fields or (bool(owner.bases) and "__init__" not in self.scope.names)

    @property
    def last(self) -> int:
        """Return the last line of what is bound; a parameter comes before all."""
        return 0 if self.sort == "parameter" else getattr(self.node, "end_lineno", None) or 0


@dataclass(slots=True)
class Change:
    """Something done to a dictionary after it was made; `key` None means that anything may have changed."""

    key: str | None
    value: ast.expr | None
    conditional: Condition
    removes: bool = False
    mapping: ast.expr | None = None
    line: int = 0

    @property
    def arm(self) -> tuple[int, bool] | None:
        """Return which `if` it stands in, and on which side, where that is all it depends on."""
        match self.conditional:
            case (int(block), bool(side)):
                return block, side
        return None


@dataclass(slots=True)
class Scope:
    """A module, class, function or lambda."""

    node: ast.AST
    parent: Scope | None
    names: dict[str, list[Binding]] = made(default_factory=dict)
    attributes: dict[str, list[Binding]] = made(default_factory=dict)
    changes: dict[str, list[Change]] = made(default_factory=dict)
    returns: list[ast.expr] = made(default_factory=list)
    yields: list[ast.expr] = made(default_factory=list)
    elsewhere: dict[str, Scope] = made(default_factory=dict)
    """Names that `global` and `nonlocal` send to another scope."""

    @property
    def function(self) -> FunctionNode | None:
        """Return the function that this scope is in, if any: lambdas and classes within count as part of it."""
        scope: Scope | None = self
        while scope is not None:
            if isinstance(scope.node, FunctionNode):
                return scope.node
            if isinstance(scope.node, ast.ClassDef):
                return None
            scope = scope.parent
        return None

    def bindings(self, name: str) -> list[Binding]:
        """Find what a name is bound to, from here outwards; classes are seen only from within themselves."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope.names[name]
            scope = scope.parent
        return []

    def at(self, node: ast.Name) -> list[Binding]:
        """Find what a name can be bound to at its use: the last sure binding before it, and what may follow that."""
        found = self.bindings(node.id)
        if len(found) < 2 or found[0].scope is not self:
            return found
        line = getattr(node, "lineno", 0)
        before = [each for each in found if each.last < line]
        sure = [at for at, each in enumerate(before) if not each.conditional]
        return before[sure[-1] :] if sure else before or found

    def owner(self) -> Scope | None:
        """Return the class around a method, however deep."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope

    @property
    def module(self) -> Scope:
        """Return the outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


@dataclass(slots=True)
class Seen:
    """What the pass found: calls, texts with parts, stores into attributes, and each with its scope."""

    module: Scope
    calls: list[tuple[ast.Call, Scope]] = made(default_factory=list)
    texts: list[tuple[ast.expr, Scope, str]] = made(default_factory=list)
    stores: list[tuple[ast.Attribute, ast.expr, Scope]] = made(default_factory=list)
    scopes: dict[ast.AST, Scope] = made(default_factory=dict)
    imports: set[str] = made(default_factory=set)
    touched: dict[str, set[str | None]] = made(default_factory=dict)
    """Keys that are changed in place in an attribute's value: `self.options["k"] = v`; None where any may be."""
    renamed: set[str] = made(default_factory=set)
    """Names whose calls are calls of something else: imported under another name, bound methods, partials."""


class Unpacked(ast.Subscript):
    """One of several values that a call returns at once: `client, name = make()`."""
