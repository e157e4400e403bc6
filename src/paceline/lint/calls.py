"""Which calls in Python are calls to a model: by what they are made on, else by their shape.

A call whose receiver cannot be told is one only where the file imports the SDK or the arguments leave no doubt; what
belongs to something else (another SDK, a class of the file, a table named `messages`) never is. Must not judge.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from paceline.catalogue import Api, Catalogue, Product
from paceline.lint.meanings import Client, Local, Made, Ref, Value, chain
from paceline.lint.resolve import TRANSPARENT, Resolver
from paceline.lint.scopes import Scope

_CLIENT = {
    "client", "aclient", "llm", "openai", "anthropic", "claude", "api", "sdk", "model", "ai", "groq", "genai", "gemini",
    "azure", "provider", "gpt", "oai", "instance", "instructor", "bedrock", "runtime", "together", "deepseek",
    "mistral",
}  # fmt: skip
_OTHERS = {"mock", "thread", "threads", "agents", "db", "session", "objects", "conversations", "chats", "assistants"}
_HEADS = {"chat", "messages", "responses", "completions", "models", "embeddings", "beta", "with_raw_response"}
_GIVEN = {"model", "messages", "input", "contents", "prompt", "modelId", "engine"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True, slots=True)
class Found:
    """A call to a model: whose, which API, and the client it is made on where that is known."""

    product: Product
    api: Api
    method: str
    client: Client | None
    origin: str


class Finder:
    """Answers for one file."""

    def __init__(self, resolver: Resolver, catalogue: Catalogue) -> None:
        self.resolver = resolver
        self.catalogue = catalogue
        self.imported = {
            product.name
            for name in resolver.seen.imports
            if name.partition(".")[0] in catalogue.roots
            for product in catalogue.products
            if name in product.modules or product.holds(name) is not None
        }
        self._tails = [
            (product, api, tuple(path.split(".")) if path else ())
            for product in catalogue.products
            for api in product.apis
            if api.shape
            for path in api.paths
        ]

    def worth(self, function: ast.expr) -> bool:
        """Say from the names alone whether a call can be a site."""
        catalogue = self.catalogue
        if isinstance(function, ast.Attribute):
            return function.attr in catalogue.methods or function.attr in catalogue.by_constructor
        if isinstance(function, ast.Name):
            name = function.id
            known = name in catalogue.methods or name in catalogue.by_constructor
            return known or name in self.resolver.seen.renamed
        return isinstance(function, (ast.Call, ast.Subscript))

    def constructor(self, value: Value | None) -> tuple[Product, str] | None:
        """Say which constructor a call is of, and by what name."""
        if not isinstance(value, Ref):
            return None
        product = self.catalogue.constructor(value.dotted)
        return (product, value.dotted.rpartition(".")[2]) if product is not None else None

    def generation(self, call: ast.Call, scope: Scope, value: Value | None) -> Found | None:
        """Say which API a call is of."""
        if isinstance(value, Client):
            return self._below(value)
        names = self._names(call, value)
        if isinstance(value, Ref):
            direct = self.catalogue.function(value.dotted)
            if direct is not None:
                return Found(*direct, None, "function")
            if self.catalogue.imported(value.dotted):
                return None
        elif isinstance(value, Local) and not _injected(value):
            return None
        shaped = self._by_shape(call, names, value)
        if shaped is None or self.resolver.across:
            return shaped
        self.resolver.across = True
        again = self.resolver.value(call.func, scope)
        self.resolver.across = False
        if isinstance(again, Client):
            return self._below(again)
        return None if isinstance(again, Local) and not _injected(again) else shaped

    def _below(self, client: Client) -> Found | None:
        path = client.path
        if not path:
            return None
        for api in client.product.apis:
            if path[-1] in api.methods and ".".join(path[:-1]) in api.paths:
                return Found(client.product, api, path[-1], client, client.origin)
        return None

    def _names(self, call: ast.Call, value: Value | None) -> tuple[str, ...]:
        if isinstance(value, Ref):
            return tuple(value.dotted.strip(".").split("."))
        if isinstance(value, Made):
            return ("()", *value.path)
        root: ast.expr = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        first = root.id if isinstance(root, ast.Name) else "()"
        return (first, *chain(call.func))

    def _by_shape(self, call: ast.Call, names: tuple[str, ...], value: Value | None) -> Found | None:
        """Take a call for a site by its chain and arguments, where its receiver is made elsewhere."""
        names = tuple(name for name in names if name not in TRANSPARENT)
        given = {keyword.arg for keyword in call.keywords}
        for product, api, tail in self._tails:
            if len(names) < len(tail) + 2 or names[-1] not in api.methods or names[-1 - len(tail) : -1] != tail:
                continue
            front = names[: -1 - len(tail)]
            if any(name.lower() in _OTHERS for name in front) or len(front) > 4:
                continue
            shaped = set(api.shape) <= given
            by_import = product.name in self.imported and (None in given or not given.isdisjoint(_GIVEN))
            specific = tail == ("chat", "completions")
            if specific and (shaped or by_import or None in given):
                return Found(product, api, names[-1], None, "shape")
            foreign = isinstance(value, Made) and not value.dotted.startswith(".") and not product.holds(value.dotted)
            if foreign or not _client_like(front[-1]):
                by_import = False
            if (shaped and len(api.shape) > 1) or by_import or (shaped and _client_like(front[-1])):
                return Found(product, api, names[-1], None, "shape")
        return None


def _injected(value: Local) -> bool:
    """Say whether a class of the tree holds a client that comes from elsewhere, rather than being like one itself."""
    return bool(value.missing) and value.missing not in _HEADS


def _client_like(name: str) -> bool:
    return name == "()" or any(word.lower() in _CLIENT for word in _WORDS.findall(name))
