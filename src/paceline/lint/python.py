"""The front end for Python: from a file's bytes to site records.

Owns which calls are sites, and joins what a call says with what its client was made with. Must not judge.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, replace

from paceline.catalogue import Api, Catalogue, Product
from paceline.lint.facts import Arguments, place
from paceline.lint.fronts import UnreadableError
from paceline.lint.prompts import prompt_sites
from paceline.lint.resolve import Client, Local, Made, Ref, Resolver, Value, chain
from paceline.lint.scopes import Scope, survey
from paceline.lint.sites import Fact, Kind, Place, Site, State

_NAMES = (
    b"openai", b"OpenAI", b"anthropic", b"litellm", b"genai", b"generativeai", b"generative_models", b"langchain",
    b"llama_index", b"agno", b"phi.model", b"pydantic_ai", b"from agents", b"google.adk", b"crewai", b"groq",
    b"completions", b"generate_content", b"instructor",
)  # fmt: skip
_RESOURCES = (b"messages", b"responses")
_VERBS = (b".create", b".stream", b".parse")
_PROMPTS = (b"system_", b"SYSTEM_", b'"system"', b"'system'", b"system=", b"instructions")
_CHANGES = (b"datetime", b"uuid", b"time", b"random", b"secrets", b"timezone")
# What a chain must end in, and which arguments it must have, where nothing tells what its receiver is.
_BY_SHAPE = {
    ("chat", "completions"): ("openai", "chat", {"create", "parse", "stream"}, ({"messages"},)),
    ("messages",): ("anthropic", "messages", {"create", "stream"}, ({"model", "max_tokens", "messages"},)),
    ("responses",): ("openai", "responses", {"create", "stream", "parse"}, ({"model", "input"},)),
    ("models",): ("google-genai", "generate", {"generate_content", "generate_content_stream"}, ({"contents"},)),
}
_TRANSPARENT = {"with_raw_response", "with_streaming_response", "beta", "aio"}


@dataclass(frozen=True, slots=True)
class _Found:
    product: Product
    api: Api
    method: str
    client: Client | None
    origin: str


def may_hold_sites(data: bytes) -> bool:
    """Say from the bytes alone whether it is worth parsing a file."""
    return (
        any(name in data for name in _NAMES)
        or (any(name in data for name in _RESOURCES) and any(verb in data for verb in _VERBS))
        or (any(name in data for name in _PROMPTS) and any(name in data for name in _CHANGES))
    )


def sites(data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
    """Find the sites of one file, in order; raises `UnreadableError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
        return _Front(tree, path, catalogue).sites()
    except SyntaxError as error:
        raise UnreadableError(f"{error.msg} (line {error.lineno})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError("is nested too deeply, or holds null bytes") from error


class _Front:
    def __init__(self, tree: ast.Module, path: str, catalogue: Catalogue) -> None:
        self.path = path
        self.catalogue = catalogue
        self.seen = survey(tree)
        self.resolver = Resolver(self.seen, catalogue)
        self.arguments = Arguments(self.resolver)
        self.imported = {
            product.name
            for product in catalogue.products
            for name in self.seen.imports
            if name in product.modules or product.holds(name) is not None
        }

    def sites(self) -> list[Site]:
        found = [site for call, scope in self.seen.calls for site in self._of(call, scope)]
        found += prompt_sites(self.seen, self.resolver, self.path)
        return sorted(found, key=lambda site: (site.place.line, site.place.column, site.kind.value))

    def _of(self, call: ast.Call, scope: Scope) -> list[Site]:
        function = call.func.value if isinstance(call.func, ast.Subscript) else call.func
        value = self.resolver.value(function, scope)
        if isinstance(value, Ref):
            product = self.catalogue.constructor(value.dotted)
            if product is not None:
                return [self._constructor(call, scope, product, value.dotted)]
        found = self._generation(call, scope, value)
        return [self._call(call, scope, found)] if found is not None else []

    def _constructor(self, call: ast.Call, scope: Scope, product: Product, dotted: str) -> Site:
        kind = Kind.CLIENT if product.kind == "sdk" else Kind.FRAMEWORK
        names = ["timeout", "retries", "base_url", "tags"]
        if kind is Kind.FRAMEWORK:
            names += ["cap", "stream", "model"]
        facts = {name: self._fact(call, scope, product, name, None) for name in names}
        constructor = dotted.rpartition(".")[2]
        return self._site(kind, call, scope, product, "", constructor, "import", facts)

    def _call(self, call: ast.Call, scope: Scope, found: _Found) -> Site:
        product, api, client = found.product, found.api, found.client
        facts = {
            name: self._fact(call, scope, product, name, api) for name in ("cap", "timeout", "stream", "tags", "model")
        }
        if found.method.endswith("stream"):
            facts["stream"] = Fact(State.YES, place(call), f"`{found.method}` streams", True)
        for name in ("timeout", "tags", "cap"):
            facts[name] = self._joined(facts[name], name, found)
        if api.cap_mandatory and facts["cap"].state is State.NO:
            facts["cap"] = replace(facts["cap"], state=State.UNKNOWN, because="the SDK itself asks for a cap")
        facts["awaited"] = self._awaited(call, scope, found)
        here = client is not None and client.call is not None and client.scope.function is not None
        if client is not None and client.origin == "local" and here:
            facts["made_once"] = Fact(State.NO, place(call), "its client is made in the same function")
        return self._site(Kind.GENERATION, call, scope, product, api.name, found.method, found.origin, facts)

    def _awaited(self, call: ast.Call, scope: Scope, found: _Found) -> Fact:
        """Say *no* where a blocking call stands in a coroutine."""
        if not isinstance(scope.node, ast.AsyncFunctionDef):
            return Fact(State.YES, place(call), "not in a coroutine")
        if found.product.name == "litellm" and found.client is None:
            blocking = not found.method.startswith("a")
        elif found.client is None or found.product.provider not in {"openai", "anthropic", "groq"}:
            return Fact(State.UNKNOWN, place(call), "the client is made elsewhere")
        else:
            blocking = not found.client.constructor.startswith("Async")
        return Fact(State.NO if blocking else State.YES, place(call), "it blocks the event loop" if blocking else "")

    def _fact(self, call: ast.Call, scope: Scope, product: Product, name: str, api: Api | None) -> Fact:
        return self.arguments.fact(call, scope, product.names(name, api), product.nested)

    def _joined(self, fact: Fact, name: str, found: _Found) -> Fact:
        """Let the client decide what the call leaves open."""
        if fact.state is not State.NO or fact.explicit:
            return fact
        if found.origin == "function" and found.product.name in {"litellm"}:
            return fact
        client = found.client
        if client is None:
            if name == "cap":
                return fact
            return Fact(State.UNKNOWN, fact.place, "the client is made elsewhere")
        names = found.product.names(name, found.api)
        for option in reversed(client.options):
            set_here = self.arguments.fact(option, client.scope, names, found.product.nested)
            if set_here.state is not State.NO:
                return set_here
        if client.call is None:
            return fact if name == "cap" else Fact(State.UNKNOWN, fact.place, "the client is made elsewhere")
        if name == "cap" and not found.product.name.startswith("google"):
            return fact
        calls = (client.call, *client.others)
        made = [self.arguments.fact(each, client.scope, names, found.product.nested) for each in calls]
        if any(each.state is not made[0].state for each in made):
            return Fact(State.UNKNOWN, fact.place, "the client is made in several ways")
        left_open = made[0].state is State.NO and not made[0].explicit
        return fact if left_open else made[0]

    def _generation(self, call: ast.Call, scope: Scope, value: Value | None) -> _Found | None:
        match value:
            case Ref(dotted=dotted):
                direct = self.catalogue.function(dotted)
                if direct is not None:
                    product, api, method = direct
                    return _Found(product, api, method, None, "function")
                return (
                    None
                    if self.catalogue.imported(dotted)
                    else self._by_shape(call, scope, tuple(dotted.split(".")[1:]))
                )
            case Client(product=product, path=path) if path:
                for api in product.apis:
                    if path[-1] in api.methods and ".".join(path[:-1]) in api.paths:
                        return _Found(product, api, path[-1], value, value.origin)
                return None
            case Made(path=path):
                return self._by_shape(call, scope, path) if path[-3:-1] == ("chat", "completions") else None
            case Local():
                return None
            case _:
                return self._by_shape(call, scope, chain(call.func))

    def _by_shape(self, call: ast.Call, scope: Scope, names: tuple[str, ...]) -> _Found | None:
        """Take a call for a site by its chain and arguments, where its receiver is made elsewhere."""
        del scope
        names = tuple(name for name in names if name not in _TRANSPARENT)
        if len(names) < 2:
            return None
        given = {keyword.arg for keyword in call.keywords}
        for tail, (name, api_name, methods, shapes) in _BY_SHAPE.items():
            if names[-1] not in methods or names[-1 - len(tail) : -1] != tail:
                continue
            front = names[: -1 - len(tail)]
            by_import = name in self.imported and (None in given or given & {"model", "messages", "input", "contents"})
            shaped = any(shape <= given for shape in shapes) or (tail == ("chat", "completions") and None in given)
            if len(front) > 2 or (front and not _client_like(front[-1])) or not (by_import or shaped):
                continue
            product = self.catalogue.product(name)
            api = next(each for each in product.apis if each.name == api_name)
            return _Found(product, api, names[-1], None, "shape")
        return None

    def _site(  # noqa: PLR0913, PLR0917  # a record has that many fields
        self, kind: Kind, call: ast.Call, scope: Scope, product: Product, api: str, method: str, origin: str,
        facts: dict[str, Fact],
    ) -> Site:  # fmt: skip
        end = Place(call.end_lineno or call.lineno, (call.end_col_offset or 0) + 1)
        function = scope.function.name if scope.function is not None else ""
        return Site(
            kind, self.path, place(call), end, product.name, product.provider, api, method, origin, facts,
            function=function,
        )  # fmt: skip


def _client_like(name: str) -> bool:
    return any(word in name.lower() for word in ("client", "llm", "openai", "anthropic", "api", "sdk", "model", "ai"))
