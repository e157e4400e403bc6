"""Texts in Python: where one that a call is given is written, and the pieces that it is put together from.

Follows names, functions that return a text, and templates that are filled in. Must not judge.
"""

from __future__ import annotations

import ast
import re
import string
from typing import TYPE_CHECKING

from paceline.lint import siblings
from paceline.lint.meanings import Local
from paceline.lint.resolve import Resolver
from paceline.lint.scopes import FunctionNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from paceline.lint.scopes import Scope

    _Take = Callable[[re.Match[str]], ast.expr | None]

Text = tuple[ast.expr, "Scope"]
FILLS = frozenset({"format", "join", "substitute", "safe_substitute", "replace", "format_map"})
"""Methods that make a text of pieces."""
_PLACES = re.compile(r"%(?:\((\w+)\))?[-+ #0-9.*]*([a-zA-Z%])")
_DOLLARS = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_LAST = 1_000_000_000


def written(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 5) -> list[Text]:
    """List the expressions that a text is put together by, each with the scope it stands in."""
    if depth <= 0:
        return []
    match node:
        case ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
            return [(node, scope)]
        case ast.Lambda(body=body):
            return written(body, resolver.scopes[node], resolver, depth - 1)
        case ast.IfExp(body=one, orelse=other):
            return [each for side in (one, other) for each in written(side, scope, resolver, depth - 1)]
        case ast.Await(value=awaited):
            return written(awaited, scope, resolver, depth)
        case ast.Name():
            return _named(node, scope, resolver, depth)
        case ast.List(elts=[ast.Dict(keys=keys, values=values), *_]):
            blocks = [value for key, value in zip(keys, values, strict=True)
                      if isinstance(key, ast.Constant) and key.value == "text"]  # fmt: skip
            return written(blocks[0], scope, resolver, depth - 1) if blocks else []
        case ast.Call() if (inner := tidied(node)) is not None:
            return written(inner, scope, resolver, depth)
        case ast.Call(func=ast.Attribute(attr=method)) if method in FILLS:
            return [(node, scope)]
        case ast.Call():
            return _returned(resolver.value(node.func, scope), resolver, depth)
    return []


def _named(node: ast.Name, scope: Scope, resolver: Resolver, depth: int) -> list[Text]:
    found: list[Text] = []
    for each in scope.at(node):
        if each.sort == "value" and isinstance(each.node, ast.expr):
            found += written(each.node, each.scope, resolver, depth - 1)
        elif each.sort == "function" and each.node is not None:
            found += _returned(Local(each.node, each.scope), resolver, depth)
    return found


def _returned(value: object, resolver: Resolver, depth: int) -> list[Text]:
    """List the texts that a function of the file returns."""
    if not isinstance(value, Local) or not isinstance(value.node, FunctionNode) or value.node.decorator_list:
        return []
    inner = resolver.scopes[value.node]
    return [each for way in inner.returns for each in written(way, inner, resolver, depth - 1)]


def tidied(node: ast.Call) -> ast.expr | None:
    """Return what a call only tidies up: `dedent(f"…")`, `f"…".strip()`."""
    match node.func:
        case ast.Attribute(value=inner, attr="strip" | "lstrip" | "rstrip"):
            return inner
        case ast.Name(id="dedent" | "cleandoc") | ast.Attribute(attr="dedent" | "cleandoc") if node.args:
            return node.args[0]
    return None


def pieces(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 6) -> list[ast.expr]:
    """Take a text apart: literal pieces, and what is put between them."""
    if depth <= 0:
        return [node]
    match node:
        case ast.JoinedStr(values=values):
            return [each.value if isinstance(each, ast.FormattedValue) and each.format_spec is None else each
                    for each in values]  # fmt: skip
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [*pieces(left, scope, resolver, depth - 1), *pieces(right, scope, resolver, depth - 1)]
        case ast.BinOp(op=ast.Mod(), left=left, right=given):
            text = literal(left, scope, resolver)
            return _percent(text, given) if text is not None else [node]
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.List(elts=parts) | ast.Tuple(elts=parts)]):
            return [piece for part in parts for piece in pieces(part, scope, resolver, depth - 1)]
        case ast.Call(func=ast.Attribute(value=base, attr="format")):
            text = literal(base, scope, resolver)
            return _braces(text, node) if text is not None else [node]
        case ast.Call(func=ast.Attribute(value=base, attr="replace"), args=[ast.Constant(value=str(mark)), value]):
            return _replaced(pieces(base, scope, resolver, depth - 1), mark, value, scope, resolver)
        case ast.Call(func=ast.Attribute(value=base, attr="substitute" | "safe_substitute")):
            text = _of_template(base, scope, resolver)
            names = {keyword.arg: keyword.value for keyword in node.keywords}
            return _filled(text, _DOLLARS, lambda match: names.get(match[1] or match[2])) if text else [node]
        case _:
            return [node]


def literal(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 4) -> str | None:
    """Return a text that is literal, here, behind a name, or in a file beside this one."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Call() if (inner := tidied(node)) is not None and depth > 0:
            return literal(inner, scope, resolver, depth - 1)
        case ast.BinOp(op=ast.Add(), left=left, right=right) if depth > 0:
            one, other = literal(left, scope, resolver, depth - 1), literal(right, scope, resolver, depth - 1)
            return one + other if one is not None and other is not None else None
        case ast.Name(id=name) if depth > 0:
            bound = scope.bindings(name)
            if len(bound) == 1 and bound[0].sort == "value" and isinstance(bound[0].node, ast.expr):
                return literal(bound[0].node, bound[0].scope, resolver, depth - 1)
            if len(bound) == 1 and bound[0].sort == "import":
                found = siblings.look_up(bound[0].dotted, resolver.path)
                there = ast.Name(id=found[1], lineno=_LAST) if found is not None else None
                return literal(there, found[0].module, resolver, depth - 2) if found and there else None
    return None


def _braces(text: str, node: ast.Call) -> list[ast.expr]:
    """Read `"… {day} …".format(day=…)` as the pieces that it makes."""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    parts: list[ast.expr] = []
    position = 0
    try:
        for before, name, form, _ in string.Formatter().parse(text):
            parts.append(ast.Constant(before))
            if name is None:
                continue
            first = re.split(r"[.\[]", name)[0]
            at = int(first) if first.isdecimal() else position
            position += first == ""
            value = given.get(first) if first and not first.isdecimal() else dict(enumerate(node.args)).get(at)
            if value is not None:
                parts.append(_formatted(value, form) if form else value)
    except ValueError:
        return [node]
    return parts


def _formatted(value: ast.expr, form: str) -> ast.expr:
    spec = ast.JoinedStr(values=[ast.Constant(form)])
    return ast.copy_location(ast.FormattedValue(value=value, conversion=-1, format_spec=spec), value)


def _percent(text: str, given: ast.expr) -> list[ast.expr]:
    """Read `"… %s …" % (day,)` as the pieces that it makes."""
    named = {key.value: value for key, value in zip(given.keys, given.values, strict=True)
             if isinstance(key, ast.Constant)} if isinstance(given, ast.Dict) else {}  # fmt: skip
    row = iter(given.elts if isinstance(given, ast.Tuple) else [given])

    def take(match: re.Match[str]) -> ast.expr | None:
        if match[2] == "%":
            return None
        return named.get(match[1]) if match[1] else next(row, None)

    return _filled(text, _PLACES, take)


def _filled(text: str, places: re.Pattern[str], take: _Take) -> list[ast.expr]:
    parts: list[ast.expr] = []
    end = 0
    for match in places.finditer(text):
        value = take(match)
        parts.append(ast.Constant(text[end : match.start()]))
        parts += [value] if value is not None else []
        end = match.end()
    return [*parts, ast.Constant(text[end:])]


def _replaced(parts: list[ast.expr], mark: str, value: ast.expr, scope: Scope, resolver: Resolver) -> list[ast.expr]:
    """Put a value into each literal piece where its mark stands."""
    found: list[ast.expr] = []
    for part in parts:
        text = literal(part, scope, resolver)
        if text is None or not mark or mark not in text:
            found.append(part)
            continue
        for at, piece in enumerate(text.split(mark)):
            found += [*([value] if at else []), ast.Constant(piece)]
    return found


def _of_template(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 3) -> str | None:
    """Return the text of a `string.Template`, here or behind a name."""
    match node:
        case ast.Call(func=ast.Name(id="Template") | ast.Attribute(attr="Template"), args=[text]):
            return literal(text, scope, resolver)
        case ast.Name(id=name) if depth > 0:
            bound = scope.bindings(name)
            if len(bound) == 1 and bound[0].sort == "value" and isinstance(bound[0].node, ast.expr):
                return _of_template(bound[0].node, bound[0].scope, resolver, depth - 1)
    return None
