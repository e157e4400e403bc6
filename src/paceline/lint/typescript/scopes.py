"""Scopes of a TypeScript file: which name is bound to what, where, and under which branches.

One pass over the tree, without recursion. Must not know SDKs: what names mean is `resolve`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paceline.lint.typescript.syntax import CLASSES, FUNCTIONS, text
from paceline.lint.typescript.syntax import field as child

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(slots=True, eq=False)
class Branch:
    """What surrounds a place: an arm of an `if`, a loop, a `try`, a function. `arm` tells arms of one node apart."""

    sort: str
    node: Node
    parent: Branch | None
    arm: int = 0

    def holds(self, other: Branch) -> bool:
        """Say whether another branch lies within this one."""
        at: Branch | None = other
        while at is not None and at is not self:
            at = at.parent
        return at is self

    def excludes(self, other: Branch) -> bool:
        """Say whether the two are different arms of one node, so that only one of them runs."""
        arms = {branch.node.id: branch.arm for branch in other.upwards() if branch.sort == "if"}
        return any(arms.get(each.node.id, each.arm) != each.arm for each in self.upwards() if each.sort == "if")

    def upwards(self) -> list[Branch]:
        """List this branch and all around it, the nearest first."""
        found: list[Branch] = []
        at: Branch | None = self
        while at is not None:
            found.append(at)
            at = at.parent
        return found


@dataclass(slots=True, eq=False)
class Binding:
    """One way a name gets its value: import, value, parameter, function, class, type, other.

    `path` is what was taken out of the value by a pattern, `default` what stands in where that is undefined.
    """

    sort: str
    node: Node | None
    scope: Scope
    branch: Branch
    dotted: str = ""
    path: tuple[str, ...] = ()
    annotation: Node | None = None
    default: Node | None = None
    optional: bool = False
    at: int = 0


@dataclass(slots=True, eq=False)
class Change:
    """Something done to an object after it was made; `key` None means that anything may have changed."""

    key: str | None
    value: Node | None
    scope: Scope
    branch: Branch
    at: int
    removes: bool = False
    mapping: Node | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function or block."""

    sort: str
    node: Node
    parent: Scope | None
    file: Seen
    names: dict[str, list[Binding]] = field(default_factory=dict)
    members: dict[str, list[Binding]] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    returns: list[tuple[Node, Scope]] = field(default_factory=list)

    def bindings(self, name: str) -> list[Binding]:
        """Find what a name is bound to, from here outwards."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return []

    def nearest(self, *sorts: str) -> Scope | None:
        """Return the nearest scope of these sorts, this one included."""
        scope: Scope | None = self
        while scope is not None and scope.sort not in sorts:
            scope = scope.parent
        return scope

    @property
    def function(self) -> Scope | None:
        """Return the function around here, if there is one."""
        return self.nearest("function")


@dataclass(slots=True, eq=False)
class Given:
    """What a function is called, and which call it is handed to."""

    name: str = ""
    call: Node | None = None
    scope: Scope | None = None
    exported: bool = False


@dataclass(slots=True, eq=False)
class Seen:
    """What the pass found in one file; `where` and `scopes` go by the id of a node."""

    path: str
    root: Node
    calls: list[Node] = field(default_factory=list)
    where: dict[int, tuple[Scope, Branch]] = field(default_factory=dict)
    texts: list[tuple[Node, Scope, str]] = field(default_factory=list)
    scopes: dict[int, Scope] = field(default_factory=dict)
    given: dict[int, Given] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    exports: dict[str, Node | str] = field(default_factory=dict)
    passed_on: list[str] = field(default_factory=list)

    @property
    def module(self) -> Scope:
        """Return the outermost scope."""
        return self.scopes[self.root.id]


def add(names: dict[str, list[Binding]], name: str, binding: Binding) -> None:
    """Note one more binding of a name."""
    names.setdefault(name, []).append(binding)


def function_name(node: Node, given: Given | None) -> str:
    """Return what a function is called, by itself or by what it is assigned to."""
    own = text(child(node, "name"))
    return own or (given.name if given is not None else "")


def is_function(node: Node | None) -> bool:
    """Say whether a node is a function of any form."""
    return node is not None and node.type in FUNCTIONS


def is_class(node: Node | None) -> bool:
    """Say whether a node is a class."""
    return node is not None and node.type in CLASSES
