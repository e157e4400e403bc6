"""One pass over a Python file: its scopes, calls, stores and texts.

Notes what is bound, changed, returned and called, where, and whether only on some paths. Must not know SDKs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from paceline.lint.scopes import Binding, Change, Condition, FunctionNode, Scope, Seen, Unpacked

_LEAVES = frozenset({ast.Load, ast.Store, ast.Del, ast.Name, ast.Constant, ast.alias, ast.arg, ast.Pass})
_BRANCHES = frozenset({ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match})
_Note = Callable[..., None]


def survey(tree: ast.Module) -> Seen:
    """Walk a file once."""
    seen = Seen(Scope(tree, None))
    seen.scopes[tree] = seen.module
    _Walk(seen).body(tree.body, seen.module, False)
    return seen


class _Walk:
    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.noted: dict[type[ast.AST], _Note] = {
            ast.Import: self._import, ast.ImportFrom: self._import_from, ast.Assign: self._assign,
            ast.AnnAssign: self._annotated, ast.NamedExpr: self._named, ast.AugAssign: self._augmented,
            ast.For: self._loop, ast.AsyncFor: self._loop, ast.comprehension: self._loop, ast.withitem: self._with,
            ast.Return: self._return, ast.Delete: self._delete, ast.Call: self._call, ast.keyword: self._keyword,
            ast.Dict: self._dict, ast.Yield: self._yield, ast.Global: self._global, ast.Nonlocal: self._nonlocal,
            ast.Tuple: self._message,
        }  # fmt: skip
        self.opening: dict[type[ast.AST], _Note] = {
            ast.FunctionDef: self._function, ast.AsyncFunctionDef: self._function, ast.ClassDef: self._class,
            ast.Lambda: self._lambda,
        }  # fmt: skip

    def body(self, nodes: list[ast.stmt], scope: Scope, conditional: Condition) -> None:
        for node in nodes:
            self.visit(node, scope, conditional)

    def visit(self, node: ast.AST, scope: Scope, conditional: Condition) -> None:
        sort = type(node)
        opening = self.opening.get(sort)
        if opening is not None:
            opening(node, scope, conditional)
            return
        noted = self.noted.get(sort)
        if noted is not None:
            noted(node, scope, conditional)
        if sort is ast.If:
            self._if(node, scope, conditional)
            return
        branches = sort in _BRANCHES
        for name in node._fields:
            child = getattr(node, name, None)
            inner: Condition = (id(node), name) if branches else conditional
            if isinstance(child, list):
                for each in child:
                    if type(each) not in _LEAVES and isinstance(each, ast.AST):
                        self.visit(each, scope, inner)
            elif type(child) not in _LEAVES and isinstance(child, ast.AST):
                self.visit(child, scope, inner)

    def _if(self, node: ast.AST, scope: Scope, conditional: Condition) -> None:
        """Walk both sides apart; `if "k" not in d: d["k"] = v` sets it either way, as does `if x is None: x = v`."""
        assert isinstance(node, ast.If)  # noqa: S101  # the caller looked
        self.visit(node.test, scope, True)
        filled = _filled(node)
        for side, statements in ((True, node.body), (False, node.orelse)):
            for each in statements:
                self.visit(each, scope, conditional if each is filled else (id(node), side))

    def _open(self, node: ast.AST, scope: Scope) -> Scope:
        inner = Scope(node, scope)
        self.seen.scopes[node] = inner
        return inner

    def _function(self, node: FunctionNode, scope: Scope, conditional: Condition) -> None:
        _add(scope.names, node.name, Binding("function", node, scope, conditional=conditional))
        inner = self._open(node, scope)
        _parameters(node.args, inner)
        for outside in [*node.decorator_list, *node.args.defaults, *(each for each in node.args.kw_defaults if each)]:
            self.visit(outside, scope, conditional)
        self.body(node.body, inner, False)

    def _lambda(self, node: ast.Lambda, scope: Scope, conditional: Condition) -> None:
        inner = self._open(node, scope)
        _parameters(node.args, inner)
        inner.returns.append(node.body)
        self.visit(node.body, inner, conditional)

    def _class(self, node: ast.ClassDef, scope: Scope, conditional: Condition) -> None:
        _add(scope.names, node.name, Binding("class", node, scope, conditional=conditional))
        inner = self._open(node, scope)
        for outside in [*node.bases, *node.decorator_list, *(each.value for each in node.keywords)]:
            self.visit(outside, scope, conditional)
        self.body(node.body, inner, False)

    def _assign(self, node: ast.Assign, scope: Scope, conditional: Condition) -> None:
        for target in node.targets:
            self._bind(target, node.value, scope, conditional)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._text(node.value, scope, node.targets[0].id)

    def _annotated(self, node: ast.AnnAssign, scope: Scope, conditional: Condition) -> None:
        self._bind(node.target, node.value if node.value is not None else node, scope, conditional)
        if isinstance(scope.node, ast.ClassDef) and isinstance(node.target, ast.Name):
            scope.names[node.target.id][-1].declared = True
        if node.value is not None and isinstance(node.target, ast.Name):
            self._text(node.value, scope, node.target.id)

    def _named(self, node: ast.NamedExpr, scope: Scope, conditional: Condition) -> None:
        self._bind(node.target, node.value, scope, conditional)

    def _augmented(self, node: ast.AugAssign, scope: Scope, conditional: Condition) -> None:
        if isinstance(node.target, ast.Name):
            change = Change(None, None, conditional, mapping=node.value, line=node.lineno)
            _changed(scope, node.target.id, change)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.comprehension, scope: Scope, _conditional: Condition) -> None:
        self._bind(node.target, None, scope, True)

    def _with(self, node: ast.withitem, scope: Scope, conditional: Condition) -> None:
        if node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr, scope, conditional)

    def _return(self, node: ast.Return, scope: Scope, _conditional: Condition) -> None:
        if node.value is not None:
            scope.returns.append(node.value)
            if isinstance(scope.node, FunctionNode) and _says_prompt(scope.node.name):
                self._text(node.value, scope, f"the text of {scope.node.name}")

    def _yield(self, node: ast.Yield, scope: Scope, _conditional: Condition) -> None:
        if node.value is not None:
            scope.yields.append(node.value)

    def _delete(self, node: ast.Delete, scope: Scope, conditional: Condition) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                change = Change(_text(target.slice), None, conditional, removes=True, line=node.lineno)
                _changed(scope, target.value.id, change)

    def _call(self, node: ast.Call, scope: Scope, conditional: Condition) -> None:
        self.seen.calls.append((node, scope))
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name.endswith("SystemMessage"):
            for part in (*node.args[:1], *(each.value for each in node.keywords if each.arg == "content")):
                self._text(part, scope, "system")
        elif len(node.keywords) > 1:
            given = {each.arg: each.value for each in node.keywords}
            if "role" in given and "content" in given and _text(given["role"]) in _SYSTEM:
                self._text(given["content"], scope, "system")
        match node.func:
            case ast.Attribute(value=ast.Attribute(attr=held), attr=method) if method in _CHANGERS:
                key = _text(node.args[0]) if node.args and method in {"setdefault", "pop"} else None
                self.seen.touched.setdefault(held, set()).add(key)
        if not _reads(node):
            for argument in node.args:
                if isinstance(argument, ast.Attribute):
                    self.seen.touched.setdefault(argument.attr, set()).add(None)
        _method(node, scope, conditional)

    def _global(self, node: ast.Global, scope: Scope, _conditional: Condition) -> None:
        scope.elsewhere.update(dict.fromkeys(node.names, self.seen.module))

    def _nonlocal(self, node: ast.Nonlocal, scope: Scope, _conditional: Condition) -> None:
        if scope.parent is not None:
            scope.elsewhere.update(dict.fromkeys(node.names, scope.parent))

    def _import(self, node: ast.Import, scope: Scope, conditional: Condition) -> None:
        for alias in node.names:
            dotted = alias.name if alias.asname else alias.name.partition(".")[0]
            self.seen.imports.add(alias.name)
            _add(scope.names, alias.asname or dotted, Binding("import", node, scope, dotted, conditional))

    def _import_from(self, node: ast.ImportFrom, scope: Scope, conditional: Condition) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            dotted = f"{module}.{alias.name}" if module.strip(".") else f"{module}{alias.name}"
            self.seen.imports.add(dotted)
            if alias.asname:
                self.seen.renamed.add(alias.asname)
            _add(scope.names, alias.asname or alias.name, Binding("import", node, scope, dotted, conditional))

    def _bind(self, target: ast.expr, value: ast.AST | None, scope: Scope, conditional: Condition) -> None:
        match target:
            case ast.Name(id=name):
                if isinstance(value, (ast.Attribute, ast.Call, ast.Name)):
                    self.seen.renamed.add(name)
                home = scope.elsewhere.get(name, scope)
                doubtful = conditional or home is not scope
                _add(home.names, name, Binding("value" if value else "other", value, scope, conditional=doubtful))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                owner = scope.owner()
                if owner is not None:
                    _add(owner.attributes, name, Binding("value", value, scope, conditional=conditional))
            case ast.Attribute() if isinstance(value, ast.expr):
                self.seen.stores.append((target, value, scope))
            case ast.Subscript(value=ast.Attribute(attr=name), slice=key):
                self.seen.touched.setdefault(name, set()).add(_text(key))
            case ast.Subscript(value=ast.Name(id=name), slice=key):
                expression = value if isinstance(value, ast.expr) else None
                _changed(scope, name, Change(_text(key), expression, conditional, line=target.lineno))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
                for at, each in enumerate(targets):
                    part: ast.AST | None = values[at] if len(values) == len(targets) else None
                    if part is None and isinstance(value, ast.Call):
                        part = ast.copy_location(Unpacked(value, ast.Constant(at), ast.Load()), value)
                    self._bind(each, part, scope, conditional)
            case _:
                pass

    def _keyword(self, node: ast.keyword, scope: Scope, _conditional: Condition) -> None:
        if node.arg is not None:
            self._text(node.value, scope, node.arg)

    def _dict(self, node: ast.Dict, scope: Scope, _conditional: Condition) -> None:
        pairs = {_text(key): value for key, value in zip(node.keys, node.values, strict=True) if key is not None}
        if "content" in pairs and "role" in pairs and _text(pairs["role"]) in _SYSTEM:
            self._text(pairs["content"], scope, "system")

    def _message(self, node: ast.Tuple, scope: Scope, _conditional: Condition) -> None:
        match node.elts:
            case [ast.Constant(value="system" | "developer"), text]:
                self._text(text, scope, "system")

    def _text(self, value: ast.expr, scope: Scope, name: str) -> None:
        lowered = name.lower()
        told = ("system" in lowered or "instruction" in lowered) and not lowered.endswith(_NO_TEXT)
        if told and isinstance(value, _TEXTS):
            self.seen.texts.append((value, scope, name))


def _filled(node: ast.If) -> ast.stmt | None:
    """Return the statement that fills in a key, or a name, which the test found missing."""
    match node.test:
        case ast.Compare(left=ast.Constant(value=key), ops=[ast.NotIn()], comparators=[ast.Name(id=name)]):
            return next((each for each in node.body if _stores(each, name, key)), None)
        case (
            ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)])
            | ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name))
        ):
            return next((each for each in node.body if _stores(each, name, None)), None)
    return None


def _stores(node: ast.stmt, name: str, key: object) -> bool:
    match node:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=held), slice=ast.Constant(value=at))]):
            return held == name and at == key
        case ast.Assign(targets=[ast.Name(id=held)]):
            return held == name and key is None
    return False


_TEXTS = (ast.JoinedStr, ast.BinOp, ast.Call, ast.Name, ast.Lambda, ast.IfExp, ast.Await, ast.List)
_SYSTEM = {"system", "developer"}
_CHANGERS = {"update", "setdefault", "pop", "clear", "popitem"}
_NO_TEXT = ("_id", "_name", "_key", "_path", "_file", "_url", "_type", "_hash", "_count", "_size", "_class", "_time")


def _says_prompt(name: str) -> bool:
    lowered = name.lower()
    return "system" in lowered or "instruction" in lowered or "prompt" in lowered


def _parameters(spec: ast.arguments, inner: Scope) -> None:
    for argument in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]:
        if argument is not None:
            _add(inner.names, argument.arg, Binding("parameter", argument, inner))


def _add(names: dict[str, list[Binding]], name: str, binding: Binding) -> None:
    names.setdefault(name, []).append(binding)


def _changed(scope: Scope, name: str, change: Change) -> None:
    scope.changes.setdefault(name, []).append(change)


def _method(node: ast.Call, scope: Scope, conditional: Condition) -> None:
    """Note what a call may do to a dictionary it is made on or is given."""
    line = node.end_lineno or node.lineno
    match node.func:
        case ast.Attribute(value=ast.Name(id=name), attr="update"):
            for argument in node.args:
                _changed(scope, name, Change(None, None, conditional, mapping=argument, line=line))
            for keyword in node.keywords:
                mapping = keyword.value if keyword.arg is None else None
                _changed(scope, name, Change(keyword.arg, keyword.value, conditional, mapping=mapping, line=line))
        case ast.Attribute(value=ast.Name(id=name), attr="setdefault") if node.args:
            value = node.args[1] if len(node.args) > 1 else None
            _changed(scope, name, Change(_text(node.args[0]), value, conditional, line=line))
        case ast.Attribute(value=ast.Name(id=name), attr="pop" | "popitem" | "clear"):
            key = _text(node.args[0]) if node.args else None
            _changed(scope, name, Change(key, None, conditional, removes=True, line=line))
        case _:
            pass
    reads_only = _reads(node)
    for argument in node.args:
        if isinstance(argument, ast.Name) and not reads_only:
            _changed(scope, argument.id, Change(None, None, conditional, line=line))


def _reads(node: ast.Call) -> bool:
    """Say whether a call surely changes nothing that it is given."""
    if isinstance(node.func, ast.Name):
        return node.func.id in {"print", "len", "dict", "str", "repr", "sorted"}
    return isinstance(node.func, ast.Attribute) and node.func.attr in {"debug", "info", "warning", "error", "dumps"}


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
