"""Whether an argument is set at a call in TypeScript, and where that was decided.

Joins what `options` finds with what `values` makes of it. Must not know rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from paceline.lint.sites import Fact, State
from paceline.lint.typescript.options import Entry, Search, Use, below
from paceline.lint.typescript.syntax import field, named, place, text
from paceline.lint.typescript.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from paceline.lint.typescript.resolve import Resolver
    from paceline.lint.typescript.scopes import Scope

_NESTED = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parameter, the names that set it, the settings objects that may hold them, and what may set it unseen.

    `positions` says which arguments are looked at. A name may lie below others: `configuration.baseURL`.
    """

    parameter: str
    names: tuple[str, ...]
    nested: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    positions: tuple[int, int | None] = (0, None)


class Arguments:
    """Reads the arguments of calls."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.values = Values(resolver)

    def fact(self, call: Node, scope: Scope, wanted: Wanted) -> Fact:
        """Decide whether any of the names is set; one that is set wins over one that may be."""
        where = place(call)
        given = named(field(call, "arguments"))[slice(*wanted.positions)]
        use = _use(call, scope)
        facts = [self._judged(call, scope, each, wanted.parameter) for each in self._entries(given, scope, wanted, use)]
        if any(each.type == "spread_element" for each in given):
            facts.append(Fact(State.UNKNOWN, where, "`...` hides arguments"))
        for state in (State.YES, State.UNKNOWN):
            found = next((fact for fact in facts if fact.state is state), None)
            if found is not None:
                return found
        unseen = (
            self._entries(given, scope, Wanted("", wanted.opaque, wanted.nested), use) if wanted.opaque else iter(())
        )
        hidden = next(unseen, None)
        if hidden is not None:
            return Fact(State.UNKNOWN, place(hidden.node), f"what `{text(hidden.node)[:30]}` does is not seen")
        return next(iter(facts), None) or Fact(State.NO, where, "not among the arguments")

    def entry(self, call: Node, scope: Scope, name: str, nested: tuple[str, ...] = ()) -> Entry | None:
        """Find one argument of a call; None where it is certainly not there."""
        given = named(field(call, "arguments"))
        return next(self._entries(given, scope, Wanted("", (name,), nested), _use(call, scope)), None)

    def _entries(
        self, nodes: Iterable[Node], scope: Scope, wanted: Wanted, use: Use, depth: int = _NESTED
    ) -> Iterator[Entry]:
        names = frozenset(name for name in wanted.names if "." not in name)
        deep = [name.partition(".") for name in wanted.names if "." in name]
        for node in nodes:
            found = Search(self.resolver, names, use).within(node, scope)
            if found is not None:
                yield found
            for outer, _, rest in deep:
                holder = Search(self.resolver, frozenset({outer}), use).within(node, scope)
                inner = None if holder is None else below(holder, rest, self.resolver, use)
                if inner is not None:
                    yield inner
            for outer in wanted.nested if depth > 0 else ():
                holder = Search(self.resolver, frozenset({outer}), use).within(node, scope)
                if holder is not None and outer not in names:
                    yield from self._inside(holder, wanted, use, depth)

    def _inside(self, holder: Entry, wanted: Wanted, use: Use, depth: int) -> Iterator[Entry]:
        """Look into a settings object."""
        parts = holder.parts or (holder,)
        found = [
            [part] if part.doubt else [*self._entries([part.node], part.scope, wanted, use, depth - 1)]
            for part in parts
        ]
        missing = "" if all(found) else f"`{wanted.parameter}` is set on some paths only"
        for part in found:
            for each in part:
                yield replace(each, doubt=each.doubt or holder.doubt or missing)

    def _judged(self, call: Node, scope: Scope, entry: Entry, parameter: str) -> Fact:
        inside = entry.scope.file is scope.file and (
            call.start_byte <= entry.node.start_byte and entry.node.end_byte <= call.end_byte
        )
        if entry.doubt:
            return Fact(State.UNKNOWN, place(entry.node if inside else call), entry.doubt)
        fact = self.values.fact(entry.node, entry.scope, parameter)
        others = [self._judged(call, scope, replace(each, parts=()), parameter) for each in entry.parts]
        if any(each.state is not fact.state for each in others):
            return Fact(State.UNKNOWN, place(call), f"`{parameter}` is set on some paths only")
        if not inside:
            return replace(fact, place=place(call) if fact.place is None else fact.place)
        cut = _cut(entry.whole) if entry.whole is not None and entry.whole.type == "pair" else None
        return replace(fact, span=(entry.node.start_byte, entry.node.end_byte), cut=cut)


def _use(call: Node, scope: Scope) -> Use:
    return Use(call.start_byte, scope.file.where[call.id][1])


def _cut(entry: Node) -> tuple[int, int]:
    """Return the bytes of an entry with the comma that goes with it."""
    after = entry.next_sibling
    if after is not None and after.type == ",":
        following = after.next_sibling
        stop = following.start_byte if following is not None and following.is_named else after.end_byte
        return entry.start_byte, stop
    before = entry.prev_sibling
    if before is not None and before.type == ",":
        return before.start_byte, entry.end_byte
    return entry.start_byte, entry.end_byte
