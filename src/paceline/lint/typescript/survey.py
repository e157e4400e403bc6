"""The one pass over a file that fills its scopes: bindings, changes, calls, prompts, imports and exports.

Walks with a stack of its own, so that no nesting is too deep. Must not know SDKs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paceline.lint.typescript.bindings import Notes
from paceline.lint.typescript.scopes import Binding, Branch, Given, Scope, Seen, add, is_function
from paceline.lint.typescript.syntax import CLASSES, FUNCTIONS, field, first, key, named, string, text

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


def survey(root: Node, path: str) -> Seen:
    """Walk a file once."""
    seen = Seen(path, root)
    seen.scopes[root.id] = Scope("module", root, None, seen)
    _Walk(seen).run()
    return seen


class _Walk:
    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.notes = Notes(seen)
        self.on: dict[str, Callable[[Node, Scope, Branch], None]] = {
            "import_statement": self._import,
            "export_statement": self._export,
            "variable_declarator": self.notes.declarator,
            "assignment_expression": self.notes.assignment,
            "call_expression": self.notes.call,
            "new_expression": self.notes.call,
            "return_statement": self.notes.returned,
            "pair": self.notes.pair,
            "object": self.notes.message,
            "template_string": self.notes.template,
            "unary_expression": self.notes.deletion,
            "public_field_definition": self._member,
            "field_definition": self._member,
            "interface_declaration": self._type,
            "type_alias_declaration": self._type,
            "augmented_assignment_expression": self.notes.augmented,
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
                self.notes.bind(target, Binding("other", None, scope, branch))
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
            self.notes.text(body, inner, self.notes.name(node))
        steps = [(each, inner, inside) for each in named(field(node, "parameters"))]
        if body is not None:
            below = body.named_children if body.type == "statement_block" else [body]
            steps += [(each, inner, inside) for each in below]
        return steps

    def _parameter(self, node: Node, scope: Scope, branch: Branch) -> None:
        pattern = field(node, "pattern") or node
        annotation = first(kind) if (kind := field(node, "type")) is not None else None
        optional = node.type == "optional_parameter"
        made = Binding(
            "parameter", node, scope, branch, annotation=annotation, default=field(node, "value"), optional=optional
        )
        self.notes.bind(pattern, made)
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
        self.notes.called(value, name)
        annotation = None if kind is None else first(kind)
        optional = any(each.type == "?" for each in node.children)
        made = Binding("value", value, owner, branch, annotation=annotation, optional=optional, at=node.start_byte)
        add(owner.members, name, made)
        self.notes.text(value, scope, name)

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
            self.notes.called(value, "default")
        for each in (node, *named(declaration)):
            inner = field(each, "value") if each.type == "variable_declarator" else declaration
            if inner is not None and is_function(inner):
                self.seen.given.setdefault(inner.id, Given()).exported = True
