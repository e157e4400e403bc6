"""What an expression in TypeScript stands for: a name of a package, a client, a method below one, a thing of the file.

Follows names, `this`, base classes, annotations, factories, wrappers, and imports into files beside this one; gives up
after a few steps rather than guess. Must not decide what is right or wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from paceline.lint.typescript.meanings import Client, Local, Made, Ref, Value
from paceline.lint.typescript.modules import beside, dotted, is_beside
from paceline.lint.typescript.scopes import Binding, Scope, Seen, is_class, is_function
from paceline.lint.typescript.syntax import field, first, is_nothing, key, named, plain, properties, string, text

if TYPE_CHECKING:
    from tree_sitter import Node

    from paceline.catalogue import Catalogue, Product

DEPTH = 28
_HOP = 5
_STEPS = 400
"""How many expressions one question may lead to: names that stand for each other must not take for ever."""
_TRANSPARENT = {"beta"}
_LOADS = re.compile(r"lazy|load|require|import", re.I)
_NAME_MAX = 60
_CHOICES = {"||", "??", "&&"}


class Resolver:
    """Answers for one file and those beside it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._steps = 0

    def value(self, node: Node | None, scope: Scope, depth: int = DEPTH) -> Value | None:  # one a kind
        """Say what an expression stands for; None when nothing tells."""
        self._steps = 0 if depth == DEPTH else self._steps + 1
        if depth <= 0 or node is None or self._steps > _STEPS:
            return None
        inner = plain(node)
        if inner is None:
            return None
        kind = inner.type
        if kind in {"identifier", "shorthand_property_identifier", "type_identifier"}:
            return self._name(text(inner), inner.start_byte, scope, depth) or self._cast(node, scope, depth)
        if kind == "this":
            owner = scope.nearest("class")
            return Local(owner.node, owner, instance=True) if owner is not None else None
        if kind in {"member_expression", "nested_identifier", "nested_type_identifier"}:
            return self._below(inner, scope, depth) or self._cast(node, scope, depth)
        if kind == "subscript_expression":
            name = string(field(inner, "index"))
            base = self.value(field(inner, "object"), scope, depth - 1)
            return None if base is None or name is None else self.member(base, name, depth)
        if kind in {"call_expression", "new_expression"}:
            return self._call(inner, scope, depth) or self._cast(node, scope, depth)
        if kind == "ternary_expression":
            return self._any([field(inner, "consequence"), field(inner, "alternative")], scope, depth)
        if kind == "binary_expression" and text(field(inner, "operator")) in _CHOICES:
            return self._any([field(inner, "left"), field(inner, "right")], scope, depth)
        if kind in {"assignment_expression", "augmented_assignment_expression"}:
            return self.value(field(inner, "right"), scope, depth - 1)
        if kind == "object" or is_function(inner) or is_class(inner):
            return Local(inner, scope)
        return None

    def annotated(self, node: Node | None, scope: Scope, depth: int) -> Value | None:
        """Say what something annotated so is: a client, or an instance of a class or type that is read."""
        if node is None or depth <= 0:
            return None
        if node.type in {"union_type", "intersection_type", "parenthesized_type", "readonly_type", "array_type"}:
            found = (self.annotated(each, scope, depth - 1) for each in named(node))
            return next((each for each in found if each is not None), None)
        if node.type == "generic_type":
            head = self.annotated(field(node, "name"), scope, depth - 1)
            if isinstance(head, Client):
                return head
            found = (self.annotated(each, scope, depth - 1) for each in named(field(node, "type_arguments")))
            return next((each for each in found if isinstance(each, (Client, Local))), None)
        if node.type == "type_query":
            # `typeof generateText` is a signature that others may have; a class or a client is itself.
            meant = self.value(first(node), scope, depth - 1)
            return self._instance_of(meant, scope) if isinstance(meant, Ref) else meant
        if node.type == "object_type":
            return Local(node, scope, instance=True)
        if node.type not in {"type_identifier", "nested_type_identifier", "identifier", "member_expression"}:
            return None
        found_value = self.value(node, scope, depth - 1)
        if isinstance(found_value, Ref):
            return self._instance_of(found_value, scope) or Made(found_value.dotted)
        if isinstance(found_value, Local) and not is_function(found_value.node):
            return replace(found_value, instance=True)
        return None

    def _instance_of(self, ref: Ref, scope: Scope) -> Client | None:
        product = self.constructor(ref)
        return None if product is None else Client(product, _last(ref.dotted), None, scope, "annotation")

    def member(self, base: Value, name: str, depth: int) -> Value | None:
        """Say what a property of something stands for."""
        if depth <= 0:
            return None
        match base:
            case Ref():
                return self._within(replace(base, names=(*base.names, name)), depth)
            case Made():
                return replace(base, path=(*base.path, name))
            case Client():
                return base if name in _TRANSPARENT else replace(base, path=(*base.path, name))
            case Local(node=node, scope=scope) if node.type == "object":
                for entry, _, value in reversed(list(properties(node))):
                    if entry == name:
                        return self.value(value, scope, depth - 1) or Made("object")
                return None
            case Local(node=node, scope=scope) if is_class(node):
                return self._of_class(node, scope, name, depth)
            case Local(node=node, scope=scope):
                return self._of_type(node, scope, name, depth)
        return None

    def returned(self, function: Local, depth: int) -> Value | None:
        """Follow a function one hop: what it returns, else its annotation."""
        inner = function.scope.file.scopes.get(function.node.id)
        if inner is None or depth <= 0:
            return None
        found = _best([self.value(each, scope, depth - 2) for each, scope in inner.returns])
        if not isinstance(found, Client):
            kind = field(function.node, "return_type")
            found = self.annotated(first(kind), function.scope, depth - 1) if kind is not None else found
        return replace(found, origin="factory") if isinstance(found, Client) else found

    def exported(self, file: Seen, name: str, depth: int) -> Value | None:
        """Say what another file exports under a name."""
        if depth <= 0:
            return None
        given = file.exports.get(name)
        if isinstance(given, str):
            module, _, own = given.rpartition("#")
            if module:
                return self._import(module, own, file.path, depth - _HOP)
            return self._name(own, file.root.end_byte, file.module, depth - 1)
        if given is not None:
            return self.value(given, file.module, depth - 1)
        if name in file.module.names:
            return self._name(name, file.root.end_byte, file.module, depth - 1)
        whole = file.exports.get("=")
        if whole is not None and not isinstance(whole, str):
            held = self.value(whole, file.module, depth - 1)
            return None if held is None else self.member(held, name, depth - 1)
        found = (self._import(module, name, file.path, depth - _HOP) for module in file.passed_on[:8])
        return next((each for each in found if each is not None), None)

    def _import(self, module: str, name: str, path: str, depth: int) -> Value | None:
        if not is_beside(module):
            return self._within(Ref(module, (name,) if name and name != "*" else ()), depth)
        return self._within(Ref(f"{path}>{module}", (name,) if name and name != "*" else ()), depth)

    def _within(self, ref: Ref, depth: int) -> Value | None:
        """Turn a name of a file beside this one into what it stands for, one of a package into a ready client."""
        path, beside_it, module = ref.module.partition(">")
        if not beside_it:
            product = self.instance(ref.dotted)
            return ref if product is None else Client(product, _last(ref.dotted), None, None, "package")
        if not ref.names or depth <= 0:
            return ref
        file = beside(module, path)
        found = None if file is None else self.exported(file, ref.names[0], depth - _HOP)
        for name in ref.names[1:]:
            found = None if found is None else self.member(found, name, depth - _HOP)
        return (
            replace(found, origin="imported")
            if isinstance(found, Client) and found.origin != "factory"
            else found or ref
        )

    def _whole(self, value: Value | None, depth: int) -> Value | None:
        """Take `require("./x")` for what that file gives to `module.exports`."""
        path, beside_it, module = value.module.partition(">") if isinstance(value, Ref) else ("", "", "")
        if not beside_it or not isinstance(value, Ref) or value.names or depth <= 0:
            return value
        file = beside(module, path)
        given = None if file is None else file.exports.get("=")
        return (
            value
            if file is None or given is None or isinstance(given, str)
            else self.value(given, file.module, depth - _HOP)
        )

    def instance(self, name: str) -> Product | None:
        """Return the product of which a name is a ready client."""
        last = _last(name)
        return next((each for each in self.catalogue.products if last in each.instances and each.holds(name)), None)

    def _cast(self, node: Node, scope: Scope, depth: int) -> Value | None:
        """Take the type of `x as T` where nothing else tells."""
        at: Node | None = node
        while at is not None and at.type in {"parenthesized_expression", "await_expression", "non_null_expression"}:
            at = first(at)
        if at is None or at.type != "as_expression":
            return None
        return self.annotated(named(at)[-1], scope, depth - 1)

    def _any(self, nodes: list[Node | None], scope: Scope, depth: int) -> Value | None:
        return _best([self.value(each, scope, depth - 1) for each in nodes])

    def _name(self, name: str, at: int, scope: Scope, depth: int) -> Value | None:
        held = scope.bindings(name)
        nearest = sorted(held, key=lambda each: at - each.at if each.at <= at else 1 << 40 | each.at)
        given = [each for each in nearest[:8] if each.sort != "empty" and not (each.node and is_nothing(each.node))]
        found = [self.binding(each, scope, depth) for each in given]
        best = _best(found)
        if isinstance(best, Client) and any(not isinstance(each, Client) or each.call is None for each in found):
            return replace(best, several=best.several or len(found) > 1)
        return best

    def binding(self, binding: Binding, scope: Scope, depth: int) -> Value | None:
        """Say what one way of getting a value gives."""
        found: Value | None
        match binding.sort:
            case "import":
                module, _, name = binding.dotted.partition("#")
                return self._import(module, name, binding.scope.file.path, depth - 1)
            case "value":
                found = self.value(binding.node, binding.scope, depth - 1)
                if found is None or (isinstance(found, Made) and binding.annotation is not None):
                    found = self.annotated(binding.annotation, binding.scope, depth - 1) or found
            case "parameter":
                found = self.annotated(binding.annotation, binding.scope, depth - 1)
                found = found or self.value(binding.default, binding.scope, depth - 1)
            case "getter" if binding.node is not None:
                return self.returned(Local(binding.node, binding.scope), depth - 1)
            case "function" | "class" | "type" if binding.node is not None:
                return Local(binding.node, binding.scope)
            case _:
                return None
        for part in binding.path:
            found = None if found is None else self.member(found, part, depth - 1)
        if isinstance(found, Client) and found.origin == "constructor":
            top = binding.scope.function is None
            nearer = "local" if binding.scope.function is scope.function else "enclosing scope"
            found = replace(found, origin="module" if top else nearer)
        return found

    def _below(self, node: Node, scope: Scope, depth: int) -> Value | None:
        names: list[str] = []
        at: Node | None = node
        while at is not None and at.type in {"member_expression", "nested_identifier", "nested_type_identifier"}:
            parts = named(at)
            name = key(field(at, "property") or parts[-1]) or text(field(at, "property") or parts[-1])
            names.append(name)
            at = plain(field(at, "object") or parts[0])
        base = self.value(at, scope, depth - 1)
        for name in reversed(names):
            base = None if base is None else self.member(base, name, depth - 1)
        return base

    def _of_class(self, node: Node, scope: Scope, name: str, depth: int) -> Value | None:
        held = scope.file.scopes.get(node.id)
        if held is None:
            return None
        bindings = held.members.get(name, [])
        found = _best([self.binding(each, each.scope, depth - 1) for each in bindings])
        if isinstance(found, Client) and found.origin in {"constructor", "local", "module", "enclosing scope"}:
            found = replace(found, origin="class")
        if found is not None or bindings:
            return found
        parent = next((each for each in node.named_children if each.type == "class_heritage"), None)
        clause = first(parent) if parent is not None else None
        above = field(clause, "value") if clause is not None and clause.type == "extends_clause" else clause
        base = self._whole(self.value(above, scope, depth - 2), depth)
        if isinstance(base, Local) and is_class(base.node) and base.node != node:
            found = self._of_class(base.node, base.scope, name, depth - 2)
            return replace(found, origin="base class") if isinstance(found, Client) else found
        return None if above is not None else Made("class")

    def _of_type(self, node: Node, scope: Scope, name: str, depth: int) -> Value | None:
        """Find a property in an interface or in the type of an object."""
        body = field(node, "body") or field(node, "value") or node
        for each in named(body):
            if each.type == "property_signature" and key(field(each, "name")) == name:
                kind = field(each, "type")
                return self.annotated(first(kind), scope, depth - 1) if kind is not None else None
        return None

    def _call(self, node: Node, scope: Scope, depth: int) -> Value | None:
        function = plain(field(node, "function") or field(node, "constructor"))
        module = _required(node, function)
        if module is not None:
            return self._import(module, "", scope.file.path, depth)
        called = self._whole(self.value(function, scope, depth - 1), depth)
        match called:
            case Ref():
                return self._made(called, node, scope, depth)
            case Client(path=path) if ".".join(path) in called.product.makers:
                return replace(called, path=(), options=(*called.options, (node, scope)))
            case Client(path=path):
                return None if path else called
            case Made():
                return replace(called, path=(*called.path, "()"))
            case Local(node=inner) if is_class(inner) and node.type == "new_expression":
                return replace(called, instance=True)
            case Local(node=inner) if is_function(inner):
                return self.returned(called, depth) or self._loaded(node, scope, depth)
            case Local(node=inner, instance=True):
                return called
        return self._loaded(node, scope, depth)

    def _loaded(self, node: Node, scope: Scope, depth: int) -> Value | None:
        """Take `lazy("x")` and `load(() => import("x"))` for the package that they load."""
        for each in named(field(node, "arguments")):
            inner = plain(each)
            body = plain(field(inner, "body")) if inner is not None and inner.type == "arrow_function" else None
            module = None if body is None else _required(body, plain(field(body, "function")))
            if module is not None:
                return self._import(module, "", scope.file.path, depth - 1)
        module = string(first(field(node, "arguments") or node))
        if module is not None and _LOADS.search(text(field(node, "function"))[-_NAME_MAX:]):
            known = any(product.holds(dotted(module, ("x",))) for product in self.catalogue.products)
            return Ref(module) if known else None
        return None

    def constructor(self, ref: Ref) -> Product | None:
        """Find the product whose constructor a name is; `require("x")` alone is the default export."""
        return self.catalogue.constructor(ref.dotted if ref.names else f"{ref.dotted}.default")

    def _made(self, ref: Ref, node: Node, scope: Scope, depth: int) -> Value | None:
        name, product = ref.dotted, self.constructor(ref)
        if product is not None:
            return Client(product, _last(name), node, scope, "constructor")
        if self.catalogue.wrapped(name):
            given = plain(first(field(node, "arguments") or node))
            if given is not None and given.type == "object":
                held = {entry: value for entry, _, value in properties(given)}
                given = held.get("client", given)
            return self.value(given, scope, depth - 1)
        return self._loaded(node, scope, depth) or Made(name)


def _required(node: Node, function: Node | None) -> str | None:
    """Return the module of `require("x")` and `import("x")`."""
    if function is None or not (function.type == "import" or text(function) == "require"):
        return None
    return string(first(field(node, "arguments") or node))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _best(found: list[Value | None]) -> Value | None:
    """Prefer a client made in sight, then any client, then the first that tells anything."""
    clients = [each for each in found if isinstance(each, Client)]
    made = [each for each in clients if each.call is not None]
    if made:
        others = tuple(
            (each.call, each.scope)
            for each in made[1:]
            if each.product is made[0].product and each.call is not None and each.scope is not None
            if each.call != made[0].call
        )
        return replace(made[0], others=others or made[0].others)
    return next(iter([*clients, *(each for each in found if each is not None)]), None)
