"""What SDKs and frameworks call their things, and what they do when nothing is set.

Owns the YAML data beside this file and its typed reader. Must not import anything of paceline, nor the SDKs it
describes: it is read before every lint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Api", "Catalogue", "CatalogueError", "Defaults", "Product", "load", "read", "top_tier"]

PARAMETERS = ("cap", "timeout", "retries", "base_url", "key", "tags", "stream", "model")
KINDS = ("sdk", "model", "agent")
API_KINDS = ("generation", "embedding")
UNITS = ("s", "ms")
_LISTS = (
    "nested", "functions", "wrappers", "instances", "makers", "packages", "async_methods", "inside",
)  # fmt: skip


class CatalogueError(ValueError):
    """The data is not of the catalogue's form; the message names the product."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API of a client: where it hangs, its methods, and what its output cap is called; `kind` is of API_KINDS.

    `shape` are the arguments that tell such a call where nothing tells what it is made on. `usage` holds where a
    stream reports its tokens only when asked. `cap_hidden`: the cap stands in a text, so its absence proves nothing.
    """

    name: str
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    cap: tuple[str, ...]
    kind: str = "generation"
    cap_mandatory: bool = False
    cap_hidden: bool = False
    usage: bool = False
    shape: tuple[str, ...] = ()
    versions: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What happens when nothing is set. `timeout_s` None means that it waits for ever."""

    timeout_s: float | None
    retries: int
    cap: str | int | None


@dataclass(frozen=True, slots=True)
class Product:
    """One SDK or framework.

    `instances` are names of a module that are ready clients, `makers` methods of a client that give one with options
    of its own. `opaque` names arguments that may decide a parameter out of sight. `unit` is that of timeouts. `caps`
    are the caps that single constructors set by themselves. `program` are names of the module that set a parameter for
    the whole program. `first` is the parameter that may stand first without its name. `inside` are parameters that
    stand only within a settings object. `packages` is what manifests call it.
    """

    name: str
    provider: str
    kind: str
    versions: str
    sources: tuple[str, ...]
    modules: tuple[str, ...]
    constructors: tuple[str, ...]
    hosts: tuple[str, ...]
    environment: dict[str, tuple[str, ...]]
    defaults: Defaults
    parameters: dict[str, tuple[str, ...]]
    nested: tuple[str, ...] = ()
    apis: tuple[Api, ...] = ()
    functions: tuple[str, ...] = ()
    wrappers: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()
    opaque: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unit: str = "s"
    packages: tuple[str, ...] = ()
    async_methods: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    first: str = ""
    caps: dict[str, int] = field(default_factory=dict)
    program: dict[str, str] = field(default_factory=dict)

    def names(self, parameter: str, api: Api | None = None) -> tuple[str, ...]:
        """Name the arguments that decide a parameter, at one API or at the constructor."""
        return api.cap if api is not None and parameter == "cap" else self.parameters.get(parameter, ())

    def holds(self, dotted: str) -> str | None:
        """Return what follows the module in a dotted name of this product."""
        for each in self.modules:
            if dotted.startswith(each) and dotted[len(each) : len(each) + 1] in {".", "/"}:
                return dotted[len(each) + 1 :]
        return None

    def cap_by_default(self, constructor: str) -> int | None:
        """Return the cap that is sent when none is set, where one is."""
        cap = self.caps.get(constructor, self.defaults.cap)
        return cap if isinstance(cap, int) else None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All products, and indices over their names."""

    products: tuple[Product, ...]
    by_constructor: dict[str, tuple[Product, ...]] = field(default_factory=dict)
    by_function: dict[str, tuple[Product, ...]] = field(default_factory=dict)
    methods: frozenset[str] = frozenset()
    """The last names of every call to an API."""
    roots: frozenset[str] = frozenset()
    """The first names of every module."""

    def product(self, name: str) -> Product:
        """Return the product of that name; raises `KeyError`."""
        found = next((each for each in self.products if each.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def constructor(self, dotted: str) -> Product | None:
        """Find the product whose constructor a dotted name is."""
        last = dotted.rpartition(".")[2]
        return next((each for each in self.by_constructor.get(last, ()) if each.holds(dotted)), None)

    def function(self, dotted: str) -> tuple[Product, Api, str] | None:
        """Find the API that a dotted name calls without a client."""
        last = dotted.rpartition(".")[2]
        for product in self.by_function.get(last, ()):
            rest = product.holds(dotted)
            if rest is None:
                continue
            for api in product.apis:
                if any(rest == f"{path}.{method}".lstrip(".") for path in api.paths for method in api.methods):
                    return product, api, last
            if rest in product.functions:
                return product, product.apis[0], last
        return None

    def wrapped(self, dotted: str) -> bool:
        """Say whether a function returns the client that it is given."""
        return any(dotted in product.wrappers for product in self.products)

    def imported(self, dotted: str) -> bool:
        """Say whether an import is of a product."""
        if dotted.partition(".")[0] not in self.roots:
            return False
        return any(
            dotted == module or dotted.startswith(module + ".") or module.startswith(dotted + ".")
            for product in self.products
            for module in product.modules
        )

    def hosts(self) -> tuple[str, ...]:
        """List the hosts of all providers."""
        return tuple(dict.fromkeys(host for product in self.products for host in product.hosts))


@cache
def load(language: str = "python") -> Catalogue:
    """Read the data shipped with paceline for one language, once."""
    return read((Path(__file__).parent / f"{language}.yaml").read_text(encoding="utf-8"))


def top_tier(model: str) -> bool:
    """Say whether a model is of the top price tier: its name, without a provider in front."""
    bare = model.rpartition("/")[2].rpartition(":")[2] or model
    return any(fnmatchcase(bare, pattern) for pattern in _tiers())


@cache
def _tiers() -> tuple[str, ...]:
    import yaml

    raw = yaml.safe_load((Path(__file__).parent / "tiers.yaml").read_text(encoding="utf-8"))
    return tuple(raw["patterns"])


def read(text: str) -> Catalogue:
    """Read a catalogue from YAML; raises `CatalogueError`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader either way
    products = tuple(_product(name, entry) for name, entry in raw.items())
    constructors: dict[str, tuple[Product, ...]] = {}
    functions: dict[str, tuple[Product, ...]] = {}
    for product in products:
        for name in product.constructors:
            constructors[name] = (*constructors.get(name, ()), product)
        methods = {method for api in product.apis for method in api.methods}
        for name in methods | {each.rpartition(".")[2] for each in product.functions}:
            functions[name] = (*functions.get(name, ()), product)
    roots = frozenset(module.partition(".")[0] for product in products for module in product.modules)
    return Catalogue(products, constructors, functions, frozenset(functions), roots)


def _product(name: str, raw: dict[str, Any]) -> Product:
    try:
        if raw["kind"] not in KINDS or not raw["sources"] or not raw["versions"]:
            raise CatalogueError(f"{name}: needs a known kind, sources and versions")
        opaque = raw.get("opaque", {})
        unknown = {*raw["parameters"], *opaque} - set(PARAMETERS)
        if unknown:
            raise CatalogueError(f"{name}: no such parameters: {', '.join(sorted(unknown))}")
        return Product(
            name=name,
            provider=raw["provider"],
            kind=raw["kind"],
            versions=raw["versions"],
            sources=tuple(raw["sources"]),
            modules=tuple(raw["modules"]),
            constructors=tuple(raw["constructors"]),
            hosts=tuple(raw["hosts"]),
            environment={key: tuple(names) for key, names in raw["environment"].items()},
            defaults=Defaults(**raw["defaults"]),
            parameters={key: tuple(names) for key, names in raw["parameters"].items()},
            apis=tuple(_api(each, entry) for each, entry in raw.get("apis", {}).items()),
            opaque={key: tuple(names) for key, names in opaque.items()},
            unit=_one_of(raw.get("unit", "s"), UNITS),
            first=raw.get("first", ""),
            caps=dict(raw.get("caps", {})),
            program=dict(raw.get("program", {})),
            **{key: tuple(raw.get(key, ())) for key in _LISTS},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CatalogueError(f"{name}: {error}") from error


def _api(name: str, raw: dict[str, Any]) -> Api:
    rest = {key: value for key, value in raw.items() if key not in {"paths", "methods", "cap", "shape"}}
    _one_of(rest.get("kind", "generation"), API_KINDS)
    shape = tuple(raw.get("shape", ()))
    return Api(name, tuple(raw["paths"]), tuple(raw["methods"]), tuple(raw.get("cap", ())), shape=shape, **rest)


def _one_of(word: str, words: tuple[str, ...]) -> str:
    if word not in words:
        raise KeyError(f"{word!r} is none of {', '.join(words)}")
    return word
