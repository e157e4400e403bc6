"""What stands around a call in Python: a coroutine, retries, loops, a route, and what is done with the answer.

Looks outwards from a call, and at the uses of the name its answer is bound to. Must not know SDKs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from paceline.lint.scopes import FunctionNode
from paceline.lint.sites import Fact, State
from paceline.lint.values import place

_ROUTES = {"route", "get", "post", "put", "patch", "websocket", "websocket_route", "api_route", "on_message"}
_ROUTERS = {"app", "router", "api", "bp", "blueprint", "server", "cl", "application"}
_CHATS = {"on_message", "message_handler", "on_chat_message"}
_RETRIES = ("retry", "backoff", "on_exception", "retrying")
_ENDINGS = {"finish_reason", "stop_reason", "incomplete_details", "status", "done_reason"}
_WHOLE = {"model_dump", "model_dump_json", "to_dict", "to_json", "dict", "json", "copy"}
_OTHERS = re.compile(r"(?:requests|httpx|aiohttp|urllib3|socket|sqlalchemy|redis)\.")
_LISTS = {"models", "files"}
_HOLDERS = {"choices", "candidates", "output", "message", "results"}
_WAITS = {
    "input", "get", "recv", "receive", "receive_text", "receive_json", "prompt", "ask", "sleep", "wait", "readline",
    "pop", "popleft", "fetchone", "poll", "next", "consume", "accept", "lpop", "blpop", "brpop", "claim",
}  # fmt: skip
_COUNTS = ("max", "limit", "budget", "attempt", "retr", "step", "turn", "iter", "count", "round", "deadline", "left")


class Around:
    """Answers for one file; its table of parents is made when it is first asked."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self._parents: dict[ast.AST, ast.AST] = {}

    def outwards(self, node: ast.AST) -> Iterator[ast.AST]:
        """List what a node stands in, from the inside out."""
        if not self._parents:
            for parent in ast.walk(self.tree):
                for child in ast.iter_child_nodes(parent):
                    self._parents[child] = parent
        current: ast.AST | None = self._parents.get(node)
        while current is not None:
            yield current
            current = self._parents.get(current)

    def awaited(self, call: ast.Call, blocking: bool | None) -> Fact:
        """Say *no* where a blocking call stands in a coroutine."""
        first = True
        for outer in self.outwards(call):
            if first and (isinstance(outer, ast.Await) or _later(outer)):
                return Fact(State.YES, place(call), "it is awaited")
            first = False
            if isinstance(outer, (ast.FunctionDef, ast.Lambda)):
                break
            if isinstance(outer, ast.AsyncFunctionDef):
                if blocking is None:
                    return Fact(State.UNKNOWN, place(call), "the client is made elsewhere")
                because = "it blocks the event loop" if blocking else ""
                return Fact(State.NO if blocking else State.YES, place(call), because)
        return Fact(State.YES, place(call), "not in a coroutine")

    def retried(self, call: ast.Call) -> Fact:
        """Say *yes* where code around the call tries again."""
        inner: ast.AST = call
        within: ast.Try | None = None
        for outer in self.outwards(call):
            if isinstance(outer, ast.Try) and inner in outer.body:
                within = outer
            elif isinstance(outer, (ast.For, ast.AsyncFor)) and "etrying" in ast.unparse(outer.iter):
                return Fact(State.YES, place(outer), "a loop of tenacity", "decorator")
            elif isinstance(outer, (ast.For, ast.AsyncFor, ast.While)) and within is not None:
                if _tries_again(outer, within):
                    return Fact(State.YES, place(outer), "a loop that catches and tries again", "loop")
            elif isinstance(outer, FunctionNode):
                return _decorated(outer, call)
            inner = outer
        return Fact(State.NO, place(call), "")

    def bounded(self, call: ast.Call) -> Fact | None:
        """Say *no* where the call stands in a loop that nothing but the model ends."""
        for outer in self.outwards(call):
            if isinstance(outer, FunctionNode):
                return None
            if isinstance(outer, ast.While) and isinstance(outer.test, ast.Constant) and outer.test.value:
                return _endless(outer)
        return None

    def interactive(self, call: ast.Call) -> Fact | None:
        """Say *yes* in a route, a socket or a chat callback."""
        for outer in self.outwards(call):
            if not isinstance(outer, FunctionNode):
                continue
            for decorator in outer.decorator_list:
                target = decorator.func if isinstance(decorator, ast.Call) else decorator
                if not isinstance(target, ast.Attribute):
                    continue
                root = target.value.id if isinstance(target.value, ast.Name) else ""
                routes = target.attr in _ROUTES and (root in _ROUTERS or root.endswith(("_router", "_app", "_bp")))
                if routes or target.attr in _CHATS:
                    return Fact(State.YES, place(decorator), f"`@{ast.unparse(target)}`")
        return None

    def ending_read(self, call: ast.Call) -> Fact:
        """Say *no* where the answer is used in sight and why it ended is never looked at."""
        node, parent = self._answer(call)
        if isinstance(parent, (ast.Attribute, ast.Subscript)):
            return self._of_use(node, call)
        if not (
            isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name)
        ):
            return Fact(State.UNKNOWN, place(call), "the answer goes elsewhere")
        function = next(
            (each for each in self.outwards(call) if isinstance(each, (FunctionNode, ast.Module))), self.tree
        )
        name, seen = parent.targets[0].id, False
        for use in ast.walk(function):
            if isinstance(use, ast.Name) and use.id == name and isinstance(use.ctx, ast.Load):
                seen = True
                fact = self._of_use(use, call)
                if fact.state is not State.NO:
                    return fact
        if not seen:
            return Fact(State.UNKNOWN, place(call), "the answer is not used in sight")
        return Fact(State.NO, place(call), "nothing looks at why it ended")

    def generates(self, call: ast.Call) -> dict[str, Fact]:
        """Say *no* where a client in sight only lists models or files."""
        node, parent = self._answer(call)
        uses = [parent] if isinstance(parent, ast.Attribute) else self._uses(call, parent)
        if uses and all(isinstance(each, ast.Attribute) and each.attr in _LISTS for each in uses):
            return {"generates": Fact(State.NO, place(node), "it only lists models")}
        return {}

    def _uses(self, call: ast.Call, parent: ast.AST | None) -> list[ast.AST | None]:
        """List what stands around each use of the name that a call in a function is bound to."""
        if not (
            isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name)
        ):
            return []
        function = next((each for each in self.outwards(call) if isinstance(each, FunctionNode)), None)
        if function is None:
            return []
        name = parent.targets[0].id
        loads = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
        return [next(self.outwards(each), None) for each in loads if isinstance(each.ctx, ast.Load)]

    def _answer(self, call: ast.Call) -> tuple[ast.AST, ast.AST | None]:
        node: ast.AST = call
        for outer in self.outwards(call):
            if not isinstance(outer, ast.Await):
                return node, outer
            node = outer
        return node, None

    def _of_use(self, node: ast.AST, call: ast.Call) -> Fact:
        """Follow one use of an answer down its attributes: which part of it is taken."""
        last, deepest = "", node
        for outer in self.outwards(node):
            if isinstance(outer, ast.Attribute):
                last = outer.attr
                if last in _ENDINGS:
                    return Fact(State.YES, place(outer), f"`{last}` is read")
            elif not (isinstance(outer, ast.Subscript) and outer.value is deepest):
                break
            deepest = outer
        if not last or last in _WHOLE or (last in _HOLDERS and last != "message"):
            return Fact(State.UNKNOWN, place(call), "the answer goes elsewhere")
        return Fact(State.NO, place(call), "nothing looks at why it ended")


def _later(node: ast.AST) -> bool:
    """Say whether a call takes coroutines to run them."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"create_task", "ensure_future", "gather", "wait_for", "shield", "run_coroutine_threadsafe"}


def _decorated(function: FunctionNode, call: ast.Call) -> Fact:
    for decorator in function.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = ast.unparse(target)
        if _OTHERS.search(ast.unparse(decorator)):
            continue
        if any(word in name.rpartition(".")[2].lower() for word in _RETRIES) or name.startswith("backoff."):
            return Fact(State.YES, place(decorator), f"`@{name}`", "decorator")
    return Fact(State.NO, place(call), "")


def _tries_again(loop: ast.For | ast.AsyncFor | ast.While, attempt: ast.Try) -> bool:
    """Tell a retry from a loop over things to do: success leaves it, failure goes round."""
    if not attempt.handlers or all(isinstance(each.body[-1], (ast.Raise, ast.Return, ast.Break))
                                   for each in attempt.handlers):  # fmt: skip
        return False
    counted = isinstance(loop, ast.While) or (
        isinstance(loop.iter, ast.Call) and isinstance(loop.iter.func, ast.Name) and loop.iter.func.id == "range"
    )
    leaves = any(
        isinstance(each, (ast.Return, ast.Break))
        for part in (*attempt.body, *attempt.orelse)
        for each in ast.walk(part)
    )
    return counted and leaves


def _endless(loop: ast.While) -> Fact | None:
    """Judge `while True`: a count or a clock that ends it is a bound, waiting for somebody is not an agent's loop."""
    for node in ast.walk(loop):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _WAITS or "input" in name.lower():
                return None
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return None
        if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in node.ops):
            return Fact(State.YES, place(node), "a comparison ends it")
        if isinstance(node, ast.If) and any(word in ast.unparse(node.test).lower() for word in _COUNTS):
            return Fact(State.YES, place(node), "a count ends it")
    return Fact(State.NO, place(loop), "only the model ends this loop")
