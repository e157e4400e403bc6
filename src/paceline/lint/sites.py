"""Site records: what a front end says of one place in the code, and all that a rule may see.

A fact is *yes*, *no* or *unknown*, with the place that decided it. Must not know any language's syntax tree.

Which facts a kind of site has (a front end leaves out what it never decides; absent is unknown):

==========  ===================================================================================================
kind        facts
==========  ===================================================================================================
client      timeout, retries, base_url, key, tags, generates
framework   those of client, and cap, stream, model
generation  cap, timeout, retries, stream, usage, tags, model; awaited, made_once, ending_read, interactive,
            retried, bounded, prefix, marker
embedding   timeout, retries, tags, model; awaited, made_once, retried
http        url
prompt      stable, ordered
setting     timeout, retries, base_url, key: set once for the whole program (`litellm.request_timeout = 30`)
dependency  package
==========  ===================================================================================================

What they mean; *value* is `Fact.value`:

- cap, timeout, retries, base_url, key, tags, model, stream: the parameter is set, at the call or at what it goes
  through; *value* is its literal. `stream=False` is *no*. A key's text is never put into a fact.
- generates: *no* where a client in sight only lists models.
- usage: a stream of the chat API reports its tokens (`stream_options.include_usage`); only where one must ask.
- awaited: *no* where a blocking call stands in a coroutine.
- made_once: *no* where the client is made anew in the very function that calls it.
- ending_read: *no* where an answer is used in sight and why it ended (`finish_reason`) is never looked at.
- interactive: *yes* where somebody waits: a route, a socket, a chat callback; *because* says which.
- retried: *yes* where code around the call tries again; *value* is `decorator` or `loop`.
- bounded: *no* where the call stands in a loop that nothing but the model ends.
- prefix: *yes* where the system prompt is literal; *value* is its length in characters.
- marker: the prompt has a cache marker (`cache_control`).
- stable: *no* where a prompt's beginning changes; *value* is `fine`, `day` or `identity` (a user, a session).
- ordered: *no* where a prompt's beginning has no order of its own: a set, a listing of files.
- url: *yes* with the address as *value*, where a raw request goes to a provider's own host.
- package: *yes* with the package's name as *value*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Whether something holds, as far as the code says."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a place in the code is."""

    CLIENT = "client"
    FRAMEWORK = "framework"
    GENERATION = "generation"
    EMBEDDING = "embedding"
    HTTP = "http"
    PROMPT = "prompt"
    SETTING = "setting"
    DEPENDENCY = "dependency"


PARAMETERS = ("base_url", "cap", "model", "retries", "stream", "tags", "timeout")
"""The facts that say what a call is given: a run's coverage counts these."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1, in the file of the site; a notebook's lines are counted over its code cells."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` (not included) of a file, and what is to stand there instead."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Where an argument can be added to a site's call, and the form it has in that language.

    `before` and `after` hold what must stand around it: a comma, a space, the braces of an options object.
    """

    at: int
    before: str = ""
    after: str = ""
    form: str = "{name}={value}"

    def edit(self, name: str, value: str) -> Edit:
        """Add one argument; `value` is source text."""
        return Edit(self.at, self.at, self.before + self.form.format(name=name, value=value) + self.after)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that holds or not: where that was decided, why, and the value when it is a literal.

    `span` are the bytes of the argument's value, `cut` those of the whole argument with its comma; both only where
    the argument stands in the site's own call.
    """

    state: State
    place: Place | None = None
    because: str = ""
    value: Any = None
    explicit: bool = False
    """*no* that somebody wrote down (`timeout=None`), not one that was left out."""
    span: tuple[int, int] | None = None
    cut: tuple[int, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        place = {"line": self.place.line, "column": self.place.column} if self.place else None
        return {"state": self.state.value, "place": place, "because": self.because}


@dataclass(frozen=True, slots=True)
class Site:
    """One construction, call, request, prompt or dependency.

    `product` is the catalogue's name for it in the catalogue of `language`. `names` are the arguments to write for a
    parameter that is missing, where the call takes it (`cap` -> `max_completion_tokens`). `function` is the
    enclosing function's name, empty at module level.
    """

    kind: Kind
    path: str
    place: Place
    end: Place
    product: str
    provider: str
    api: str
    method: str
    origin: str
    facts: dict[str, Fact] = field(default_factory=dict)
    language: str = "python"
    function: str = ""
    names: dict[str, str] = field(default_factory=dict)
    insert: Insert | None = None

    def fact(self, name: str) -> Fact:
        """Return a fact; what was not asked is unknown."""
        return self.facts.get(name, Fact(State.UNKNOWN))

    def setting(self, parameter: str) -> str:
        """Name what sets a parameter of this product for the whole program."""
        return f"{self.language}:{self.product}.{parameter}"

    def holds(self, place: Place | None) -> bool:
        """Say whether a place is within this very call: a fact may be decided where its client is made."""
        if place is None:
            return False
        begin, end = (self.place.line, self.place.column), (self.end.line, self.end.column)
        return begin <= (place.line, place.column) <= end

    def adding(self, parameter: str, value: str) -> Edit | None:
        """Return the edit that sets a missing parameter at this call, if it takes one here."""
        name = self.names.get(parameter)
        return self.insert.edit(name, value) if self.insert is not None and name else None

    def as_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "kind": self.kind.value,
            "path": self.path,
            "line": self.place.line,
            "column": self.place.column,
            "product": self.product,
            "api": self.api,
            "method": self.method,
            "origin": self.origin,
            "facts": {name: fact.as_dict() for name, fact in sorted(self.facts.items())},
        }
