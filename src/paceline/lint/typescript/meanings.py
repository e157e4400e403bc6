"""What an expression in TypeScript can stand for.

Must not know how that is found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paceline.lint.typescript.modules import dotted

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.catalogue import Product
    from paceline.lint.typescript.scopes import Scope


@dataclass(frozen=True, slots=True)
class Ref:
    """A name that starts at an import."""

    module: str
    names: tuple[str, ...] = ()

    @property
    def dotted(self) -> str:
        """Return the form that the catalogue has."""
        return dotted(self.module, self.names)


@dataclass(frozen=True, slots=True)
class Made:
    """What a call of an imported name gives, when the name is not in the catalogue."""

    dotted: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A client or model of a product; `call` is where it was made, if seen, `path` how far below it we are.

    `options` are the calls that gave it options of its own, `others` where else the same name gets one; `several`
    where it may also be something else that is not seen.
    """

    product: Product
    constructor: str
    call: Node | None
    scope: Scope | None
    origin: str
    path: tuple[str, ...] = ()
    options: tuple[tuple[Node, Scope], ...] = ()
    several: bool = False
    others: tuple[tuple[Node, Scope], ...] = ()


@dataclass(frozen=True, slots=True)
class Local:
    """A function, class, object or type of a file that is read, or an instance of such a class or type."""

    node: Node
    scope: Scope
    instance: bool = False


Value = Ref | Made | Client | Local
