"""Which call is one of an API, on which client; and what a model of the AI SDK is.

Takes what `resolve` says of a callee; where that says nothing, the shape of the call. Must not decide facts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from paceline.lint.typescript.meanings import Client, Local, Made, Ref, Value
from paceline.lint.typescript.modules import dotted, is_beside
from paceline.lint.typescript.resolve import Resolver
from paceline.lint.typescript.syntax import field, first, key, named, plain, properties, string, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.catalogue import Api, Product
    from paceline.lint.sites import Fact
    from paceline.lint.typescript.facts import Arguments
    from paceline.lint.typescript.scopes import Scope, Seen

# What a chain must end in, and which arguments it must have, where nothing tells what its receiver is.
_BY_SHAPE = {
    ("chat", "completions"): ("openai", "chat", {"create", "parse", "stream"}, {"messages"}),
    ("messages",): ("anthropic", "messages", {"create", "stream"}, {"model", "max_tokens", "messages"}),
    ("responses",): ("openai", "responses", {"create", "stream", "parse"}, {"model", "input"}),
    ("models",): ("google-genai", "generate", {"generateContent", "generateContentStream"}, {"contents"}),
    ("embeddings",): ("openai", "embeddings", {"create"}, {"model", "input"}),
}
_CLIENT_LIKE = ("client", "llm", "openai", "anthropic", "api", "sdk", "model", "ai", "groq", "gpt", "claude")
_MODELS = {"languageModel", "chat", "chatModel", "responses", "completion", "textEmbeddingModel", "embedding", "model"}
_FRONT_MAX = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A call of an API: of which, how, and on what client."""

    product: Product
    api: Api
    method: str
    client: Client | None
    origin: str


class Finder:
    """Answers for one file."""

    def __init__(self, seen: Seen, resolver: Resolver, arguments: Arguments) -> None:
        self.resolver = resolver
        self.arguments = arguments
        self.catalogue = catalogue = resolver.catalogue
        self.methods = {method for product in catalogue.products for api in product.apis for method in api.methods}
        self.known = self.methods | set(catalogue.by_constructor)
        self.imported = {
            product.name
            for product in catalogue.products
            for module in seen.imports
            if not is_beside(module) and product.holds(dotted(module, ("x",))) is not None
        }

    def worth(self, function: Node, scope: Scope) -> bool:
        """Say whether a callee may be one that the catalogue knows, before its name is followed."""
        if function.type == "identifier":
            held = scope.bindings(text(function))
            names = {each.dotted.rpartition("#")[2] for each in held if each.sort == "import"}
            beside = {each.dotted for each in held if each.sort == "import" and is_beside(each.dotted)}
            return bool(held) and (not beside or bool(names & self.known))
        last = key(field(function, "property")) if function.type == "member_expression" else None
        return last in self.known

    def generation(self, node: Node, value: Value | None, function: Node) -> Found | None:
        """Find the API that a call is of, by what its callee stands for."""
        match value:
            case Ref(dotted=name):
                direct = self.catalogue.function(name)
                if direct is not None:
                    return Found(*direct, None, "function")
                return None if self.catalogue.imported(name) else self._by_shape(node, _chain(function))
            case Client(product=product, path=path) if path:
                for api in product.apis:
                    if path[-1] in api.methods and ".".join(path[:-1]) in api.paths:
                        return Found(product, api, path[-1], value, value.origin)
                return None
            case Made(path=path):
                return self._by_shape(node, path) if path[-3:-1] == ("chat", "completions") else None
            case Local():
                return None
            case _:
                return self._by_shape(node, _chain(function))

    def provider(self, node: Node, scope: Scope) -> Client | None:
        """Find the provider that a model of the AI SDK comes from: `model: openai("…")`."""
        entry = self.arguments.entry(node, scope, "model")
        value = None if entry is None or entry.doubt else self._model_call(entry.node, entry.scope)
        client = None if value is None else self.resolver.value(field(value[0], "function"), value[1])
        if isinstance(client, Client) and (not client.path or client.path[-1] in _MODELS):
            return client
        return None

    def model(self, node: Node, scope: Scope, fact: Fact) -> Fact:
        """Read the literal in `model: openai("gpt-4o")` and `model: registry.languageModel("openai:gpt-4o")`."""
        entry = self.arguments.entry(node, scope, "model")
        made = None if entry is None or entry.doubt else self._model_call(entry.node, entry.scope)
        if made is None:
            return fact
        function = plain(field(made[0], "function"))
        literal = string(first(field(made[0], "arguments") or made[0]))
        last = (
            key(field(function, "property")) if function is not None and function.type == "member_expression" else None
        )
        known = last in _MODELS or isinstance(self.resolver.value(function, made[1]), Client)
        return replace(fact, value=literal) if known and literal is not None else fact

    def _model_call(self, node: Node, scope: Scope, depth: int = 3) -> tuple[Node, Scope] | None:
        inner = plain(node)
        if inner is not None and inner.type == "call_expression":
            return inner, scope
        if inner is None or depth <= 0 or inner.type not in {"identifier", "shorthand_property_identifier"}:
            return None
        held = scope.bindings(text(inner))
        if len(held) == 1 and held[0].sort == "value" and held[0].node is not None and not held[0].path:
            return self._model_call(held[0].node, held[0].scope, depth - 1)
        return None

    def _by_shape(self, node: Node, names: tuple[str, ...]) -> Found | None:
        """Take a call for a site by its chain and arguments, where its receiver is made elsewhere."""
        names = tuple(name for name in names if name != "beta")
        body = next(iter(named(field(node, "arguments"))), None)
        if len(names) < 2 or body is None:  # a resource and a method
            return None
        inner = plain(body)
        given = {name for name, _, _ in properties(inner)} if inner is not None and inner.type == "object" else None
        for tail, (name, api_name, methods, shape) in _BY_SHAPE.items():
            if names[-1] not in methods or names[-1 - len(tail) : -1] != tail:
                continue
            front = names[: -1 - len(tail)]
            opaque = given is None or "..." in given
            distinct = tail == ("chat", "completions")
            by_import = name in self.imported and (opaque or bool(given and given & (shape | {"model"})))
            shaped = (opaque and distinct) or (given is not None and shape <= given)
            known = not front or _client_like(front[-1]) or (distinct and not opaque)
            if len(front) > _FRONT_MAX or not known or not (by_import or shaped):
                continue
            product = self.catalogue.product(name)
            api = next(each for each in product.apis if each.name == api_name)
            return Found(product, api, names[-1], None, "shape")
        return None


def _chain(node: Node) -> tuple[str, ...]:
    """List the names of an attribute chain with what it starts from: `a.b.c` gives a, b, c; `f().b` gives b."""
    names: list[str] = []
    at: Node | None = node
    while at is not None and at.type == "member_expression":
        names.append(text(field(at, "property")))
        at = plain(field(at, "object"))
    if at is not None and at.type in {"identifier", "this"}:
        names.append(text(at))
    return tuple(reversed(names))


def _client_like(name: str) -> bool:
    return name == "this" or any(word in name.lower() for word in _CLIENT_LIKE)
