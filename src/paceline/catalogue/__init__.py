"""What SDKs and frameworks call their things, and what they do when nothing is set.

Owns the YAML data beside this file and its typed reader. Must not import anything of paceline, nor the SDKs it
describes: it is read before every lint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Api", "Catalogue", "CatalogueError", "Defaults", "Product", "load", "read"]

PARAMETERS = ("cap", "timeout", "retries", "base_url", "tags", "stream", "model")
KINDS = ("sdk", "model", "agent")
API_KINDS = ("generation", "embedding")
UNITS = ("s", "ms")


class CatalogueError(ValueError):
    """The data is not of the catalogue's form; the message names the product."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API of a client: where it hangs, its methods, and what its output cap is called; `kind` is of API_KINDS."""

    name: str
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    cap: tuple[str, ...]
    cap_mandatory: bool = False
    versions: str = ""
    kind: str = "generation"


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
    of its own. `opaque` names arguments that may decide a parameter out of sight. `unit` is that of timeouts.
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

    def names(self, parameter: str, api: Api | None = None) -> tuple[str, ...]:
        """Name the arguments that decide a parameter, at one API or at the constructor."""
        return api.cap if api is not None and parameter == "cap" else self.parameters.get(parameter, ())

    def holds(self, dotted: str) -> str | None:
        """Return what follows the module in a dotted name of this product."""
        return next((dotted[len(each) + 1 :] for each in self.modules if dotted.startswith(each + ".")), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All products, and indices over their names."""

    products: tuple[Product, ...]
    by_constructor: dict[str, tuple[Product, ...]] = field(default_factory=dict)

    def product(self, name: str) -> Product:
        """Return the product of that name; raises `KeyError`."""
        return next(each for each in self.products if each.name == name)

    def constructor(self, dotted: str) -> Product | None:
        """Find the product whose constructor a dotted name is."""
        last = dotted.rpartition(".")[2]
        return next((each for each in self.by_constructor.get(last, ()) if each.holds(dotted)), None)

    def function(self, dotted: str) -> tuple[Product, Api, str] | None:
        """Find the API that a dotted name calls without a client."""
        for product in self.products:
            rest = product.holds(dotted)
            if rest is None or not product.apis:
                continue
            if rest in product.functions:
                return product, product.apis[0], rest.rpartition(".")[2]
            for api in product.apis:
                for path in api.paths:
                    if any(rest == f"{path}.{method}".lstrip(".") for method in api.methods):
                        return product, api, rest.rpartition(".")[2]
        return None

    def wrapped(self, dotted: str) -> bool:
        """Say whether a function returns the client that it is given."""
        return any(dotted in product.wrappers for product in self.products)

    def imported(self, dotted: str) -> bool:
        """Say whether an import is of a product."""
        return any(
            dotted == module or dotted.startswith(module + ".") or module.startswith(dotted + ".")
            for product in self.products
            for module in product.modules
        )


@cache
def load(language: str = "python") -> Catalogue:
    """Read the data shipped with paceline for one language, once."""
    return read((files(__name__) / f"{language}.yaml").read_text(encoding="utf-8"))


def read(text: str) -> Catalogue:
    """Read a catalogue from YAML; raises `CatalogueError`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader either way
    products = tuple(_product(name, entry) for name, entry in raw.items())
    index: dict[str, tuple[Product, ...]] = {}
    for product in products:
        for constructor in product.constructors:
            index[constructor] = (*index.get(constructor, ()), product)
    return Catalogue(products, index)


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
            nested=tuple(raw.get("nested", ())),
            apis=tuple(_api(each, entry) for each, entry in raw.get("apis", {}).items()),
            functions=tuple(raw.get("functions", ())),
            wrappers=tuple(raw.get("wrappers", ())),
            instances=tuple(raw.get("instances", ())),
            makers=tuple(raw.get("makers", ())),
            opaque={key: tuple(names) for key, names in opaque.items()},
            unit=_one_of(raw.get("unit", "s"), UNITS),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CatalogueError(f"{name}: {error}") from error


def _api(name: str, raw: dict[str, Any]) -> Api:
    mandatory, versions = raw.get("cap_mandatory", False), raw.get("versions", "")
    kind = _one_of(raw.get("kind", "generation"), API_KINDS)
    return Api(name, tuple(raw["paths"]), tuple(raw["methods"]), tuple(raw.get("cap", ())), mandatory, versions, kind)


def _one_of(word: str, words: tuple[str, ...]) -> str:
    if word not in words:
        raise KeyError(f"{word!r} is none of {', '.join(words)}")
    return word
