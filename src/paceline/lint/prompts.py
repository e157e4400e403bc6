"""Prompts that change from call to call: a clock, an identifier or chance early in a system prompt.

A text made at module level is made once, so it is no site. Must not judge.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paceline.lint.facts import place
from paceline.lint.resolve import Ref, Resolver
from paceline.lint.sites import Fact, Kind, Place, Site, State

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
_FINE = ("%H", "%I", "%M", "%S", "%f", "%c", "%X", "%T", "%s")


def prompt_sites(seen: Seen, resolver: Resolver, path: str) -> list[Site]:
    """Find the system prompts of a file that are put together at each call."""
    found: dict[Place, Site] = {}
    for node, scope, name in seen.texts:
        if scope.function is None:
            continue
        fact = _stable(node, scope, resolver)
        end = Place(node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1)
        where = place(node)
        facts = {"stable": fact}
        found[where] = Site(Kind.PROMPT, path, where, end, "", "", "", name, "text", facts)
    return list(found.values())


def _stable(node: ast.expr, scope: Scope, resolver: Resolver) -> Fact:
    """Decide whether the beginning of a prompt stays the same: *no* needs a clock or chance in sight."""
    before = 0
    unknown: Fact | None = None
    for part in _parts(node):
        if isinstance(part, ast.Constant):
            before += len(str(part.value))
            continue
        if before >= EARLY:
            break
        grain = _volatile(part, scope, resolver)
        if grain is not None:
            return Fact(State.NO, place(part), f"{grain[1]} after {before} characters", grain[0])
        unknown = unknown or Fact(State.UNKNOWN, place(part), "what is put in may change")
    return unknown or Fact(State.YES, place(node), "the beginning is literal")


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        return [each.value if isinstance(each, ast.FormattedValue) and each.format_spec is None else each
                for each in node.values]  # fmt: skip
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_parts(node.left), *_parts(node.right)]
    return [node]


def _volatile(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 3) -> tuple[str, str] | None:
    """Return the grain (`fine` or `day`) and the name of what changes."""
    if isinstance(node, ast.FormattedValue):
        return _coarse(_volatile(node.value, scope, resolver, depth), _literal(node.format_spec))
    if isinstance(node, ast.Call):
        value = resolver.value(node.func, scope)
        dotted = value.dotted if isinstance(value, Ref) else ""
        if dotted in _CHANCE:
            return "fine", f"`{dotted}`"
        if dotted in _CLOCKS:
            grain = ("fine", f"`{dotted}`")
            return _coarse(grain, _literal(node.args[0])) if dotted == "time.strftime" and node.args else grain
        if dotted in _DAYS:
            return "day", f"`{dotted}`"
        if isinstance(node.func, ast.Attribute):
            inner = _volatile(node.func.value, scope, resolver, depth)
            if node.func.attr == "date" and inner is not None:
                return "day", inner[1]
            if node.func.attr == "strftime" and node.args:
                return _coarse(inner, _literal(node.args[0]))
            return inner
        return (
            next(filter(None, (_volatile(each, scope, resolver, depth) for each in node.args)), None)
            if (isinstance(node.func, ast.Name) and node.func.id in {"str", "repr", "int", "round"})
            else None
        )
    if isinstance(node, ast.Attribute):
        inner = _volatile(node.value, scope, resolver, depth)
        return ("day", inner[1]) if inner is not None and node.attr in {"year", "month", "day"} else inner
    if isinstance(node, ast.Name) and depth > 0:
        bindings = scope.names.get(node.id, [])
        if len(bindings) == 1 and bindings[0].sort == "value" and isinstance(bindings[0].node, ast.expr):
            return _volatile(bindings[0].node, scope, resolver, depth - 1)
    return None


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
