"""What a call leaves open, decided by what it goes through in Python: its options, its client, the whole program.

Must not read arguments itself: `facts` does.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from paceline.lint.calls import Found
from paceline.lint.facts import Arguments
from paceline.lint.meanings import Client
from paceline.lint.scopes import Scope
from paceline.lint.sites import Fact, State
from paceline.lint.tags import by_address


class Joining:
    """Answers for one file; `program` holds what the file sets for the whole program, by product and parameter."""

    def __init__(self, arguments: Arguments, module: Scope) -> None:
        self.arguments = arguments
        self.module = module
        self.program: dict[tuple[str, str], Fact] = {}

    def joined(self, fact: Fact, name: str, found: Found) -> Fact:
        """Let options, client and program decide what a call leaves open."""
        if fact.state is not State.NO or fact.explicit:
            return fact
        product, client = found.product, found.client
        names = product.names(name, found.api)
        for option in reversed(client.options if client is not None else ()):
            assert client is not None  # noqa: S101  # it has options
            set_here = self.arguments.fact(option, client.scope, names, product.nested)
            if set_here.state is not State.NO:
                return elsewhere(set_here)
        if found.origin == "function":
            return self.program.get((product.name, name), fact)
        if name in {"stream", "model"} and product.kind == "sdk" and product.name != "google-generativeai":
            return fact
        if name == "cap" and (client is None or (product.provider != "google" and not product.opaque)):
            return fact
        if client is None or client.call is None:
            return Fact(State.UNKNOWN, fact.place, "the client is made elsewhere")
        return self._of_client(fact, name, found, client, client.call)

    def _of_client(self, fact: Fact, name: str, found: Found, client: Client, call: ast.Call) -> Fact:
        product, calls = found.product, (call, *client.others)
        opaque = product.opaque.get(name, ())
        if any(keyword.arg in opaque for each in calls for keyword in each.keywords):
            return Fact(State.UNKNOWN, fact.place, f"`{opaque[0]}` may hold it")
        names = product.names(name, found.api)
        made = [self.arguments.fact(each, client.scope, names, product.nested) for each in calls]
        if client.several or any(each.state is not made[0].state for each in made):
            return Fact(State.UNKNOWN, fact.place, "the client is made in several ways")
        if made[0].state is State.NO and not made[0].explicit:
            address = product.names("base_url") if name == "tags" else ()
            leads = self.arguments.fact(call, client.scope, address, product.nested) if address else fact
            return by_address(leads, fact) if address else fact
        away = client.scope.module is not self.module
        return replace(elsewhere(made[0]), place=fact.place) if away else elsewhere(made[0])


def elsewhere(fact: Fact) -> Fact:
    """Return a fact without its bytes, for they are not those of the call."""
    return replace(fact, span=None, cut=None)
