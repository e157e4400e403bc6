"""What an expression in Python stands for: a name of a module, a client, a method far below one, a class of the file.

Follows names, attributes of `self`, base classes, annotations, factories and wrappers within one file, and imports into
neighbouring files; gives up after a few steps rather than guess. Must not decide what is right or wrong.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from paceline.catalogue import Catalogue
from paceline.lint import siblings
from paceline.lint.meanings import (
    Client,
    Local,
    Made,
    Ref,
    Value,
    argument_of,
    best_of,
    distance,
    is_lazy,
    is_nothing,
    is_property,
)
from paceline.lint.scopes import Binding, FunctionNode, Scope, Seen, Unpacked

DEPTH = 10
_MANY = 12
_ANYTHING = ("typing.", "typing_extensions.", "collections.abc.")
_LAST = 1_000_000_000
TRANSPARENT = {"with_raw_response", "with_streaming_response", "beta", "aio"}
_COPIES = {"with_options", "copy", "with_middleware"}


class Resolver:
    """Answers for one file."""

    def __init__(self, seen: Seen, catalogue: Catalogue, path: str = "") -> None:
        self.seen = seen
        self.catalogue = catalogue
        self.path = path
        self.scopes = dict(seen.scopes)
        self._homes: dict[ast.AST, str] = {}
        """Files that may look one file further: what a package hands on from its modules."""
        self._calls: dict[str, list[tuple[ast.Call, Scope]]] | None = None
        self.across = False
        """Whether names that come from neighbouring files may be looked up there."""

    def value(self, node: ast.AST | None, scope: Scope, depth: int = DEPTH) -> Value | None:
        """Say what an expression stands for; None when nothing tells."""
        if depth <= 0 or node is None:
            return None
        match node:
            case ast.Name():
                return self._name(node, scope, depth)
            case ast.Attribute():
                return self._attribute(node, scope, depth)
            case ast.Call():
                return self._call(node, scope, depth)
            case Unpacked(value=ast.Call() as called, slice=ast.Constant(value=int(at))):
                return self._unpacked(called, at, scope, depth)
            case ast.Await(value=inner) | ast.Subscript(value=inner) | ast.NamedExpr(value=inner):
                return self.value(inner, scope, depth - 1)
            case ast.IfExp(body=first, orelse=second):
                return self._any([first, second], scope, depth)
            case ast.BoolOp(values=values):
                return self._any(values, scope, depth)
            case ast.AnnAssign(annotation=annotation):
                return self.annotated(annotation, scope, depth)
            case ast.Dict(values=values) if 0 < len(values) <= _MANY:
                return self._any(values, scope, depth)
            case _:
                return None

    def annotated(self, node: ast.expr | None, scope: Scope, depth: int) -> Value | None:
        """Say what something annotated so is: a client, or an instance of a class of this file."""
        if node is None or depth <= 0:
            return None
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.annotated(ast.parse(text, mode="eval").body, scope, depth - 1)
                except (SyntaxError, ValueError):
                    return None
            case ast.BinOp(left=left, right=right, op=ast.BitOr()):
                return self.annotated(left, scope, depth - 1) or self.annotated(right, scope, depth - 1)
            case ast.Subscript(slice=ast.Tuple(elts=parts)):
                found = (self.annotated(each, scope, depth - 1) for each in parts)
                return next((each for each in found if isinstance(each, Client)), None)
            case ast.Subscript(slice=inner):
                return self.annotated(inner, scope, depth - 1)
            case _:
                found_value = self.value(node, scope, depth - 1)
        if isinstance(found_value, Ref):
            product = self.catalogue.constructor(found_value.dotted)
            if product is not None:
                waits = ".aio." in found_value.dotted
                name = found_value.dotted.rpartition(".")[2]
                return Client(product, name, None, scope, "annotation", asynchronous=waits)
            return None if found_value.dotted.startswith(_ANYTHING) else Made(found_value.dotted)
        if isinstance(found_value, Local) and isinstance(found_value.node, ast.ClassDef):
            return replace(found_value, instance=True)
        return None

    def _any(self, nodes: list[ast.expr], scope: Scope, depth: int) -> Value | None:
        told = [each for each in nodes if not isinstance(each, ast.Constant)]
        found = [self.value(each, scope, depth - 1) for each in told]
        best = best_of(found)
        if isinstance(best, Client) and not all(isinstance(each, Client) for each in found):
            return replace(best, several=True)
        return best

    def _name(self, node: ast.Name, scope: Scope, depth: int) -> Value | None:
        name = node.id
        if name in {"self", "cls"}:
            owner = scope.owner()
            return Local(owner.node, owner, instance=True) if owner is not None else None
        bindings = scope.bindings(name)
        if len(bindings) > 1:
            bindings = sorted(bindings, key=lambda each: distance(each, node, scope))
        found = [self._binding(each, scope, depth) for each in bindings]
        best = best_of(found)
        if isinstance(best, Client) and len(found) > 1:
            unseen = any(value is None and not is_nothing(each) for value, each in zip(found, bindings, strict=True))
            return replace(best, several=True) if unseen else best
        return best

    def _binding(self, binding: Binding, scope: Scope, depth: int) -> Value | None:
        match binding.sort:
            case "import":
                return self._from_import(binding, depth)
            case "value":
                if binding.node is not None and is_lazy(binding.node):
                    return self._lazily(binding.node)
                found = self.value(binding.node, binding.scope, depth - 1)
                nearer = "local" if binding.scope is scope else "enclosing scope"
                where = "module" if binding.scope.parent is None else nearer
                if isinstance(found, Client) and found.origin == "constructor":
                    return replace(found, origin=where)
                return found
            case "parameter":
                assert isinstance(binding.node, ast.arg)  # noqa: S101  # what a parameter's binding holds
                stated = self.annotated(binding.node.annotation, binding.scope, depth)
                if stated is None or (isinstance(stated, Client) and stated.call is None):
                    return self._handed(binding, depth) or stated
                return stated
            case "function" | "class" if binding.node is not None:
                return Local(binding.node, binding.scope)
            case _:
                return None

    def _from_import(self, binding: Binding, depth: int) -> Value | None:
        """Read an import; where it is of a neighbouring file and may be followed, what the name is there."""
        dotted = binding.dotted
        outer, _, last = dotted.rpartition(".")
        if last in self.catalogue.roots and outer and not self.catalogue.imported(dotted):
            return Ref(last)
        home = self.path if binding.scope.module is self.seen.module else self._homes.get(binding.scope.module.node, "")
        return self._beside(dotted, home, depth) or Ref(dotted)

    def _beside(self, dotted: str, home: str, depth: int) -> Value | None:
        """Look a name up in the neighbouring file that it comes from, where that may be done."""
        if not self.across or not home or self.catalogue.imported(dotted):
            return None
        found = siblings.look_up(dotted, home)
        if found is None:
            return None
        other, name, file = found
        self.scopes.update(other.scopes)
        if home == self.path:
            self._homes[other.module.node] = file
        return self._name(ast.Name(id=name, lineno=_LAST), other.module, depth - 1)

    def _lazily(self, node: ast.AST | None) -> Value | None:
        """Read `OpenAI = lazy("openai.OpenAI")` and `lazy("OpenAI")` as the name they stand for."""
        assert isinstance(node, ast.Call)  # noqa: S101  # `is_lazy` said so
        text = str(ast.literal_eval(node.args[-1])).replace(":", ".")
        if text in self.catalogue.roots:
            return Ref(text)
        products = self.catalogue.by_constructor.get(text.rpartition(".")[2], ())
        if "." in text:
            return Ref(text)
        return Ref(f"{products[0].modules[0]}.{text}") if products else Ref(text)

    def _attribute(self, node: ast.Attribute, scope: Scope, depth: int) -> Value | None:
        base = self.value(node.value, scope, depth - 1)
        match base:
            case Ref(dotted=dotted):
                longer = f"{dotted}.{node.attr}"
                return self._beside(longer, self.path, depth) or Ref(longer)
            case Made():
                return replace(base, path=(*base.path, node.attr))
            case Client():
                if node.attr == "aio":
                    return replace(base, asynchronous=True)
                return base if node.attr in TRANSPARENT else replace(base, path=(*base.path, node.attr))
            case Local(missing=str(name)) if name:
                return base
            case Local(node=ast.ClassDef()):
                return self._member(base, node.attr, depth)
            case _:
                return None

    def _member(self, base: Local, name: str, depth: int) -> Value | None:
        scope = self.scopes[base.node]
        bindings = [*scope.attributes.get(name, ()), *scope.names.get(name, ())]
        found = best_of([self._binding(each, each.scope, depth - 1) for each in bindings])
        if isinstance(found, Client) and found.origin in {"constructor", "local", "module", "enclosing scope"}:
            found = replace(found, origin="class")
        if isinstance(found, Local) and isinstance(found.node, FunctionNode) and is_property(found.node):
            return self._returned(found, depth - 1)
        if found is not None or bindings:
            return found
        assert isinstance(base.node, ast.ClassDef)  # noqa: S101  # the caller matched it
        for parent in base.node.bases:
            above = self.value(parent, base.scope, depth - 1)
            if isinstance(above, Local) and isinstance(above.node, ast.ClassDef) and above.node is not base.node:
                found = self._member(above, name, depth - 2)
                if found is not None:
                    return replace(found, origin="base class") if isinstance(found, Client) else found
        return None if base.node.bases else Local(base.node, base.scope, missing=name)

    def family(self, owner: Scope | None) -> list[Scope]:
        """List a class, the bases of it in sight, and the classes of the file that are made from it."""
        if owner is None:
            return []
        classes = [each for each in self.seen.scopes.values() if isinstance(each.node, ast.ClassDef)]
        made = [each for each in classes if any(base is owner for base in self._bases(each, DEPTH)[1:])]
        return [*self._bases(owner, DEPTH), *made]

    def _bases(self, owner: Scope, depth: int) -> list[Scope]:
        """List a class and its bases in sight, nearest first."""
        found = [owner]
        if not isinstance(owner.node, ast.ClassDef) or owner.parent is None or depth <= 0:
            return found
        for parent in owner.node.bases:
            above = self.value(parent, owner.parent, depth - 1)
            if isinstance(above, Local) and isinstance(above.node, ast.ClassDef) and above.node is not owner.node:
                found += self._bases(self.scopes[above.node], depth - 2)
        return found

    def _call(self, node: ast.Call, scope: Scope, depth: int) -> Value | None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"__aenter__", "__enter__"}:
            return self.value(node.func.value, scope, depth - 1)
        called = self.value(node.func, scope, depth - 1)
        match called:
            case Ref(dotted=dotted):
                return self._imported(dotted, node, scope, depth)
            case Client(path=(*above, last)) if last in _COPIES:
                return replace(called, path=tuple(above), options=(*called.options, node))
            case Client(path=(*above, last)) if last in called.product.makers:
                return replace(called, path=tuple(above), options=(*called.options, node))
            case Client(path=path):
                return None if path else called
            case Made():
                return replace(called, path=(*called.path, "()"))
            case Local(node=ast.ClassDef(), instance=False):
                return self._subclass(called, node, scope, depth) or replace(called, instance=True)
            case Local(node=ast.FunctionDef() | ast.AsyncFunctionDef()):
                return self._returned(called, depth)
            case _:
                return None

    def _subclass(self, called: Local, node: ast.Call, scope: Scope, depth: int) -> Value | None:
        """Read an instance of a class of the file whose base is an SDK's as one of the SDK's."""
        assert isinstance(called.node, ast.ClassDef)  # noqa: S101  # the caller matched it
        for base in called.node.bases:
            above = self.value(base, called.scope, depth - 2)
            product = self.catalogue.constructor(above.dotted) if isinstance(above, Ref) else None
            if product is not None and isinstance(above, Ref):
                own = "__init__" in self.scopes[called.node].names
                return Client(product, above.dotted.rpartition(".")[2], node, scope, "constructor", several=own)
        return None

    def _partial(self, node: ast.Call, scope: Scope, depth: int) -> Value | None:
        """Read `partial(create, max_tokens=3)` as the function with an argument more."""
        inner = self.value(node.args[0], scope, depth - 1)
        if isinstance(inner, Client):
            return replace(inner, options=(*inner.options, node))
        direct = self.catalogue.function(inner.dotted) if isinstance(inner, Ref) else None
        if direct is not None:
            product, api, method = direct
            path = (*(part for part in api.paths[0].split(".") if part), method)
            return Client(product, "", None, scope, "function", path, (node,))
        return inner

    def _unpacked(self, call: ast.Call, at: int, scope: Scope, depth: int) -> Value | None:
        """Follow a function of the file that returns several values to one of them."""
        function = self.value(call.func, scope, depth - 1)
        if not isinstance(function, Local) or not isinstance(function.node, FunctionNode):
            return None
        inner = self.scopes[function.node]
        parts = [each.elts[at] for each in inner.returns if isinstance(each, ast.Tuple) and at < len(each.elts)]
        found = best_of([self.value(each, inner, depth - 2) for each in parts])
        return replace(found, origin="factory") if isinstance(found, Client) else found

    def _handed(self, binding: Binding, depth: int) -> Value | None:
        """Look at what callers in the file hand in for a parameter: a client, where all that can be read agree."""
        function, argument = binding.scope.node, binding.node
        if not isinstance(function, FunctionNode) or not isinstance(argument, ast.arg) or depth <= 2:
            return None
        found: list[Value | None] = []
        for call, scope in self.calls_of(function.name):
            given = argument_of(call, function, argument.arg)
            if given is not None:
                found.append(self.value(given, scope, depth - 2))
        clients = [each for each in found if isinstance(each, Client) and each.call is not None and not each.path]
        best = best_of(list(clients)) if clients and len(clients) == len(found) else None
        return replace(best, origin="parameter") if isinstance(best, Client) else None

    def calls_of(self, name: str) -> list[tuple[ast.Call, Scope]]:
        """List the calls in the file of anything of that name."""
        if self._calls is None:
            self._calls = {}
            for call, scope in self.seen.calls:
                last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                self._calls.setdefault(last, []).append((call, scope))
        return self._calls.get(name, [])

    def _imported(self, dotted: str, node: ast.Call, scope: Scope, depth: int) -> Value | None:
        product = self.catalogue.constructor(dotted)
        if product is not None:
            waits = ".aio." in dotted or ".asyncio." in dotted
            return Client(product, dotted.rpartition(".")[2], node, scope, "constructor", asynchronous=waits)
        if dotted in {"importlib.import_module", "__import__"} and is_lazy(node):
            return self._lazily(node)
        if node.args and dotted.rpartition(".")[2] in {"enter_async_context", "cast"}:
            return self.value(node.args[-1], scope, depth - 1)
        if self.catalogue.wrapped(dotted):
            given = [*node.args, *(each.value for each in node.keywords if each.arg == "client")]
            inner = best_of([self.value(each, scope, depth - 1) for each in given])
            return replace(inner, options=(*inner.options, node)) if isinstance(inner, Client) else Made(dotted)
        if dotted == "functools.partial" and node.args:
            return self._partial(node, scope, depth)
        return Made(dotted)

    def _returned(self, function: Local, depth: int) -> Value | None:
        """Follow a function of the file one hop: its annotation, else what it returns."""
        definition = function.node
        assert isinstance(definition, FunctionNode)  # noqa: S101  # the caller matched it
        inner = self.scopes[definition]
        found = best_of([self.value(each, inner, depth - 2) for each in [*inner.returns, *inner.yields]])
        if not isinstance(found, Client):
            stated = self.annotated(definition.returns, function.scope, depth - 1)
            found = stated if isinstance(stated, Client) or found is None else found
        return replace(found, origin="factory") if isinstance(found, Client) else found
