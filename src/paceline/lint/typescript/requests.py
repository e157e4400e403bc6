"""Raw requests to a provider's own host: fetch, axios and their like.

Must not judge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from paceline.lint.sites import Fact, Kind, Site, State
from paceline.lint.typescript.facts import Arguments
from paceline.lint.typescript.syntax import end, field, key, named, place, plain, string, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.catalogue import Catalogue
    from paceline.lint.typescript.scopes import Scope

_CALLED = frozenset({"fetch", "axios", "got", "ky", "superagent", "undici", "request", "$fetch", "ofetch", "needle"})
_VERBS = frozenset({"post", "get", "put", "request", "create", "fetch", "extend", "stream"})
_LISTS = re.compile(
    r"/(?:models|files|containers|batches|assistants|threads|vector_stores|usage|organization)\b(?!.*:(?:generate|stream|embed|predict))"
)
"""What calls no model: lists, files and accounts."""
_URL_MAX = 200
_START = re.compile(r"^https?://[^/`$'\"\s]+[^`$'\"\s]*")


def request_site(node: Node, scope: Scope, arguments: Arguments, catalogue: Catalogue, path: str) -> Site | None:
    """Make a site of a call that sends a request to a provider's host; None for any other call."""
    function = plain(field(node, "function"))
    if function is None or not _sends(function):
        return None
    method = text(function)[:40]
    given = named(field(node, "arguments"))
    if not given:
        return None
    url = _address(given[0], scope) or _listed(node, scope, arguments)
    if url is None:
        return None
    name = _host(url)
    if _LISTS.search(text(given[0])[:_URL_MAX]):
        return None
    product = next(
        (each for each in catalogue.products if any(f".{name}".endswith(f".{host}") for host in each.hosts)), None
    )
    if product is None:
        return None
    facts = {"url": Fact(State.YES, place(given[0]), f"it goes to {product.provider}", url.partition("?")[0])}
    return Site(
        Kind.HTTP, path, place(node), end(node), product.name, product.provider, "", method, "import", facts,
        language="typescript",
    )  # fmt: skip


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _sends(function: Node) -> bool:
    if function.type == "identifier":
        return text(function) in _CALLED
    if function.type != "member_expression" or key(field(function, "property")) not in _VERBS:
        return False
    base = plain(field(function, "object"))
    last = "" if base is None else (text(base) if base.type == "identifier" else key(field(base, "property")) or "")
    return any(
        word in last.lower() for word in ("axios", "http", "got", "ky", "request", "undici", "globalthis", "window")
    )


def _listed(node: Node, scope: Scope, arguments: Arguments) -> str | None:
    for name in ("url", "baseURL", "prefixUrl"):
        entry = arguments.entry(node, scope, name)
        found = None if entry is None or entry.doubt else _address(entry.node, entry.scope)
        if found is not None:
            return found
    return None


def _address(node: Node, scope: Scope, depth: int = 3) -> str | None:
    """Return the literal beginning of an address."""
    inner = plain(node)
    if inner is None or depth <= 0:
        return None
    whole = string(inner)
    if whole is not None:
        return whole if _START.match(whole) else None
    if inner.type == "template_string":
        begun = _START.match(text(inner)[1:])
        if begun is not None:
            return begun[0]
        parts = named(inner)
        opening = parts[0] if parts and text(inner).startswith("`${") else None
        held = None if opening is None else next(iter(named(opening)), None)
        return None if held is None else _address(held, scope, depth - 1)
    if inner.type == "binary_expression" and text(field(inner, "operator")) == "+":
        left = field(inner, "left")
        return None if left is None else _address(left, scope, depth - 1)
    if inner.type in {"identifier", "shorthand_property_identifier"}:
        bindings = scope.bindings(text(inner))
        if len(bindings) == 1 and bindings[0].sort == "value" and bindings[0].node is not None and not bindings[0].path:
            return _address(bindings[0].node, bindings[0].scope, depth - 1)
    return None
