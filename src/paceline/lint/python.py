"""The front end for Python: from a file's bytes to site records.

Owns what a record of each kind holds, and joins what a call says with what its client was made with. Must not judge.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import replace
from urllib.parse import urlsplit

from paceline.catalogue import Api, Catalogue, Product
from paceline.lint.around import Around
from paceline.lint.calls import Finder, Found
from paceline.lint.facts import Arguments
from paceline.lint.fronts import UnreadableError
from paceline.lint.http import http_sites
from paceline.lint.joining import Joining, elsewhere
from paceline.lint.meanings import Client, Ref
from paceline.lint.prefilter import may_hold_sites
from paceline.lint.prompts import prompt_sites, system_facts
from paceline.lint.resolve import Resolver
from paceline.lint.scopes import Scope
from paceline.lint.sites import Fact, Kind, Place, Site, State
from paceline.lint.spans import Spans
from paceline.lint.survey import survey
from paceline.lint.values import Values, place

__all__ = ["UnreadableError", "may_hold_sites", "sites"]

_AT_CLIENT = ("timeout", "retries", "base_url", "key", "tags")
_AT_CALL = ("cap", "timeout", "retries", "stream", "tags", "model")
_KEY = re.compile(r"(?:sk-|gsk_|AIza|xai-|hf_|pplx-)[A-Za-z0-9_-]{24,}")
_AZURE = ("Azure", "AsyncAzure")
_ONCE = {"main", "cli", "run", "__init__", "lifespan", "startup"}
_CACHES = ("cache", "lru", "singleton", "fixture", "command", "on_event", "task")


def sites(data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
    """Find the sites of one file, in order; raises `UnreadableError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
        return _Front(tree, data, path, catalogue).sites()
    except SyntaxError as error:
        raise UnreadableError(f"{error.msg} (line {error.lineno})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError("is nested too deeply, or holds null bytes") from error


class _Front:
    def __init__(self, tree: ast.Module, data: bytes, path: str, catalogue: Catalogue) -> None:
        self.path = path
        self.data = data
        self.catalogue = catalogue
        self.seen = survey(tree)
        self.resolver = Resolver(self.seen, catalogue, path)
        self.spans = Spans(data)
        self.arguments = Arguments(self.resolver, Values(self.resolver, data), self.spans)
        self.finder = Finder(self.resolver, catalogue)
        self.around = Around(tree)
        self.joining = Joining(self.arguments, self.seen.module)

    def sites(self) -> list[Site]:
        found = self._settings()
        for call, scope in self.seen.calls:
            function = call.func.value if isinstance(call.func, ast.Subscript) else call.func
            if self.finder.worth(function):
                site = self._of(call, function, scope)
                if site is not None:
                    found.append(site)
        found += http_sites(self.seen, self.resolver, self.catalogue, self.path, self.data)
        found += prompt_sites(self.seen, self.resolver, self.path)
        return sorted(found, key=lambda site: (site.place.line, site.place.column, site.kind.value))

    def _of(self, call: ast.Call, function: ast.expr, scope: Scope) -> Site | None:
        value = self.resolver.value(function, scope)
        made = self.finder.constructor(value)
        if made is not None:
            return self._constructor(call, scope, *made)
        found = self.finder.generation(call, scope, value)
        return self._call(call, scope, found) if found is not None else None

    def _settings(self) -> list[Site]:
        """Find what sets a parameter for the whole program: `litellm.request_timeout = 30`."""
        found: list[Site] = []
        for target, value, scope in self.seen.stores:
            module = self.resolver.value(target.value, scope)
            if not isinstance(module, Ref):
                continue
            for product in self.catalogue.products:
                for parameter, name in product.program.items():
                    if name == target.attr and module.dotted in product.modules:
                        fact = self.arguments.values.judge(value, scope, name)
                        fact = replace(fact, value=None) if parameter == "key" else fact
                        self.joining.program[product.name, parameter] = fact
                        where, facts = place(target), {parameter: fact}
                        found.append(Site(Kind.SETTING, self.path, where, where, product.name, product.provider, "",
                                          name, "program", facts))  # fmt: skip
        return found

    def _constructor(self, call: ast.Call, scope: Scope, product: Product, constructor: str) -> Site:
        kind = Kind.CLIENT if product.kind == "sdk" else Kind.FRAMEWORK
        names = _AT_CLIENT if kind is Kind.CLIENT else (*_AT_CLIENT, "cap", "stream", "model")
        facts = {name: self._fact(call, scope, product, name, None) for name in names if product.names(name)}
        for name, fact in facts.items():
            facts[name] = self._open(call, product, constructor, name, fact)
        if product.kind == "agent":
            facts["cap"] = self._of_agent(call, scope, product, facts["cap"])
        if kind is Kind.CLIENT:
            facts |= self.around.generates(call)
        elif facts["cap"].state is State.NO and self._bound_later(product.names("cap")):
            facts["cap"] = Fact(State.UNKNOWN, place(call), "`bind` may add it")
        return self._site(kind, call, scope, product, "", constructor, "import", facts)

    def _open(self, call: ast.Call, product: Product, constructor: str, name: str, fact: Fact) -> Fact:
        """Leave open what another argument may decide, or what Azure's SDK takes from an address of its own."""
        if fact.state is not State.NO or fact.explicit:
            return fact
        decisive = [each.arg for each in call.keywords if each.arg in product.opaque.get(name, ())]
        if decisive:
            return replace(fact, state=State.UNKNOWN, because=f"`{decisive[0]}` may decide it")
        if name == "base_url" and constructor.startswith(_AZURE):
            return replace(fact, state=State.UNKNOWN, because="Azure's address may be in the environment")
        return fact

    def _bound_later(self, names: tuple[str, ...]) -> bool:
        calls = (call for word in ("bind", "with_config") for call, _ in self.resolver.calls_of(word))
        return any(keyword.arg in names for call in calls for keyword in call.keywords)

    def _of_agent(self, call: ast.Call, scope: Scope, product: Product, cap: Fact) -> Fact:
        """Leave an agent's cap open where its model is an object, or its settings may come with each run."""
        if cap.state is not State.NO or cap.explicit:
            return cap
        if b"RunConfig(" in self.data or self.data.count(b"model_settings=") > self.data.count(b"Agent("):
            return Fact(State.UNKNOWN, cap.place, "settings may come with each run")
        named = next((each.value for each in call.keywords if each.arg in product.names("model")), None)
        model = named if named is not None or product.first != "model" else next(iter(call.args), None)
        if model is None or self._is_name(model, scope):
            return cap
        made = self.resolver.value(model, scope)
        if isinstance(made, Client) and made.call is not None and not made.several:
            of_model = self.arguments.fact(made.call, made.scope, made.product.names("cap"), made.product.nested)
            return replace(elsewhere(of_model), place=cap.place)
        return Fact(State.UNKNOWN, cap.place, "its model is made elsewhere")

    def _is_name(self, model: ast.expr, scope: Scope) -> bool:
        """Say whether a model is given by its name, not as an object that has settings of its own."""
        if isinstance(model, (ast.Constant, ast.JoinedStr)):
            return True
        if isinstance(model, ast.Name):
            bound = scope.bindings(model.id)
            literal = [isinstance(each.node, ast.expr) and self._is_name(each.node, each.scope) for each in bound]
            return (bool(literal) and all(literal)) or model.id.isupper()
        name = (
            model.attr
            if isinstance(model, ast.Attribute)
            else ast.unparse(model)
            if isinstance(model, ast.Call)
            else ""
        )
        return "getenv" in name or "environ" in name or name.isupper() or name.endswith("_name")

    def _call(self, call: ast.Call, scope: Scope, found: Found) -> Site:
        product, api, client = found.product, found.api, found.client
        kind = Kind.GENERATION if api.kind == "generation" else Kind.EMBEDDING
        names = _AT_CALL if kind is Kind.GENERATION else ("timeout", "retries", "tags", "model")
        across, self.resolver.across = self.resolver.across, True
        facts = {name: self.joining.joined(self._fact(call, scope, product, name, api), name, found) for name in names}
        self.resolver.across = across
        if kind is Kind.GENERATION:
            facts["stream"] = self._stream(call, facts["stream"], found)
            facts["cap"] = _cap(facts["cap"], api)
            facts |= self._answered(call, scope, found, facts)
        facts["awaited"] = self.around.awaited(call, _blocking(found))
        facts["retried"] = self.around.retried(call)
        if self._made_here(client, scope):
            facts["made_once"] = Fact(State.NO, place(call), "its client is made in the same function")
        site = self._site(kind, call, scope, product, api.name, found.method, found.origin, facts, api)
        elsewhere_made = self._compatible(found) and "cap" in site.names
        return replace(site, names={**site.names, "cap": api.cap[-1]}) if elsewhere_made else site

    def _compatible(self, found: Found) -> bool:
        """Say whether a client leads to another's server, which may know only the older name of OpenAI's cap."""
        client = found.client
        if client is None or client.call is None or found.product.name != "openai":
            return False
        address = self.arguments.fact(client.call, client.scope, ("base_url",)).value
        parts = urlsplit(address if isinstance(address, str) else "")
        own = ("openai.com", "azure.com", "localhost", "127.0.0.1")
        host = parts.hostname or ""
        return bool(host) and not host.endswith(own) and not parts.path.startswith("/t/")

    def _answered(self, call: ast.Call, scope: Scope, found: Found, facts: dict[str, Fact]) -> dict[str, Fact]:
        """Add what stands around a generation, and what it is told besides its parameters."""
        more = {"interactive": self.around.interactive(call), "bounded": self.around.bounded(call)}
        if found.api.usage and facts["stream"].state is State.YES and found.method != "stream":
            names = ("stream_options",)
            more["usage"] = self.arguments.fact(call, scope, names)
        if facts["stream"].state is State.NO and not found.method.startswith("parse"):
            more["ending_read"] = self.around.ending_read(call)
        if found.product.provider == "anthropic":
            more |= system_facts(call, scope, self.data)
        return {name: fact for name, fact in more.items() if fact is not None}

    def _stream(self, call: ast.Call, fact: Fact, found: Found) -> Fact:
        if "stream" in found.method:
            return Fact(State.YES, place(call), f"`{found.method}` streams", True)
        if fact.state is State.YES and fact.value is False:
            return replace(fact, state=State.NO, explicit=True)
        computed = fact.state is State.YES and fact.value is not True
        return replace(fact, state=State.UNKNOWN, because="`stream` is computed") if computed else fact

    def _made_here(self, client: Client | None, scope: Scope) -> bool:
        if client is None or client.call is None or client.origin not in {"local", "constructor"} or client.several:
            return False
        function = scope.function
        if function is None or client.scope.function is not function or function.name.strip("_") in _ONCE:
            return False
        others = {id(each) for each in client.others}
        if others and not others <= {id(each) for each in ast.walk(function)}:
            return False
        marks = [ast.unparse(each).lower() for each in function.decorator_list]
        return not any(word in mark for mark in marks for word in _CACHES)

    def _fact(self, call: ast.Call, scope: Scope, product: Product, name: str, api: Api | None) -> Fact:
        fact = self.arguments.fact(call, scope, product.names(name, api), product.nested)
        bare = call.args and not isinstance(call.args[0], ast.Starred)
        if name == product.first and fact.state is State.NO and bare and (api is None or api.paths == ("",)):
            fact = self.arguments.values.judge(call.args[0], scope, name)
        return replace(fact, value="literal" if _is_key(fact.value) else None) if name == "key" else fact

    def _site(  # noqa: PLR0913, PLR0917  # a record has that many fields
        self, kind: Kind, call: ast.Call, scope: Scope, product: Product, api: str, method: str, origin: str,
        facts: dict[str, Fact], called: Api | None = None,
    ) -> Site:  # fmt: skip
        end = Place(call.end_lineno or call.lineno, (call.end_col_offset or 0) + 1)
        names: dict[str, str] = {
            name: product.names(name, called)[0]
            for name in ("cap", "timeout", "retries")
            if name not in product.inside and product.names(name, called) and name in facts
        }
        if "usage" in facts:
            names["usage"] = "stream_options"
        function = scope.function
        return Site(
            kind, self.path, place(call), end, product.name, product.provider, api, method, origin, facts,
            function=function.name if function is not None else "", names=names, insert=self.spans.insert(call),
        )  # fmt: skip


def _is_key(value: object) -> bool:
    """Say whether a literal has the form of a provider's key."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _cap(fact: Fact, api: Api) -> Fact:
    """Leave a cap open that the SDK demands, or that may stand in a text."""
    if fact.state is not State.NO or fact.explicit:
        return fact
    if api.cap_mandatory:
        return replace(fact, state=State.UNKNOWN, because="the SDK itself asks for a cap")
    return replace(fact, state=State.UNKNOWN, because="the cap may stand in the body") if api.cap_hidden else fact


def _blocking(found: Found) -> bool | None:
    """Say whether a call blocks, as far as its client and its name tell."""
    if found.method in found.product.async_methods:
        return False
    if found.client is None:
        return True if found.origin == "function" else None
    if found.client.asynchronous or found.client.several:
        return None if found.client.several else False
    return not found.client.constructor.startswith("Async")
