"""Scopes of a Python file: which name is bound to what, where, and whether only on some paths.

One pass over the tree. Must not know SDKs: what names mean is `resolve`'s.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

_LEAVES = frozenset({ast.Load, ast.Store, ast.Del, ast.Name, ast.Constant, ast.alias, ast.arg, ast.Pass, ast.Global})
_BRANCHES = frozenset({ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match})
_NOTED = frozenset(
    {
        ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.AugAssign, ast.For, ast.AsyncFor,
        ast.comprehension, ast.withitem, ast.Return, ast.Delete, ast.Call, ast.keyword, ast.Dict,
    }
)  # fmt: skip
"""What the pass looks at; most nodes of a tree are none of these."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Binding:
    """One way a name gets its value. `sort`: import, value, parameter, function, class, other."""

    sort: str
    node: ast.AST | None
    scope: Scope
    dotted: str = ""
    conditional: bool = False


@dataclass(slots=True)
class Change:
    """Something done to a dictionary after it was made; `key` None means that anything may have changed."""

    key: str | None
    value: ast.expr | None
    conditional: bool
    removes: bool = False
    mapping: ast.expr | None = None


@dataclass(slots=True)
class Scope:
    """A module, class or function."""

    node: ast.AST
    parent: Scope | None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    returns: list[ast.expr] = field(default_factory=list)

    @property
    def function(self) -> FunctionNode | None:
        """Return the function that this scope is, if it is one."""
        return self.node if isinstance(self.node, FunctionNode) else None

    def bindings(self, name: str) -> list[Binding]:
        """Find what a name is bound to, from here outwards; classes are seen only from within themselves."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope.names[name]
            scope = scope.parent
        return []

    def owner(self) -> Scope | None:
        """Return the class around a method, however deep."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope


@dataclass(slots=True)
class Seen:
    """What the pass found: calls, texts with parts, and each with its scope."""

    module: Scope
    calls: list[tuple[ast.Call, Scope]] = field(default_factory=list)
    texts: list[tuple[ast.expr, Scope, str]] = field(default_factory=list)
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)


def survey(tree: ast.Module) -> Seen:
    """Walk a file once."""
    seen = Seen(Scope(tree, None))
    seen.scopes[tree] = seen.module
    _Walk(seen).body(tree.body, seen.module, False)
    return seen


class _Walk:
    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def body(self, nodes: list[ast.stmt], scope: Scope, conditional: bool) -> None:
        for node in nodes:
            self.visit(node, scope, conditional)

    def visit(self, node: ast.AST, scope: Scope, conditional: bool) -> None:
        if isinstance(node, FunctionNode):
            self._function(node, scope, conditional)
            return
        if isinstance(node, ast.ClassDef):
            self._class(node, scope, conditional)
            return
        sort = type(node)
        if sort in _NOTED:
            self._note(node, scope, conditional)
        inner = conditional or sort in _BRANCHES
        for name in node._fields:
            child = getattr(node, name, None)
            if isinstance(child, list):
                for each in child:
                    if isinstance(each, ast.AST) and type(each) not in _LEAVES:
                        self.visit(each, scope, inner)
            elif isinstance(child, ast.AST) and type(child) not in _LEAVES:
                self.visit(child, scope, inner)

    def _function(self, node: FunctionNode, scope: Scope, conditional: bool) -> None:
        _add(scope.names, node.name, Binding("function", node, scope, conditional=conditional))
        inner = Scope(node, scope)
        self.seen.scopes[node] = inner
        spec = node.args
        for argument in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]:
            if argument is not None:
                _add(inner.names, argument.arg, Binding("parameter", argument, inner))
        for outside in [*node.decorator_list, *spec.defaults, *(each for each in spec.kw_defaults if each)]:
            self.visit(outside, scope, conditional)
        self.body(node.body, inner, False)

    def _class(self, node: ast.ClassDef, scope: Scope, conditional: bool) -> None:
        _add(scope.names, node.name, Binding("class", node, scope, conditional=conditional))
        inner = Scope(node, scope)
        self.seen.scopes[node] = inner
        for outside in [*node.bases, *node.decorator_list, *(each.value for each in node.keywords)]:
            self.visit(outside, scope, conditional)
        self.body(node.body, inner, False)

    def _note(self, node: ast.AST, scope: Scope, conditional: bool) -> None:  # noqa: PLR0912  # one case a statement
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope, conditional)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, scope, conditional)
            case ast.AnnAssign(target=target, value=value):
                self._bind(target, value if value is not None else node, scope, conditional)
            case ast.NamedExpr(target=target, value=value):
                self._bind(target, value, scope, conditional)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                scope.changes.setdefault(name, []).append(Change(None, None, conditional, mapping=value))
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                self._bind(target, None, scope, True)
            case ast.withitem(context_expr=value, optional_vars=target) if target is not None:
                self._bind(target, value, scope, conditional)
            case ast.Return(value=value) if value is not None:
                scope.returns.append(value)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                        key = _text(target.slice)
                        _changed(scope, target.value.id, Change(key, None, conditional, removes=True))
            case ast.Call():
                self.seen.calls.append((node, scope))
                _method(node, scope, conditional)
            case _:
                pass
        self._texts(node, scope)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope, conditional: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                dotted = alias.name if alias.asname else alias.name.partition(".")[0]
                self.seen.imports.add(alias.name)
                binding = Binding("import", node, scope, dotted, conditional)
                _add(scope.names, alias.asname or dotted, binding)
            return
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            dotted = f"{module}.{alias.name}" if module.strip(".") else f"{module}{alias.name}"
            self.seen.imports.add(dotted)
            _add(scope.names, alias.asname or alias.name, Binding("import", node, scope, dotted, conditional))

    def _bind(self, target: ast.expr, value: ast.AST | None, scope: Scope, conditional: bool) -> None:
        match target:
            case ast.Name(id=name):
                _add(scope.names, name, Binding("value" if value else "other", value, scope, conditional=conditional))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                owner = scope.owner()
                if owner is not None:
                    _add(owner.attributes, name, Binding("value", value, scope, conditional=conditional))
            case ast.Subscript(value=ast.Name(id=name), slice=key):
                expression = value if isinstance(value, ast.expr) else None
                _changed(scope, name, Change(_text(key), expression, conditional))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
                for at, each in enumerate(targets):
                    part = values[at] if len(values) == len(targets) else None
                    self._bind(each, part, scope, conditional)
            case _:
                pass

    def _texts(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._text(value, scope, name)
            case ast.keyword(arg=str(name), value=value):
                self._text(value, scope, name)
            case ast.Dict(keys=keys, values=values):
                pairs = {_text(key): value for key, value in zip(keys, values, strict=True) if key is not None}
                if "content" in pairs and "role" in pairs and _text(pairs["role"]) in {"system", "developer"}:
                    self._text(pairs["content"], scope, "system")
            case _:
                pass

    def _text(self, value: ast.expr, scope: Scope, name: str) -> None:
        lowered = name.lower()
        if any(word in lowered for word in ("system", "instruction")) and isinstance(value, (ast.JoinedStr, ast.BinOp)):
            self.seen.texts.append((value, scope, name))


def _add(names: dict[str, list[Binding]], name: str, binding: Binding) -> None:
    names.setdefault(name, []).append(binding)


def _changed(scope: Scope, name: str, change: Change) -> None:
    scope.changes.setdefault(name, []).append(change)


def _method(node: ast.Call, scope: Scope, conditional: bool) -> None:
    """Note what a call may do to a dictionary it is made on or is given."""
    match node.func:
        case ast.Attribute(value=ast.Name(id=name), attr="update"):
            for argument in node.args:
                _changed(scope, name, Change(None, None, conditional, mapping=argument))
            for keyword in node.keywords:
                mapping = keyword.value if keyword.arg is None else None
                _changed(scope, name, Change(keyword.arg, keyword.value, conditional, mapping=mapping))
        case ast.Attribute(value=ast.Name(id=name), attr="setdefault") if node.args:
            value = node.args[1] if len(node.args) > 1 else None
            _changed(scope, name, Change(_text(node.args[0]), value, conditional))
        case ast.Attribute(value=ast.Name(id=name), attr="pop" | "popitem" | "clear"):
            key = _text(node.args[0]) if node.args else None
            _changed(scope, name, Change(key, None, conditional, removes=True))
        case _:
            pass
    reads_only = isinstance(node.func, ast.Name) and node.func.id in {"print", "len", "dict", "str", "repr", "sorted"}
    logs = isinstance(node.func, ast.Attribute) and node.func.attr in {"debug", "info", "warning", "error", "dumps"}
    for argument in node.args:
        if isinstance(argument, ast.Name) and not reads_only and not logs:
            _changed(scope, argument.id, Change(None, None, conditional))


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
