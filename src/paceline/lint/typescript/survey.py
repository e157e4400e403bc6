"""The one pass over a file that fills its scopes: bindings, changes, calls, prompts, imports and exports.

Walks with a stack of its own, so that no nesting is too deep. Must not know SDKs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paceline.lint.typescript.scopes import (
    Binding,
    Branch,
    Change,
    Given,
    Scope,
    Seen,
    add,
    is_function,
)
from paceline.lint.typescript.syntax import (
    CLASSES,
    FUNCTIONS,
    field,
    first,
    key,
    named,
    plain,
    properties,
    string,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    Step = tuple[Node, Scope, Branch]

_LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
_BLOCKS = frozenset({"statement_block", "switch_body", "catch_clause", "class_static_block"})
_TYPES = frozenset(
    {
        "type_annotation", "type_arguments", "type_parameters", "implements_clause", "ambient_declaration", "comment",
        "interface_body", "object_type", "enum_body", "import_clause", "export_clause", "string", "regex",
    }
)  # fmt: skip
_LEAVES = _TYPES | {
    "identifier", "property_identifier", "shorthand_property_identifier", "private_property_identifier", "number",
    "true", "false", "null", "this", "super", "undefined", "string_fragment", "escape_sequence", "jsx_text",
    "jsx_closing_element", "empty_statement", "accessibility_modifier", "optional_chain",
    "shorthand_property_identifier_pattern",
}  # fmt: skip
"""What nothing is looked for in; most nodes of a tree are these."""
_SYSTEM = re.compile(
    r"^(?:.*sys(?:tem)?_?(?:prompt|message|instructions?|content|template)\w*|system|instructions?)$", re.I
)
_READS = frozenset(
    {
        "stringify", "log", "info", "debug", "warn", "error", "keys", "entries", "values", "String", "create", "stream",
        "parse", "generateText", "streamText", "generateObject", "streamObject", "trace", "has", "isArray",
    }
)  # fmt: skip
_PATTERN_DEPTH = 12


def survey(root: Node, path: str) -> Seen:
    """Walk a file once."""
    seen = Seen(path, root)
    seen.scopes[root.id] = Scope("module", root, None, seen)
    _Walk(seen).run()
    return seen


class _Walk:
    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.on: dict[str, Callable[[Node, Scope, Branch], None]] = {
            "import_statement": self._import,
            "export_statement": self._export,
            "variable_declarator": self._declarator,
            "assignment_expression": self._assignment,
            "call_expression": self._call,
            "new_expression": self._call,
            "return_statement": self._return,
            "pair": self._pair,
            "object": self._object,
            "unary_expression": self._delete,
            "public_field_definition": self._member,
            "field_definition": self._member,
            "interface_declaration": self._type,
            "type_alias_declaration": self._type,
            "augmented_assignment_expression": self._augmented,
        }

    def run(self) -> None:
        module = self.seen.module
        stack: list[Step] = [(self.seen.root, module, Branch("module", self.seen.root, None))]
        while stack:
            node, scope, branch = stack.pop()
            act = self.on.get(node.type)
            if act is not None:
                act(node, scope, branch)
            below = self._below(node, scope, branch)
            below.reverse()
            stack += below

    def _below(self, node: Node, scope: Scope, branch: Branch) -> list[Step]:  # one a kind
        """List the children of a node, each with the scope and branch that it stands in."""
        kind = node.type
        if kind in FUNCTIONS:
            return self._function(node, scope, branch)
        if kind in CLASSES:
            return self._class(node, scope, branch)
        if kind in {"if_statement", "ternary_expression"}:
            return self._arms(node, scope, branch)
        if kind == "binary_expression" and text(field(node, "operator")) in {"&&", "||", "??"}:
            left, right = field(node, "left"), field(node, "right")
            then = Branch("case", node, branch)
            return [(each, scope, at) for each, at in ((left, branch), (right, then)) if each is not None]
        if kind in _BLOCKS or kind in _LOOPS:
            scope = Scope("block", node, scope, self.seen)
            self.seen.scopes[node.id] = scope
            target = field(node, {"for_in_statement": "left", "catch_clause": "parameter"}.get(kind, "none"))
            if target is not None:
                self._bind(target, Binding("other", None, scope, branch), _PATTERN_DEPTH)
        if kind in _LOOPS:
            branch = Branch("loop", node, branch)
        elif kind in {"switch_case", "switch_default", "catch_clause"}:
            branch = Branch("case" if kind != "catch_clause" else "catch", node, branch)
        elif kind == "try_statement":
            body = field(node, "body")
            inside = Branch("try", node, branch)
            return [(each, scope, inside if each == body else branch) for each in node.named_children]
        return [(each, scope, branch) for each in node.named_children if each.type not in _LEAVES]

    def _arms(self, node: Node, scope: Scope, branch: Branch) -> list[Step]:
        condition, alternative = field(node, "condition"), field(node, "alternative")
        found: list[Step] = []
        for each in node.named_children:
            arm = branch if each == condition else Branch("if", node, branch, arm=1 if each == alternative else 0)
            found.append((each, scope, arm))
        return found

    def _function(self, node: Node, scope: Scope, branch: Branch) -> list[Step]:
        inner = Scope("function", node, scope, self.seen)
        self.seen.scopes[node.id] = inner
        inside = Branch("function", node, branch)
        name = field(node, "name")
        if node.type == "method_definition":
            sort = "getter" if any(each.type == "get" for each in node.children) else "function"
            owner = scope if scope.sort == "class" else None
            if owner is not None and name is not None:
                add(owner.members, text(name), Binding(sort, node, scope, branch, at=node.start_byte))
        elif name is not None:
            holder = scope if node.type.endswith("declaration") else inner
            add(holder.names, text(name), Binding("function", node, scope, branch, at=node.start_byte))
        alone = field(node, "parameter")
        for parameter in named(field(node, "parameters")) if alone is None else [alone]:
            self._parameter(parameter, inner, inside)
        body = field(node, "body")
        if body is not None and body.type != "statement_block":
            inner.returns.append((body, inner))
            self._text(body, inner, self._name(node))
        steps = [(each, inner, inside) for each in named(field(node, "parameters"))]
        if body is not None:
            below = body.named_children if body.type == "statement_block" else [body]
            steps += [(each, inner, inside) for each in below]
        return steps

    def _name(self, node: Node) -> str:
        given = self.seen.given.get(node.id)
        return text(field(node, "name")) or (given.name if given is not None else "")

    def _parameter(self, node: Node, scope: Scope, branch: Branch) -> None:
        pattern = field(node, "pattern") or node
        annotation = first(kind) if (kind := field(node, "type")) is not None else None
        optional = node.type == "optional_parameter"
        made = Binding(
            "parameter", node, scope, branch, annotation=annotation, default=field(node, "value"), optional=optional
        )
        self._bind(pattern, made, _PATTERN_DEPTH)
        owner = scope.nearest("class")
        if owner is not None and any(each.type in {"accessibility_modifier", "readonly"} for each in node.children):
            add(owner.members, text(pattern), made)

    def _class(self, node: Node, scope: Scope, branch: Branch) -> list[Step]:
        name = field(node, "name")
        if name is not None:
            add(scope.names, text(name), Binding("class", node, scope, branch, at=node.start_byte))
        inner = Scope("class", node, scope, self.seen)
        self.seen.scopes[node.id] = inner
        return [(each, inner, branch) for each in node.named_children if each.type not in _TYPES]

    def _member(self, node: Node, scope: Scope, branch: Branch) -> None:
        name = key(field(node, "name") or field(node, "property"))
        value, kind = field(node, "value"), field(node, "type")
        owner = scope.nearest("class")
        if owner is None or name is None:
            return
        self._called(value, name)
        annotation = None if kind is None else first(kind)
        optional = any(each.type == "?" for each in node.children)
        made = Binding("value", value, owner, branch, annotation=annotation, optional=optional, at=node.start_byte)
        add(owner.members, name, made)
        self._text(value, scope, name)

    def _type(self, node: Node, scope: Scope, branch: Branch) -> None:
        add(scope.names, text(field(node, "name")), Binding("type", node, scope, branch, at=node.start_byte))

    def _import(self, node: Node, scope: Scope, branch: Branch) -> None:
        for each in node.named_children:
            if each.type == "import_require_clause":
                module, local = string(field(each, "source")), first(each)
                if module is not None and local is not None:
                    self._imported(text(local), module, scope, branch, node)
        module = string(field(node, "source"))
        if module is None:
            return
        self.seen.imports.add(module)
        for clause in (each for each in node.named_children if each.type == "import_clause"):
            for part in named(clause):
                if part.type == "identifier":
                    self._imported(text(part), f"{module}#default", scope, branch, node)
                elif part.type == "namespace_import":
                    self._imported(text(first(part)), module, scope, branch, node)
                else:
                    for each in named(part):
                        name = key(field(each, "name"))
                        local = field(each, "alias") or field(each, "name")
                        self._imported(text(local), f"{module}#{name}", scope, branch, node)

    def _imported(self, local: str, dotted: str, scope: Scope, branch: Branch, node: Node) -> None:
        self.seen.imports.add(dotted.partition("#")[0])
        add(scope.names, local, Binding("import", node, scope, branch, dotted, at=node.start_byte))

    def _export(self, node: Node, scope: Scope, branch: Branch) -> None:
        del scope, branch
        exports, module = self.seen.exports, string(field(node, "source"))
        clause = next((each for each in node.named_children if each.type == "export_clause"), None)
        for each in named(clause):
            own = key(field(each, "name")) or ""
            alias = key(field(each, "alias")) or own
            exports[alias] = own if module is None else f"{module}#{own}"
        if module is not None and clause is None:
            self.seen.passed_on.append(module)
        declaration = field(node, "declaration")
        value = field(node, "value") or (declaration if any(each.type == "default" for each in node.children) else None)
        if value is not None:
            exports["default"] = value
            self._called(value, "default")
        for each in (node, *named(declaration)):
            inner = field(each, "value") if each.type == "variable_declarator" else declaration
            if inner is not None and is_function(inner):
                self.seen.given.setdefault(inner.id, Given()).exported = True

    def _called(self, value: Node | None, name: str) -> None:
        inner = plain(value)
        if inner is not None and is_function(inner):
            self.seen.given.setdefault(inner.id, Given()).name = name

    def _declarator(self, node: Node, scope: Scope, branch: Branch) -> None:
        target, value, kind = field(node, "name"), field(node, "value"), field(node, "type")
        if target is None:
            return
        holder = scope
        if node.parent is not None and node.parent.type == "variable_declaration":
            holder = scope.nearest("function", "module") or scope
        annotation = None if kind is None else first(kind)
        sort = "value" if value is not None or annotation is not None else "empty"
        made = Binding(sort, value, holder, branch, annotation=annotation)
        self._bind(target, made, _PATTERN_DEPTH)
        self._called(value, text(target))
        self._text(value, scope, text(target))

    def _bind(self, target: Node, made: Binding, depth: int) -> None:  # noqa: PLR0912  # one case a pattern
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
                        self._bind(value, part, depth - 1)
                elif each.type == "object_assignment_pattern":
                    left, right = field(each, "left"), field(each, "right")
                    if left is not None:
                        self._bind(left, _part(made, made.path, each.start_byte, right), depth - 1)
                else:
                    self._bind(each, made, depth - 1)
        elif kind == "array_pattern":
            for at, each in enumerate(named(target)):
                self._bind(each, _part(made, (*made.path, str(at)), each.start_byte), depth - 1)
        elif kind == "assignment_pattern":
            left, right = field(target, "left"), field(target, "right")
            if left is not None:
                self._bind(left, _part(made, made.path, target.start_byte, right), depth - 1)
        elif kind == "rest_pattern" and (inner := first(target)) is not None:
            self._bind(inner, Binding("other", None, made.scope, made.branch, at=inner.start_byte), depth - 1)

    def _assignment(self, node: Node, scope: Scope, branch: Branch) -> None:
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
        self._bind(target, made, _PATTERN_DEPTH)
        self._called(value, name)
        self._text(value, scope, name)

    def _stored(self, target: Node, value: Node, scope: Scope, branch: Branch) -> None:
        """Note `a.b = value`: a member of a class, an export, or a change of an object."""
        base = plain(field(target, "object"))
        name = key(field(target, "property")) if target.type == "member_expression" else string(field(target, "index"))
        if base is None:
            return
        self._called(value, name or "")
        if name is not None:
            self._text(value, scope, name)
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

    def _augmented(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Note `x ??= value` and `x ||= value`: one more way for a name or member to get its value."""
        if text(field(node, "operator")) in {"??=", "||="}:
            self._assignment(node, scope, branch)

    def _delete(self, node: Node, scope: Scope, branch: Branch) -> None:
        target = plain(field(node, "argument"))
        if text(field(node, "operator")) != "delete" or target is None:
            return
        base = plain(field(target, "object"))
        name = key(field(target, "property")) if target.type == "member_expression" else string(field(target, "index"))
        if base is not None and base.type == "identifier":
            self._changed(scope, text(base), Change(name, None, scope, branch, node.start_byte, removes=True))

    def _return(self, node: Node, scope: Scope, branch: Branch) -> None:
        del branch
        function, value = scope.function, first(node)
        if function is not None and value is not None:
            function.returns.append((value, scope))
            self._text(value, scope, self._name(function.node))

    def _call(self, node: Node, scope: Scope, branch: Branch) -> None:
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
                self._text(inner, scope, "system")
            elif inner.type == "identifier" and last == "assign" and at == 0:
                for source in given[1:]:
                    made = Change(None, None, scope, branch, node.start_byte, mapping=source)
                    self._changed(scope, text(inner), made)
            elif inner.type == "identifier" and last not in _READS and node.type == "call_expression":
                self._changed(scope, text(inner), Change(None, None, scope, branch, node.start_byte))

    def _pair(self, node: Node, scope: Scope, branch: Branch) -> None:
        del branch
        name, value = key(field(node, "key")), field(node, "value")
        if name is not None:
            self._called(value, name)
            self._text(value, scope, name)

    def _object(self, node: Node, scope: Scope, branch: Branch) -> None:
        """Take `{role: "system", content: …}` for a system prompt."""
        del branch
        if node.named_child_count > 8:  # a message has a role and a content
            return
        held = {name: value for name, _, value in properties(node) if name in {"role", "content"}}
        if len(held) == 2 and string(held["role"]) in {"system", "developer"}:
            self._text(held["content"], scope, "system")

    def _text(self, value: Node | None, scope: Scope, name: str) -> None:
        inner = plain(value)
        if inner is None or not _SYSTEM.match(name):
            return
        if inner.type == "template_string" or (
            inner.type == "binary_expression" and text(field(inner, "operator")) == "+"
        ):
            self.seen.texts.append((inner, scope, name))


def _part(made: Binding, path: tuple[str, ...], at: int, default: Node | None = None) -> Binding:
    return Binding(
        made.sort, made.node, made.scope, made.branch, made.dotted, path, made.annotation, default or made.default,
        made.optional, at,
    )  # fmt: skip
