"""What stands around a call: a route, a loop, a retry, the making of its client, the reading of its answer.

Must not judge, nor know more of an SDK than its catalogue says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paceline.lint.sites import Fact, State
from paceline.lint.typescript.facts import Arguments, Wanted
from paceline.lint.typescript.syntax import field, first, key, named, place, plain, properties, string, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from paceline.lint.typescript.finding import Found
    from paceline.lint.typescript.scopes import Branch, Given, Scope, Seen

_ROUTERS = re.compile(r"(?:^|\.)(?:app|router|route|server|fastify|hono|api|express)\w*$|Router$|Routes?$", re.I)
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "all", "use", "route"})
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_ROUTE_FILE = re.compile(r"(?:^|/)(?:route|\+server)\.[mc]?[jt]sx?$|(?:^|/)(?:pages|app)/api/")
_SERVES = frozenset({"serve", "defineEventHandler", "eventHandler", "onRequest", "onCall", "createRoute"})
_SOCKETS = frozenset({"connection", "message", "chat", "upgrade"})
_DECORATORS = re.compile(r"^@(?:Get|Post|Put|Patch|Delete|All|Sse|SubscribeMessage|MessagePattern)\b")
_RETRIES = re.compile(r"retry|retries|backoff", re.I)
_EXITS = frozenset({"throw_statement", "return_statement", "break_statement"})
_LEFT = re.compile(rb"\b(?:break|return)\b")
_COUNTS = re.compile(
    rb"if\s*\((?:[^{};()]|\([^{};()]*\))*?"
    rb"(?:[^=]>=?|<=?|max|limit|budget|attempt|retr|step|turn|iter|count|round|deadline|left|remain)",
    re.I,
)
_WAITS = re.compile(
    rb"\bquestion\(|readline|prompt\(|\.input\(|inquirer|stdin|\byield\b|\.(?:pop|shift|dequeue|receive)\("
)
_ENDINGS = (b"finish_reason", b"finishReason", b"stop_reason", b"stopReason", b"incomplete_details", b"promptFeedback")
_READ = frozenset({"choices", "content", "text", "output_text", "output", "candidates", "object", "response", "data"})
_LISTS = frozenset({"models", "files"})
_MAIN = frozenset({"main", "run", "start", "init", "setup", "bootstrap"})
_TEXT_MAX = 20_000


class Surroundings:
    """Answers for one file."""

    def __init__(self, seen: Seen, arguments: Arguments) -> None:
        self.seen = seen
        self.arguments = arguments

    def facts(self, node: Node, scope: Scope, found: Found, known: dict[str, Fact]) -> dict[str, Fact]:
        """Decide what the surroundings tell."""
        branch = self.seen.where[node.id][1]
        facts = {"made_once": self._made_once(node, scope, found), "retried": _retried(node, branch, self.seen),
                 "bounded": _bounded(node, branch)}  # fmt: skip
        if found.api.kind == "embedding":
            return facts
        facts["interactive"] = self._interactive(node, branch)
        if known["stream"].state is State.NO and not found.method.startswith("parse"):
            facts["ending_read"] = self._ending_read(node)
        if found.api.usage and known["stream"].state is State.YES:
            usage = Wanted("include_usage", ("stream_options.include_usage",), positions=(0, 1))
            wanted = self.arguments.fact(node, scope, usage)
            helper = found.method != "create"
            facts["usage"] = wanted if not helper else Fact(State.YES, place(node), f"`{found.method}` asks for it")
        facts |= self._prefix(node, scope, found)
        return facts

    def generates(self, node: Node, scope: Scope) -> dict[str, Fact]:
        """Say *no* where a client in sight only lists models or files."""
        at = node.parent
        while at is not None and at.type in {"parenthesized_expression", "await_expression"}:
            at = at.parent
        if at is None:
            return {}
        lists = Fact(State.NO, place(node), "it only lists models")
        if at.type == "member_expression":
            return {"generates": lists} if key(field(at, "property")) in _LISTS else {}
        name, function = field(at, "name"), scope.function
        if at.type != "variable_declarator" or name is None or name.type != "identifier" or function is None:
            return {}
        used = _uses(function.node, name)
        return {"generates": lists} if used and all(each in _LISTS for each in used) else {}

    def _made_once(self, node: Node, scope: Scope, found: Found) -> Fact:
        client = found.client
        where = place(node)
        if client is None or client.call is None or client.scope is None or client.several:
            return Fact(State.UNKNOWN, where, "the client is made elsewhere")
        here = client.scope.function
        if here is None or here is not scope.function or client.origin not in {"local", "constructor"}:
            return Fact(State.YES, where, "not made in the function that calls it")
        given = self.seen.given.get(here.node.id)
        name = text(field(here.node, "name")) or ("" if given is None else given.name)
        if not name and given is not None and given.call is not None and not self._handler(here.node, given):
            return Fact(State.UNKNOWN, where, "how often the function is called is not seen")
        once = name in _MAIN or name.startswith("create") or (not name and (given is None or given.call is None))
        if once:
            return Fact(State.YES, where, f"`{name or 'it'}` runs once")
        return Fact(State.NO, where, "its client is made in the same function")

    def _interactive(self, node: Node, branch: Branch) -> Fact:
        where = place(node)
        for each in branch.upwards():
            if each.sort != "function":
                continue
            reason = self._handler(each.node, self.seen.given.get(each.node.id))
            if reason:
                return Fact(State.YES, where, reason)
        return Fact(State.UNKNOWN, where, "who waits for it is not seen")

    def _handler(self, function: Node, given: Given | None) -> str:
        name = text(field(function, "name")) or ("" if given is None else given.name)
        in_route = bool(_ROUTE_FILE.search(self.seen.path))
        if in_route and (name in _METHODS or name in {"handler", "default"}):
            return f"`{name}`"
        if function.type == "method_definition" and _decorated(function):
            return f"`{name}`"
        if (
            name == "fetch"
            and function.type in {"method_definition", "arrow_function"}
            and b"export default" in _source(self.seen)
        ):
            return "`fetch`"
        if given is None or given.call is None:
            return ""
        called = plain(field(given.call, "function"))
        arguments = named(field(given.call, "arguments"))
        path = string(arguments[0]) if arguments else None
        if called is None:
            return ""
        last = text(called) if called.type == "identifier" else key(field(called, "property")) or ""
        if last in _SERVES:
            return f"`{last}`"
        base = text(plain(field(called, "object")))[-40:] if called.type == "member_expression" else ""
        if last in _VERBS and path is not None and path.startswith(("/", "*")) and _ROUTERS.search(base):
            return f"`{base}.{last}`"
        if last == "on" and path in _SOCKETS and re.search(r"socket|io|ws|wss|client", base, re.I):
            return f"`{base}.on`"
        return ""

    def _ending_read(self, node: Node) -> Fact:
        """Say *no* where the answer's text is taken and nothing in the file looks at why it ended."""
        where = place(node)
        if any(word in _source(self.seen) for word in _ENDINGS):
            return Fact(State.UNKNOWN, where, "why an answer ended is read somewhere in the file")
        at: Node | None = node.parent
        while at is not None and at.type in {"await_expression", "parenthesized_expression", "as_expression"}:
            at = at.parent
        if at is not None and at.type == "member_expression" and key(field(at, "property")) in _READ:
            return Fact(State.NO, where, "its answer is used, why it ended is not read")
        if at is None or at.type != "variable_declarator":
            return Fact(State.UNKNOWN, where, "what becomes of the answer is not seen")
        target = field(at, "name")
        taken = {text(each)[:40] for each in named(target)} if target is not None else set()
        if target is not None and target.type == "object_pattern":
            return Fact(
                State.NO if taken & _READ else State.UNKNOWN, where, "its answer is used, why it ended is not read"
            )
        body = self._around(node)
        used = (
            re.search(rf"\b{re.escape(text(target))}[?!]*\.(?:{'|'.join(sorted(_READ))})\b", body) if target else None
        )
        if used:
            return Fact(State.NO, where, "its answer is used, why it ended is not read")
        return Fact(State.UNKNOWN, where, "what becomes of the answer is not seen")

    def _around(self, node: Node) -> str:
        function = self.seen.where[node.id][0].function
        holder = self.seen.root if function is None else function.node
        return text(holder) if holder.end_byte - holder.start_byte < _TEXT_MAX else ""

    def _prefix(self, node: Node, scope: Scope, found: Found) -> dict[str, Fact]:
        """Measure a literal system prompt, and look for a cache marker beside it."""
        entry = self.arguments.entry(node, scope, "system", ("config",))
        system = entry.node if entry is not None and not entry.doubt else None
        if system is None:
            entry = self.arguments.entry(node, scope, "messages")
            system = None if entry is None or entry.doubt else _first_system(entry.node)
        if system is None or entry is None:
            return {}
        literal = self._literal(system, entry.scope)
        if literal is None:
            return {}
        facts = {"prefix": Fact(State.YES, place(node), "the system prompt is literal", len(literal))}
        if found.product.provider == "anthropic":
            here = b"cache_control" in (node.text or b"")[:_TEXT_MAX]
            state = State.YES if here else State.UNKNOWN if b"cache_control" in _source(self.seen) else State.NO
            facts["marker"] = Fact(state, place(node), "a cache marker" if here else "no cache marker in sight")
        return facts

    def _literal(self, node: Node, scope: Scope, depth: int = 3) -> str | None:
        inner = plain(node)
        if inner is None or depth <= 0:
            return None
        if inner.type in {"identifier", "shorthand_property_identifier"}:
            held = scope.bindings(text(inner))
            if len(held) == 1 and held[0].sort == "value" and held[0].node is not None and not held[0].path:
                return self._literal(held[0].node, held[0].scope, depth - 1)
            return None
        return string(inner)


def _first_system(node: Node) -> Node | None:
    inner = plain(node)
    message = plain(first(inner)) if inner is not None and inner.type == "array" else None
    if message is None or message.type != "object":
        return None
    held = {name: value for name, _, value in properties(message)}
    return held.get("content") if string(held.get("role")) in {"system", "developer"} else None


def _source(seen: Seen) -> bytes:
    return seen.root.text or b""


def _decorated(function: Node) -> bool:
    before = function.prev_named_sibling
    while before is not None and before.type in {"decorator", "comment"}:
        if _DECORATORS.match(text(before)[:40]):
            return True
        before = before.prev_named_sibling
    return False


def _in_function(branch: Branch) -> Iterator[Branch]:
    """List what surrounds a place up to the function around it."""
    for each in branch.upwards():
        yield each
        if each.sort == "function":
            return


def _retried(node: Node, branch: Branch, seen: Seen) -> Fact:
    where = place(node)
    attempt: Node | None = None
    for each in _in_function(branch):
        if each.sort == "try":
            attempt = each.node
        elif each.sort == "loop" and attempt is not None and _tries_again(each.node, attempt):
            return Fact(State.YES, where, "a loop that catches and tries again", "loop")
    for each in branch.upwards():
        given = seen.given.get(each.node.id) if each.sort == "function" else None
        called = None if given is None or given.call is None else plain(field(given.call, "function"))
        if called is not None and _RETRIES.search(text(called)[-40:]):
            return Fact(State.YES, where, f"`{text(called)[-40:]}`", "decorator")
    return Fact(State.NO, where, "nothing in sight tries again")


def _tries_again(loop: Node, attempt: Node) -> bool:
    """Tell a retry from a loop over things to do: success leaves it, failure goes round."""
    caught = field(field(attempt, "handler"), "body")
    last = next(iter(reversed(named(caught))), None)
    if loop.type == "for_in_statement" or caught is None or (last is not None and last.type in _EXITS):
        return False
    tried = (attempt.text or b"")[:_TEXT_MAX]
    return _LEFT.search(tried[: caught.start_byte - attempt.start_byte]) is not None


def _bounded(node: Node, branch: Branch) -> Fact:
    """Say *no* where nothing but the model ends the loop around a call."""
    where = place(node)
    for each in _in_function(branch):
        if each.sort != "loop" or each.node.type == "for_in_statement":
            continue
        condition = plain(field(each.node, "condition"))
        endless = condition is None or text(condition) in {"true", "1", ";"} or condition.type == "empty_statement"
        source = (each.node.text or b"")[:_TEXT_MAX]
        if not endless:
            return Fact(State.UNKNOWN, where, "what ends the loop is not followed")
        if _COUNTS.search(source) or _WAITS.search(source):
            return Fact(State.UNKNOWN, where, "the loop may end by a count, or wait for somebody")
        return Fact(State.NO, where, "it stands in a loop that only the model ends")
    return Fact(State.YES, where, "not in an endless loop")


def _uses(function: Node, name: Node) -> list[str | None]:
    """List the member that is taken at each use of a name; None where the name itself goes somewhere."""
    found: list[str | None] = []
    stack = [function]
    while stack:
        at = stack.pop()
        stack += at.named_children
        if at.type not in {"identifier", "shorthand_property_identifier"} or text(at) != text(name) or at.id == name.id:
            continue
        outer = at.parent
        taken = outer is not None and outer.type == "member_expression"
        found.append(key(field(outer, "property")) if taken else None)
    return found
