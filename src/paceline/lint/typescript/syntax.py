"""From bytes to a syntax tree: which grammar, script blocks of Vue and Svelte, and small questions about nodes.

Owns all that knows tree-sitter's parsers; they are made once a process. Must not know scopes or SDKs.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from paceline.lint.fronts import UnreadableError
from paceline.lint.sites import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

WRAPPERS = frozenset(
    {
        "parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "type_assertion",
        "await_expression", "instantiation_expression",
    }
)  # fmt: skip
FUNCTIONS = frozenset(
    {
        "function_declaration", "function_expression", "function", "arrow_function", "method_definition",
        "generator_function", "generator_function_declaration",
    }
)  # fmt: skip
CLASSES = frozenset({"class_declaration", "abstract_class_declaration", "class"})
_CASTS = frozenset({"as_expression", "satisfies_expression"})
_NOTHING = frozenset({"undefined", "null"})
_VOID = frozenset({"undefined", "void 0"})

_EMBEDDED = (".vue", ".svelte")
_SCRIPT = re.compile(rb"<script\b([^>]*)>")
_LANG = re.compile(rb"""\blang\s*=\s*["']?(\w+)""")
_NO_CODE = re.compile(rb"""\btype\s*=\s*["']?(?!module|text/(?:java|type)script|application/javascript)\w""")
_TYPE_OF_IMPORT = re.compile(rb"""\btypeof[ ]+import\([ ]*["'][^"'\n]*["'][ ]*\)""")
_LETTERS = re.compile(rb"[^\n]")


def parse(data: bytes, path: str) -> Node:
    """Parse a file; raises `UnreadableError` where next to nothing of it is code."""
    if b"\0" in data:
        raise UnreadableError("holds null bytes")
    suffix = path[path.rfind(".") :].lower()
    grammar = "typescript" if suffix in {".ts", ".mts", ".cts"} else "tsx" if suffix == ".tsx" else "javascript"
    if suffix in _EMBEDDED:
        data, grammar = _scripts(data)
    root = _parser(grammar).parse(data).root_node
    if root.has_error and _TYPE_OF_IMPORT.search(data):
        # The grammar does not know `f<typeof import("x")>()`; a name of the same length changes no place.
        root = _parser(grammar).parse(_TYPE_OF_IMPORT.sub(_any, data)).root_node
    if root.has_error and grammar == "javascript":
        # Types in a .js file are Flow's, most of which TypeScript reads.
        other = _parser("tsx").parse(data).root_node
        root = other if not other.has_error else root
    if root.type == "ERROR" and 2 * _understood(root) < root.end_byte - root.start_byte:
        raise UnreadableError(f"cannot be parsed (line {_first_error(root)})")
    return root


@cache
def _parser(grammar: str) -> Parser:
    if grammar == "javascript":
        return Parser(Language(tree_sitter_javascript.language()))
    if grammar == "tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_typescript.language_typescript()))


def _scripts(data: bytes) -> tuple[bytes, str]:
    """Blank all but the script blocks, so that places stay what they are; blocks of one file share their names."""
    kept, at, grammar = [], 0, "javascript"
    for match in _SCRIPT.finditer(data):
        end = data.find(b"</script", match.end())
        if match.start() < at or end < 0 or _NO_CODE.search(match[1]):
            continue
        lang = _LANG.search(match[1])
        if lang is not None and lang[1] in {b"ts", b"typescript", b"tsx"}:
            grammar = "tsx" if lang[1] == b"tsx" else "typescript"
        kept += [_LETTERS.sub(b" ", data[at : match.end()]), data[match.end() : end]]
        at = end
    return b"".join([*kept, _LETTERS.sub(b" ", data[at:])]), grammar


def _any(match: re.Match[bytes]) -> bytes:
    return b"any".ljust(len(match[0]))


def _understood(root: Node) -> int:
    """Count the bytes of the statements that were made out in a file that is no program as a whole."""
    whole = (each for each in root.named_children if each.type.endswith(("_statement", "_declaration")))
    return sum(each.end_byte - each.start_byte for each in whole)


def _first_error(root: Node) -> int:
    node = next((child for child in root.children if child.type == "ERROR" or child.has_error), root)
    return node.start_point[0] + 1


def text(node: Node | None) -> str:
    """Return the source of a node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def place(node: Node) -> Place:
    """Return where a node starts."""
    row, column = node.start_point
    return Place(row + 1, column + 1)


def end(node: Node) -> Place:
    """Return where a node ends."""
    row, column = node.end_point
    return Place(row + 1, column + 1)


def field(node: Node | None, name: str) -> Node | None:
    """Return a child by the name of its field."""
    return None if node is None else node.child_by_field_name(name)


def named(node: Node | None) -> list[Node]:
    """List the children that are no punctuation and no comment."""
    return [] if node is None else [each for each in node.named_children if each.type != "comment"]


def first(node: Node) -> Node | None:
    """Return the first child that is no punctuation and no comment."""
    return next(iter(named(node)), None)


def plain(node: Node | None) -> Node | None:
    """Take off what does not change a value: brackets, casts, `await`, `!`."""
    while node is not None:
        if node.type == "member_expression" and (cast := field(node, "object")) is not None and cast.type in _CASTS:
            # `x as A.B.C` is parsed as `(x as A.B).C` by the grammar; the parentheses would be a node.
            node = cast
        elif node.type in WRAPPERS:
            node = named(node)[-1] if node.type == "type_assertion" and named(node) else first(node)
        else:
            break
    return node


def is_nothing(node: Node) -> bool:
    """Say whether an expression is undefined or null, written out."""
    inner = plain(node)
    return inner is not None and (
        inner.type in _NOTHING or (inner.end_byte - inner.start_byte < 10 and text(inner) in _VOID)
    )


def string(node: Node | None) -> str | None:
    """Return the text of a literal string; None for anything else."""
    node = plain(node)
    if node is None:
        return None
    if node.type == "string" or (node.type == "template_string" and not substitutions(node)):
        return text(node)[1:-1]
    return None


def substitutions(node: Node) -> list[Node]:
    """List what a template string puts in."""
    return [each for each in node.named_children if each.type == "template_substitution"]


def number(node: Node) -> int | float | None:
    """Return the value of a literal number, or of a product or quotient of such: `5 * 60 * 1000`."""
    found = plain(node)
    if found is None:
        return None
    if found.type == "number":
        return _number(text(found).replace("_", ""))
    operator = text(field(found, "operator"))
    if found.type == "unary_expression" and operator == "-":
        inner = field(found, "argument")
        value = number(inner) if inner is not None and inner.type == "number" else None
        return None if value is None else -value
    if found.type == "binary_expression" and operator in {"*", "/"}:
        return _arithmetic(found)
    return None


def _arithmetic(node: Node) -> int | float | None:
    """Fold a chain of products from the left, without recursion."""
    parts: list[tuple[str, Node | None]] = []
    at: Node | None = node
    while at is not None and at.type == "binary_expression" and text(field(at, "operator")) in {"*", "/"}:
        parts.append((text(field(at, "operator")), plain(field(at, "right"))))
        at = plain(field(at, "left"))
    result = _number(text(at).replace("_", "")) if at is not None and at.type == "number" else None
    for operator, part in reversed(parts):
        value = _number(text(part).replace("_", "")) if part is not None and part.type == "number" else None
        if result is None or value is None or (operator == "/" and not value):
            return None
        result = result * value if operator == "*" else result / value
    return result


def _number(word: str) -> int | float | None:
    try:
        return int(word, 0)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        return None


def key(node: Node | None) -> str | None:
    """Return the name of a property; None where it is computed."""
    if node is None:
        return None
    if node.type in {"property_identifier", "private_property_identifier", "identifier", "number",
                     "shorthand_property_identifier", "shorthand_property_identifier_pattern"}:  # fmt: skip
        return text(node)
    return string(node) if node.type == "string" else None


def properties(node: Node) -> Iterator[tuple[str | None, Node, Node]]:
    """List the entries of an object literal: name, the whole entry, its value. Spreads have the name `...`."""
    for entry in node.named_children:
        value = field(entry, "value")
        if entry.type == "pair" and value is not None:
            yield key(field(entry, "key")), entry, value
        elif entry.type == "shorthand_property_identifier":
            yield text(entry), entry, entry
        elif entry.type == "spread_element":
            inner = first(entry)
            if inner is not None:
                yield "...", entry, inner
        elif entry.type == "method_definition":
            yield key(field(entry, "name")), entry, entry
        elif entry.type == "ERROR":
            yield None, entry, entry
