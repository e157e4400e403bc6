"""Raw requests to a provider's host in Python: an absolute address, written out or behind a constant.

A path alone proves nothing: most are an application's own routes. Must not know rules.
"""

from __future__ import annotations

import ast
from urllib.parse import urlsplit

from paceline.catalogue import Catalogue
from paceline.lint.resolve import Resolver
from paceline.lint.scopes import Scope, Seen
from paceline.lint.sites import Fact, Kind, Place, Site, State
from paceline.lint.values import place

_VERBS = {"post", "get", "request", "stream", "send", "urlopen", "put", "build_request", "fetch"}
_DEPTH = 4


def http_sites(seen: Seen, resolver: Resolver, catalogue: Catalogue, path: str, data: bytes) -> list[Site]:
    """Find the requests of a file that go to a provider's own host."""
    hosts = [host for host in catalogue.hosts() if host.encode() in data]
    if not hosts:
        return []
    found: list[Site] = []
    for call, scope in seen.calls:
        verb = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if verb not in _VERBS:
            continue
        named = [each.value for each in call.keywords if each.arg in {"url", "fullurl"}]
        for node in [*named, *call.args[:2]]:
            address = _text(node, scope, resolver, _DEPTH)
            host = urlsplit(address).hostname if address.startswith(("https://", "http://")) else None
            provider = next((each for each in hosts if host == each or (host or "").endswith("." + each)), None)
            if provider is not None:
                facts = {"url": Fact(State.YES, place(node), f"it goes to {provider}", address.partition("?")[0])}
                end = Place(call.end_lineno or call.lineno, (call.end_col_offset or 0) + 1)
                name = scope.function.name if scope.function is not None else ""
                found.append(Site(Kind.HTTP, path, place(call), end, "", provider, "", verb, "address", facts,
                                  function=name))  # fmt: skip
                break
    return found


def _text(node: ast.expr, scope: Scope, resolver: Resolver, depth: int) -> str:
    """Return how a text begins, as far as it is literal."""
    if depth <= 0:
        return ""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *rest]):
            begin = _text(first, scope, resolver, depth - 1)
            literal = isinstance(first, ast.Constant)
            return begin + _text(rest[0], scope, resolver, depth - 1) if literal is False and begin and rest else begin
        case ast.FormattedValue(value=value):
            return _text(value, scope, resolver, depth - 1)
        case ast.BinOp(left=left, op=ast.Add()):
            return _text(left, scope, resolver, depth - 1)
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "rstrip" | "strip")):
            return _text(value, scope, resolver, depth - 1)
        case ast.BoolOp(values=values):
            return _text(values[-1], scope, resolver, depth - 1)
        case ast.Call(func=ast.Attribute(attr="getenv" | "get"), args=[_, default]):
            return _text(default, scope, resolver, depth - 1)
        case ast.Name(id=name):
            bound = scope.bindings(name)
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            owner = scope.owner()
            bound = [*owner.attributes.get(name, ()), *owner.names.get(name, ())] if owner is not None else []
        case _:
            return ""
    if len(bound) == 1 and isinstance(bound[0].node, ast.expr):
        return _text(bound[0].node, bound[0].scope, resolver, depth - 1)
    return ""
