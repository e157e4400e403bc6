"""Which calls and constructions are sites, and what their facts are.

Joins what a call says with what its client was made with. Must not judge.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from paceline.lint.sites import Fact, Kind, Site, State
from paceline.lint.tags import by_address
from paceline.lint.typescript.facts import Arguments, Wanted
from paceline.lint.typescript.finding import Finder
from paceline.lint.typescript.meanings import Ref
from paceline.lint.typescript.requests import request_site
from paceline.lint.typescript.resolve import Resolver
from paceline.lint.typescript.scopes import function_name
from paceline.lint.typescript.surroundings import Surroundings
from paceline.lint.typescript.syntax import end, field, place, plain, text
from paceline.lint.typescript.writing import insert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from paceline.catalogue import Api, Catalogue, Product
    from paceline.lint.typescript.finding import Found
    from paceline.lint.typescript.scopes import Scope, Seen

_OPTIONS_SECOND = {"openai", "anthropic", "groq", "mistral", "cohere"}
_NO_SUCH = ("",)
"""Where there is no such argument: only what is spread may hide something."""
_KEY = re.compile(r"(?:sk-|gsk_|AIza|xai-|hf_|pplx-)[A-Za-z0-9_-]{24,}")
_BROKEN = "the code here does not parse"


class Calls:
    """Finds the sites among the calls of one file."""

    def __init__(self, seen: Seen, catalogue: Catalogue) -> None:
        self.seen = seen
        self.catalogue = catalogue
        self.resolver = Resolver(catalogue)
        self.arguments = Arguments(self.resolver)
        self.around = Surroundings(seen, self.arguments)
        self.finder = Finder(seen, self.resolver, self.arguments)

    def sites(self) -> Iterator[Site]:
        """Find them, in the order of the file."""
        for node in self.seen.calls:
            scope = self.seen.where[node.id][0]
            site = self._of(node, scope)
            if site is not None:
                yield self._broken(site) if node.has_error else site

    def _of(self, node: Node, scope: Scope) -> Site | None:
        function = plain(field(node, "function") or field(node, "constructor"))
        if function is None:
            return None
        request = request_site(node, scope, self.arguments, self.catalogue, self.seen.path)
        if request is not None:
            return request
        if not self.finder.worth(function, scope):
            return None
        value = self.resolver.value(function, scope)
        if isinstance(value, Ref):
            product = self.resolver.constructor(value)
            if product is not None:
                return self._constructor(node, scope, product, value.names[-1] if value.names else "default")
        found = self.finder.generation(node, value, function)
        return None if found is None else self._call(node, scope, found)

    def _constructor(self, node: Node, scope: Scope, product: Product, name: str) -> Site:
        kind = Kind.CLIENT if product.kind == "sdk" else Kind.FRAMEWORK
        names = ["timeout", "retries", "base_url", "key", "tags"]
        if kind is Kind.FRAMEWORK:
            names += ["cap", "stream", "model"]
        facts = {each: self._given(node, scope, product, each, product.names(each)) for each in names}
        if kind is Kind.FRAMEWORK and product.name == "ai-sdk":
            facts["model"] = self.finder.model(node, scope, facts["model"])
        if name.startswith("Azure") and facts["base_url"].state is not State.YES:
            state = State.YES if kind is Kind.CLIENT else State.UNKNOWN
            facts["base_url"] = Fact(state, place(node), "Azure makes an address of its own")
        if product.kind == "agent" and facts["cap"].state is State.NO:
            facts["cap"] = self._of_agent(node, scope, product, facts)
        if kind is Kind.CLIENT:
            facts |= self.around.generates(node, scope)
        written = text(field(node, "constructor") or field(node, "function"))
        return self._site(kind, node, scope, product, "", written if name == "default" else name, "import", facts)

    def _call(self, node: Node, scope: Scope, found: Found) -> Site:
        product, api = found.product, found.api
        embedding = api.kind == "embedding"
        wanted = ["timeout", "retries", "tags", "model", *([] if embedding else ["cap", "stream"])]
        facts = {each: self._given(node, scope, product, each, product.names(each, api), call=True) for each in wanted}
        if product.name == "ai-sdk":
            facts["model"] = self.finder.model(node, scope, facts["model"])
            found = replace(found, client=self.finder.provider(node, scope))
        for each in ("timeout", "retries", "tags", "cap", "model"):
            if each in facts:
                facts[each] = self._joined(facts[each], each, found)
        if not embedding:
            facts["stream"] = self._stream(facts["stream"], node, found)
            facts["cap"] = self._misnamed(_cap(facts["cap"], api), node, scope, found)
        facts |= self.around.facts(node, scope, found, facts)
        kind = Kind.EMBEDDING if embedding else Kind.GENERATION
        site = self._site(kind, node, scope, product, api.name, found.method, found.origin, facts, found)
        if "max_tokens" in api.cap and self._elsewhere(found, facts["model"]):
            # What servers of the same dialect know; only OpenAI's own models ask for the newer name.
            site = replace(site, names=site.names | {"cap": "max_tokens"})
        return site

    def _elsewhere(self, found: Found, fact: Fact) -> bool:
        """Say whether a client is told, literally, to go to another host than its product's or the gateway."""
        client = found.client
        if client is None or client.call is None or client.scope is None:
            return False
        names = client.product.names("base_url")
        address = self._of_client(client.call, client.scope, client.product, "base_url", names, fact).value
        own = (*found.product.hosts, "/t/", ":4100")
        return isinstance(address, str) and not any(each in address for each in own)

    def _misnamed(self, cap: Fact, node: Node, scope: Scope, found: Found) -> Fact:
        """Leave a cap open that is given under the name it has at another API of the product."""
        others = {name for api in found.product.apis for name in api.cap} - {*found.api.cap}
        if cap.state is not State.NO or cap.explicit or not others:
            return cap
        given = self._given(node, scope, found.product, "cap", tuple(sorted(others)), call=True)
        return cap if given.state is State.NO else replace(cap, state=State.UNKNOWN, because="another API's cap")

    def _given(  # noqa: PLR0913, PLR0917  # what is asked of which call
        self, node: Node, scope: Scope, product: Product, parameter: str, names: tuple[str, ...], call: bool = False
    ) -> Fact:
        positions: tuple[int, int | None] = (0, None)
        if call and product.name in _OPTIONS_SECOND:
            # The body comes first, what is asked of the request second: neither hides the other's.
            apart = {"timeout": (1, None), "retries": (1, None), "tags": (0, None)}
            positions = apart.get(parameter, (0, 1))
        opaque = product.opaque.get(parameter, ())
        wanted = Wanted(parameter, names or _NO_SUCH, product.nested, opaque, positions)
        fact = self.arguments.fact(node, scope, wanted)
        if parameter == "key":
            literal = isinstance(fact.value, str) and _KEY.fullmatch(fact.value) is not None
            return replace(fact, value="literal" if literal else None)
        if parameter == "stream" and fact.state is State.YES and fact.value is not True:
            known = fact.value is False
            state, because = (State.NO, fact.because) if known else (State.UNKNOWN, "`stream` is computed")
            return replace(fact, state=state, because=because, explicit=known)
        return fact

    def _of_agent(self, node: Node, scope: Scope, product: Product, facts: dict[str, Fact]) -> Fact:
        """Leave an agent's cap open where its model is an object, or its settings may come with each run."""
        cap = facts["cap"]
        if cap.explicit or product.name == "ai-sdk":
            return cap
        if b"new Runner(" in (self.seen.root.text or b""):
            return replace(cap, state=State.UNKNOWN, because="settings may come with each run")
        entry = self.arguments.entry(node, scope, "model")
        named_so = entry is None or isinstance(facts["model"].value, str) or "process.env" in text(entry.node)
        return cap if named_so else replace(cap, state=State.UNKNOWN, because="its model is made elsewhere")

    def _joined(self, fact: Fact, name: str, found: Found) -> Fact:
        """Let the client decide what the call leaves open."""
        client = found.client
        if fact.state is not State.NO or fact.explicit:
            return fact
        if client is None:
            alone = found.origin == "function" and found.product.kind != "sdk"
            elsewhere = name != "cap" and not (alone and name in {"timeout", "retries"})
            return Fact(State.UNKNOWN, fact.place, "the client is made elsewhere") if elsewhere else fact
        names = client.product.names(name, found.api if client.product is found.product else None)
        if not names and not client.product.opaque.get(name):
            return fact
        for option, scope in reversed(client.options):
            here = self._of_client(option, scope, client.product, name, names, fact)
            if here.state is not State.NO:
                return here
        if client.call is None or client.scope is None:
            known = name == "cap" or client.origin == "package"
            return fact if known else Fact(State.UNKNOWN, fact.place, "the client is made elsewhere")
        if name == "cap":
            return fact
        calls = ((client.call, client.scope), *client.others)
        made = [self._of_client(call, scope, client.product, name, names, fact) for call, scope in calls]
        if any(each.state is not made[0].state for each in made):
            return Fact(State.UNKNOWN, fact.place, "the client is made in several ways")
        if made[0].state is not State.NO or made[0].explicit:
            return made[0]
        address = client.product.names("base_url")
        if name != "tags" or not address:
            return fact
        return by_address(self._of_client(client.call, client.scope, client.product, "base_url", address, fact), fact)

    def _of_client(  # noqa: PLR0913, PLR0917  # what is asked of which call
        self, call: Node, scope: Scope, product: Product, name: str, names: tuple[str, ...], fact: Fact
    ) -> Fact:
        found = self._given(call, scope, product, name, names)
        if scope.file is self.seen:
            return replace(found, span=None, cut=None)
        return replace(found, place=fact.place, because=f"{found.because} in {scope.file.path}", span=None, cut=None)

    def _stream(self, fact: Fact, node: Node, found: Found) -> Fact:
        method = found.method.lower()
        if "stream" in method:
            return Fact(State.YES, place(node), f"`{found.method}` streams", True)
        if not found.product.names("stream"):
            return Fact(State.NO, place(node), f"`{found.method}` waits for the whole answer")
        return fact

    def _broken(self, site: Site) -> Site:
        """Leave every fact open where the code around it could not be parsed."""
        facts = {
            name: fact if fact.state is State.YES else Fact(State.UNKNOWN, fact.place, _BROKEN)
            for name, fact in site.facts.items()
        }
        return replace(site, facts=facts, insert=None)

    def _site(  # noqa: PLR0913, PLR0917  # a record has that many fields
        self, kind: Kind, node: Node, scope: Scope, product: Product, api: str, method: str, origin: str,
        facts: dict[str, Fact], found: Found | None = None,
    ) -> Site:  # fmt: skip
        inside = scope.function
        given = None if inside is None else self.seen.given.get(inside.node.id)
        names, where = insert(kind, node, product, None if found is None else found.api)
        return Site(
            kind, self.seen.path, place(node), end(node), product.name, product.provider, api, method, origin, facts,
            language="typescript", function="" if inside is None else function_name(inside.node, given),
            names=names, insert=where,
        )  # fmt: skip


def _cap(fact: Fact, api: Api) -> Fact:
    """Leave a cap open that the SDK demands, or that may stand in a text."""
    if fact.state is not State.NO or fact.explicit or not (api.cap_mandatory or api.cap_hidden):
        return fact
    because = "the SDK itself asks for a cap" if api.cap_mandatory else "the cap may stand in the body"
    return replace(fact, state=State.UNKNOWN, because=because)
