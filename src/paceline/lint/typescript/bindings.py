"""What statements and expressions do to names: bind them, change what they hold, hand it on, put prompts together.

Fills the scopes that `survey` walks through. Must not know SDKs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paceline.lint.typescript.scopes import Binding, Branch, Change, Given, Scope, Seen, add, is_function
from paceline.lint.typescript.syntax import field, first, key, named, plain, properties, string, text

if TYPE_CHECKING:
    from tree_sitter import Node

_SYSTEM = re.compile(
    r"^(?:.*sys(?:tem)?_?(?:prompt|message|instructions?|content|template)\w*|system|instructions?)$", re.I
)
_TEXTS = frozenset({"template_string", "binary_expression", "identifier", "call_expression", "ternary_expression",
                    "arrow_function", "function_expression"})  # fmt: skip
_OPENING = re.compile(rb"`\s*(?:#+ *(?:role|system)|you are|you're|act as)\b", re.I)
_OPENING_BYTES = 60
_READS = frozenset(
    {
        "stringify", "log", "info", "debug", "warn", "error", "keys", "entries", "values", "String", "create", "stream",
        "parse", "generateText", "streamText", "generateObject", "streamObject", "trace", "has", "isArray",
    }
)  # fmt: skip
_PATTERN_DEPTH = 12


class Notes:
    """Takes notes for one file."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def declarator(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note `const a = …`."""
        target, value, kind = field(node, "name"), field(node, "value"), field(node, "type")
        if target is None:
            return
        holder = scope
        if node.parent is not None and node.parent.type == "variable_declaration":
            holder = scope.nearest("function", "module") or scope
        annotation = None if kind is None else first(kind)
        sort = "value" if value is not None or annotation is not None else "empty"
        made = Binding(sort, value, holder, branch, annotation=annotation)
        self.bind(target, made)
        self.called(value, text(target))
        self.text(value, scope, text(target))

    def assignment(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note `a = …`, `a.b = …` and patterns on the left."""
        target, value = plain(field(node, "left")), field(node, "right")
        if target is None or value is None:
            return
        if target.type in {"member_expression", "subscript_expression"}:
            self._stored(target, value, scope, branch)
            return
        name = text(target)
        holder: Scope | None = scope
        while target.type == "identifier" and holder is not None and name not in holder.names:
            holder = holder.parent
        made = Binding("value", value, holder or self.seen.module, branch, at=node.start_byte)
        self.bind(target, made)
        self.called(value, name)
        self.text(value, scope, name)

    def augmented(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note `x ??= value` and `x ||= value`: one more way for a name or member to get its value."""
        if text(field(node, "operator")) in {"??=", "||="}:
            self.assignment(node, scope, branch)

    def deletion(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note `delete a.b`."""
        target = plain(field(node, "argument"))
        if text(field(node, "operator")) != "delete" or target is None:
            return
        base = plain(field(target, "object"))
        name = key(field(target, "property")) if target.type == "member_expression" else string(field(target, "index"))
        if base is not None and base.type == "identifier":
            self._changed(scope, text(base), Change(name, None, scope, branch, node.start_byte, removes=True))

    def returned(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note what a function returns."""
        del branch
        function, value = scope.function, first(node)
        if function is not None and value is not None:
            function.returns.append((value, scope))
            self.text(value, scope, self.name(function.node))

    def call(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note a call, what it may do to its arguments, and the functions that it is handed."""
        self.seen.calls.append(node)
        self.seen.where[node.id] = (scope, branch)
        function = plain(field(node, "function") or field(node, "constructor"))
        last = text(function) if function is not None and function.type == "identifier" else ""
        if function is not None and function.type == "member_expression":
            last = key(field(function, "property")) or ""
        if function is not None and function.type == "import":
            module = string(first(field(node, "arguments") or node))
            self.seen.imports.update([module] if module is not None else [])
        if last == "require" and (module := string(first(field(node, "arguments") or node))) is not None:
            self.seen.imports.add(module)
        given = named(field(node, "arguments"))
        for at, each in enumerate(given):
            inner = plain(each)
            if inner is None:
                continue
            if is_function(inner):
                known = self.seen.given.setdefault(inner.id, Given())
                known.call, known.scope = node, scope
            elif last == "SystemMessage" or (last == "fromTemplate" and text(function).startswith("SystemMessage")):
                self.text(inner, scope, "system")
            elif inner.type == "identifier" and last == "assign" and at == 0:
                for source in given[1:]:
                    made = Change(None, None, scope, branch, node.start_byte, mapping=source)
                    self._changed(scope, text(inner), made)
            elif inner.type == "identifier" and last not in _READS and node.type == "call_expression":
                self._changed(scope, text(inner), Change(None, None, scope, branch, node.start_byte))

    def pair(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note an entry of an object: what its function is called, or the prompt that it is."""
        del branch
        name, value = key(field(node, "key")), field(node, "value")
        if name is not None:
            self.called(value, name)
            self.text(value, scope, name)

    def message(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Take `{role: "system", content: …}` for a system prompt."""
        del branch
        if node.named_child_count > 8:  # a message has a role and a content
            return
        held = {name: value for name, _, value in properties(node) if name in {"role", "content"}}
        if len(held) == 2 and string(held["role"]) in {"system", "developer"}:
            self.text(held["content"], scope, "system")

    def name(self, node: Node) -> str:
        """Return what a function is called, by itself or by what it is assigned to."""
        given = self.seen.given.get(node.id)
        return text(field(node, "name")) or (given.name if given is not None else "")

    def called(self, value: Node | None, name: str) -> None:
        """Note what a function is called by what it is assigned to."""
        inner = plain(value)
        if inner is not None and is_function(inner):
            self.seen.given.setdefault(inner.id, Given()).name = name

    def bind(self, target: Node, made: Binding, depth: int = _PATTERN_DEPTH) -> None:  # noqa: PLR0912  # one case a pattern
        """Bind every name of a pattern to its part of a value."""
        kind = target.type
        if depth <= 0:
            return
        if kind in {"identifier", "shorthand_property_identifier_pattern"}:
            path = made.path if kind == "identifier" else (*made.path, text(target))
            add(made.scope.names, text(target), _part(made, path, target.start_byte))
        elif kind == "object_pattern":
            for each in named(target):
                if each.type == "pair_pattern":
                    value, name = field(each, "value"), key(field(each, "key"))
                    if value is not None:
                        part = _part(made, (*made.path, name or "?"), each.start_byte)
                        self.bind(value, part, depth - 1)
                elif each.type == "object_assignment_pattern":
                    left, right = field(each, "left"), field(each, "right")
                    if left is not None:
                        self.bind(left, _part(made, made.path, each.start_byte, right), depth - 1)
                else:
                    self.bind(each, made, depth - 1)
        elif kind == "array_pattern":
            for at, each in enumerate(named(target)):
                self.bind(each, _part(made, (*made.path, str(at)), each.start_byte), depth - 1)
        elif kind == "assignment_pattern":
            left, right = field(target, "left"), field(target, "right")
            if left is not None:
                self.bind(left, _part(made, made.path, target.start_byte, right), depth - 1)
        elif kind == "rest_pattern" and (inner := first(target)) is not None:
            self.bind(inner, Binding("other", None, made.scope, made.branch, at=inner.start_byte), depth - 1)

    def template(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Take a text that says who the model is for a system prompt, whatever it is called."""
        del branch
        opening = (node.text or b"")[:_OPENING_BYTES]
        if _OPENING.match(opening) and node.named_child_count > 1:
            self.seen.texts.append((node, scope, "prompt"))

    def text(self, value: Node | None, scope: Scope, name: str) -> None:
        """Keep a text that is put together under the name of a system prompt."""
        inner = plain(value)
        if inner is None or not _SYSTEM.match(name):
            return
        if inner.type in _TEXTS:
            self.seen.texts.append((inner, scope, name))

    def _stored(self, target: Node, value: Node, scope: Scope, branch: Branch) -> None:
        """Note `a.b = value`: a member of a class, an export, or a change of an object."""
        base = plain(field(target, "object"))
        name = key(field(target, "property")) if target.type == "member_expression" else string(field(target, "index"))
        if base is None:
            return
        self.called(value, name or "")
        if name is not None:
            self.text(value, scope, name)
        owner = scope.nearest("class")
        whole = text(base) if base.type in {"identifier", "member_expression"} and base.child_count <= 3 else ""
        if base.type == "this" and owner is not None and name is not None:
            add(owner.members, name, Binding("value", value, scope, branch, at=target.start_byte))
        elif whole == "module" and name == "exports":
            self.seen.exports["default"] = self.seen.exports["="] = value
        elif whole in {"exports", "module.exports"} and name is not None:
            self.seen.exports[name] = value
        elif base.type == "identifier":
            self._changed(scope, text(base), Change(name, value, scope, branch, target.start_byte))
        elif base.type == "member_expression" and field(base, "object") is not None:
            # `a.b.c = value` leaves what else `a` holds alone, but `b` is not what it was.
            outer, inner = plain(field(base, "object")), key(field(base, "property"))
            if outer is not None and outer.type == "identifier":
                self._changed(scope, text(outer), Change(inner, None, scope, branch, target.start_byte))

    def _changed(self, scope: Scope, name: str, change: Change) -> None:
        holder: Scope | None = scope
        while holder is not None and name not in holder.names:
            holder = holder.parent
        (holder or self.seen.module).changes.setdefault(name, []).append(change)


def _part(made: Binding, path: tuple[str, ...], at: int, default: Node | None = None) -> Binding:
    return Binding(
        made.sort, made.node, made.scope, made.branch, made.dotted, path, made.annotation, default or made.default,
        made.optional, at,
    )  # fmt: skip
