"""Prompts that change from call to call: a clock, an identifier, chance or a set early in a system prompt.

A text made at module level is made once, so it is no site. Must not judge.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from paceline.lint.meanings import Local, Ref
from paceline.lint.resolve import Resolver
from paceline.lint.scopes import FunctionNode
from paceline.lint.sites import Fact, Kind, Place, Site, State
from paceline.lint.texts import literal, pieces, written
from paceline.lint.values import place

if TYPE_CHECKING:
    from paceline.lint.scopes import Scope, Seen

EARLY = 4096
"""How many literal characters into a prompt still count as early: about the smallest prefix that is cached."""

_CLOCKS = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.now", "time.time",
    "time.time_ns", "time.ctime", "time.strftime", "time.asctime", "django.utils.timezone.now",
}  # fmt: skip
_CHANCE = {
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid7",
    "secrets.token_hex",
    "random.random",
    "random.randint",
    "random.choice",
}
_DAYS = {"datetime.date.today"}
_LISTINGS = {"os.listdir", "glob.glob", "os.scandir"}
_IDENTITY = re.compile(r"^(?:\w+_)?(?:user|session|request|conversation|thread|trace|chat|customer|message)_?id$", re.I)
_FINE = ("%H", "%I", "%M", "%S", "%f", "%c", "%X", "%T", "%s")


def prompt_sites(seen: Seen, resolver: Resolver, path: str) -> list[Site]:
    """Find the system prompts of a file that are put together at each call."""
    found: dict[Place, Site] = {}
    across, resolver.across = resolver.across, True
    for given, around, name in seen.texts:
        for node, scope in written(given, around, resolver):
            where = place(node)
            if where in found or scope.module is not seen.module or not _each_time(scope, resolver):
                continue
            end = Place(node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1)
            facts = {"stable": _stable(node, scope, resolver), "ordered": _ordered(node, scope, resolver)}
            found[where] = Site(Kind.PROMPT, path, where, end, "", "", "", name, "text", facts)
    resolver.across = across
    return list(found.values())


def _each_time(scope: Scope, resolver: Resolver) -> bool:
    """Say whether what is made here is made again and again, not only while modules are loaded."""
    if isinstance(scope.node, ast.Lambda):
        return True
    function = scope.function
    if function is None:
        return False
    calls = resolver.calls_of(function.name)
    rerun = "streamlit" in resolver.seen.imports  # Streamlit runs its script anew at each interaction.
    return rerun or not calls or any(around.parent is not None for _, around in calls)


def _stable(node: ast.expr, scope: Scope, resolver: Resolver) -> Fact:
    """Decide whether the beginning of a prompt stays the same: *no* needs a clock or chance in sight."""
    before = 0
    unknown: Fact | None = None
    for part in pieces(node, scope, resolver):
        if isinstance(part, ast.Constant):
            before += len(str(part.value))
            continue
        if before >= EARLY:
            break
        grain = _volatile(part, scope, resolver)
        if grain is not None:
            return Fact(State.NO, place(part), f"{grain[1]} after {before} characters", grain[0])
        before += _length(part, scope)
        unknown = unknown or Fact(State.UNKNOWN, place(part), "what is put in may change")
    return unknown or Fact(State.YES, place(node), "the beginning is literal")


def _ordered(node: ast.expr, scope: Scope, resolver: Resolver) -> Fact:
    """Decide whether what is put into a prompt has an order: *no* needs a set or a listing of files in sight."""
    for part in pieces(node, scope, resolver):
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        found = _unordered(inner, scope, resolver)
        if found:
            return Fact(State.NO, place(part), found)
    return Fact(State.YES, place(node), "no set in sight")


def _unordered(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 3) -> str:
    """Name what has no order of its own, unless it is sorted on the way."""
    match node:
        case ast.Set() | ast.SetComp():
            return "a set"
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return "a set"
        case ast.Call(func=ast.Name(id="list" | "tuple" | "str" | "repr" | "enumerate"), args=[inner, *_]):
            return _unordered(inner, scope, resolver, depth)
        case ast.Call(func=ast.Attribute(attr="join"), args=[inner]):
            return _unordered(inner, scope, resolver, depth)
        case ast.Call(func=ast.Attribute(attr="dumps"), args=[inner, *_]):
            return _unordered(inner, scope, resolver, depth)
        case ast.GeneratorExp(generators=[ast.comprehension(iter=inner)]):
            return _unordered(inner, scope, resolver, depth)
        case ast.ListComp(generators=[ast.comprehension(iter=inner)]):
            return _unordered(inner, scope, resolver, depth)
        case ast.Call():
            value = resolver.value(node.func, scope)
            return "a listing of files" if isinstance(value, Ref) and value.dotted in _LISTINGS else ""
        case ast.Name(id=name) if depth > 0:
            bindings = scope.names.get(name, [])
            if len(bindings) == 1 and bindings[0].sort == "value" and isinstance(bindings[0].node, ast.expr):
                return _unordered(bindings[0].node, scope, resolver, depth - 1)
    return ""


def _length(node: ast.expr, scope: Scope) -> int:
    """Return how long a piece is that is literal behind its name."""
    if isinstance(node, ast.Name):
        bindings = scope.bindings(node.id)
        if len(bindings) == 1 and isinstance(bindings[0].node, ast.Constant):
            return len(str(bindings[0].node.value))
    return 0


def system_facts(call: ast.Call, scope: Scope, data: bytes) -> dict[str, Fact]:
    """Say how long a literal system prompt is that a call is given, and whether the call marks it for the cache."""
    given = next((each.value for each in call.keywords if each.arg == "system"), None)
    marker = Fact(State.NO, place(call), "no `cache_control` in the file")
    if b"cache_control" in data:
        here = _marked(call, scope)
        marker = Fact(State.YES if here else State.UNKNOWN, place(call), "`cache_control`")
    elif any(each.arg is None for each in call.keywords):
        marker = Fact(State.UNKNOWN, place(call), "`**` hides arguments")
    facts = {"marker": marker}
    tools = any(each.arg == "tools" for each in call.keywords)
    length = _literal_length(given, scope) if given is not None else None
    if length is not None and not (tools and marker.state is State.YES):
        facts["prefix"] = Fact(State.YES, place(call), f"{length} characters", length)
    return facts


def _marked(call: ast.Call, scope: Scope) -> bool:
    """Say whether a call, or what its arguments are bound to, has a cache marker."""
    nodes = [keyword.value for keyword in call.keywords]
    for name in [each.id for each in nodes if isinstance(each, ast.Name)]:
        nodes += [each.node for each in scope.bindings(name) if isinstance(each.node, ast.expr)]
    named = any(keyword.arg == "cache_control" for keyword in call.keywords)
    return named or any(isinstance(each, ast.Constant) and each.value == "cache_control"
                        for node in nodes for each in ast.walk(node))  # fmt: skip


def _literal_length(node: ast.expr, scope: Scope, depth: int = 4) -> int | None:
    """Return the length of a text that is literal throughout, or of a list of blocks of such text."""
    if depth <= 0:
        return None
    match node:
        case ast.Constant(value=str(text)):
            return len(text)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            one, other = _literal_length(left, scope, depth - 1), _literal_length(right, scope, depth - 1)
            return one + other if one is not None and other is not None else None
        case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=str(text)), right=ast.Constant(value=int(times))):
            return len(text) * times
        case ast.List(elts=[*blocks]):
            lengths = [_literal_length(each, scope, depth - 1) for each in blocks]
            return sum(each for each in lengths if each is not None) if None not in lengths else None
        case ast.Dict(keys=keys, values=values):
            texts = [value for key, value in zip(keys, values, strict=True)
                     if isinstance(key, ast.Constant) and key.value == "text"]  # fmt: skip
            return _literal_length(texts[0], scope, depth - 1) if texts else None
        case ast.Name(id=name):
            bound = scope.bindings(name)
            if len(bound) == 1 and bound[0].sort == "value" and isinstance(bound[0].node, ast.expr):
                return _literal_length(bound[0].node, bound[0].scope, depth - 1)
    return None


def _volatile(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 6) -> tuple[str, str] | None:
    """Return the grain (`fine`, `day` or `identity`) and the name of what changes."""
    if depth <= 0:
        return None
    match node:
        case ast.FormattedValue(value=value, format_spec=form):
            return _coarse(_volatile(value, scope, resolver, depth), _literal(form))
        case ast.IfExp(body=one, orelse=other):
            return _agreed([_volatile(each, scope, resolver, depth) for each in (one, other)])
        case ast.JoinedStr(values=values):
            return next(filter(None, (_volatile(each, scope, resolver, depth) for each in values)), None)
        case ast.Call():
            return _called(node, scope, resolver, depth)
        case ast.Name(id=name) | ast.Attribute(attr=name) if _IDENTITY.match(name):
            return "identity", f"`{name}`"
        case ast.Attribute(value=value, attr=attr):
            inner = _volatile(value, scope, resolver, depth)
            return ("day", inner[1]) if inner is not None and attr in {"year", "month", "day"} else inner
        case ast.Name(id=name):
            ways = [(each.node if each.sort == "value" else None, each.scope) for each in scope.names.get(name, [])]
            return _agreed([_volatile(way, where, resolver, depth - 1) if isinstance(way, ast.expr) else None
                            for way, where in ways])  # fmt: skip
    return None


def _agreed(grains: list[tuple[str, str] | None]) -> tuple[str, str] | None:
    """Return what several ways to a value have in common: it changes only where it does on each."""
    told = [each for each in grains if each is not None]
    if not told or len(told) < len(grains):
        return None
    return next((each for each in told if each[0] == "day"), told[0])


def _called(node: ast.Call, scope: Scope, resolver: Resolver, depth: int) -> tuple[str, str] | None:
    """Judge a call: a clock or chance itself, a method of one, a text made of one, a function that returns one."""
    value = resolver.value(node.func, scope)
    dotted = value.dotted if isinstance(value, Ref) else ""
    if isinstance(value, Local) and isinstance(value.node, FunctionNode) and not value.node.decorator_list:
        inner_scope = resolver.scopes[value.node]
        return _agreed([_volatile(each, inner_scope, resolver, depth - 2) for each in inner_scope.returns])
    if dotted in _CHANCE:
        return "fine", f"`{dotted}`"
    if dotted in _CLOCKS:
        grain = ("fine", f"`{dotted}`")
        return _coarse(grain, _form(node, scope, resolver)) if dotted == "time.strftime" else grain
    if dotted in _DAYS:
        return "day", f"`{dotted}`"
    if isinstance(node.func, ast.Attribute):
        inner = _volatile(node.func.value, scope, resolver, depth)
        if node.func.attr == "date" and inner is not None:
            return "day", inner[1]
        return _coarse(inner, _form(node, scope, resolver)) if node.func.attr == "strftime" else inner
    if isinstance(node.func, ast.Name) and node.func.id in {"str", "repr", "int", "round"}:
        return next(filter(None, (_volatile(each, scope, resolver, depth) for each in node.args)), None)
    return None


def _form(node: ast.Call, scope: Scope, resolver: Resolver) -> str:
    """Return the form that a time is written in; one that is not in sight may well be that of a day."""
    given = node.args[0] if node.args else None
    return (literal(given, scope, resolver) if given is not None else None) or _literal(given) or "%Y"


def _coarse(grain: tuple[str, str] | None, form: str | None) -> tuple[str, str] | None:
    if grain is None or not form:
        return grain
    return grain if any(mark in form for mark in _FINE) else ("day", grain[1])


def _literal(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) for each in node.values if isinstance(each, ast.Constant))
    return None
