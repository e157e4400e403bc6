"""Where an argument can be added to a call, and what it is called there.

Must not decide whether it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paceline.lint.sites import Insert, Kind
from paceline.lint.typescript.syntax import field, named, plain, properties

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.catalogue import Api, Product

_CAPS_WITHIN = {"google-genai": "config", "google-generativeai": "generationConfig", "ollama": "options",
                "openai-agents": "modelSettings"}  # fmt: skip
_AT_CALL = {"ai-sdk"}


def insert(kind: Kind, node: Node, product: Product, api: Api | None) -> tuple[dict[str, str], Insert | None]:
    """Name the arguments that this call takes, and find the place for one more."""
    given = [plain(each) for each in named(field(node, "arguments"))]
    first = given[0] if given else None
    cap = product.names("cap", api)[:1]
    names: dict[str, str] = {}
    if kind is Kind.GENERATION and cap and first is not None and first.type == "object":
        names["cap"] = cap[0]
        if api is not None and api.usage:
            names["usage"] = "stream_options"
        if product.name in _AT_CALL:
            names["timeout"] = "timeout"
        return names, _within(first, _CAPS_WITHIN.get(product.name))
    if kind in {Kind.CLIENT, Kind.FRAMEWORK} and len(given) <= 1:
        parameters = ("timeout", "retries") if kind is Kind.CLIENT else ("cap", "timeout", "retries")
        # A name below another cannot be added beside what may be there.
        plainly = {each: next((name for name in product.names(each) if "." not in name), "") for each in parameters}
        names = {each: name for each, name in plainly.items() if name}
        if first is None:
            arguments = field(node, "arguments")
            at = None if arguments is None else arguments.end_byte - 1
            return (names, None) if at is None else (names, Insert(at, "{ ", " }", "{name}: {value}"))
        if first.type == "object" and product.name not in _CAPS_WITHIN:
            return names, _within(first, None)
    return {}, None


def _within(node: Node, outer: str | None) -> Insert | None:
    """Find the end of an object literal, or of the settings in it; none where something there is hidden."""
    if outer is None:
        return _after(node, "{name}: {value}")
    for name, _, value in properties(node):
        if name == outer:
            inner = plain(value)
            return _after(inner, "{name}: {value}") if inner is not None and inner.type == "object" else None
    return _after(node, outer + ": {{ {name}: {value} }}")


def _after(node: Node, form: str) -> Insert | None:
    entries = [each for each in node.named_children if each.type != "comment"]
    if any(each.type == "ERROR" for each in entries):
        return None
    if not entries:
        return Insert(node.start_byte + 1, " ", " ", form)
    last = entries[-1]
    before = entries[-2].end_point[0] if len(entries) > 1 else node.start_point[0]
    own_line = last.start_point[0] > before
    if not own_line:
        return Insert(last.end_byte, ", ", "", form)
    at = last.start_byte - node.start_byte
    margin = (node.text or b"")[at - last.start_point[1] : at].decode("utf-8", "replace")
    margin = margin if margin.isspace() else " " * last.start_point[1]
    if _remarked(last):
        # A remark at the end of the line stays with what it is about.
        return Insert(last.start_byte, "", ",\n" + margin, form)
    return Insert(last.end_byte, ",\n" + margin, "", form)


def _remarked(entry: Node) -> bool:
    after = entry.next_sibling
    if after is not None and after.type == ",":
        after = after.next_sibling
    return after is not None and after.type == "comment" and after.start_point[0] == entry.end_point[0]
