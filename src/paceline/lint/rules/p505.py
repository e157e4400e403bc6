"""P505 prompt-too-short-to-cache: A prompt that is too short to be cached has a cache marker."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State

SHORT_CHARACTERS = 3072
"""Surely below 1,024 tokens, at three characters a token."""


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("prefix")
    short = isinstance(fact.value, int) and fact.value < SHORT_CHARACTERS
    if short and site.fact("marker").state is State.YES:
        message = f"about {fact.value // 4:,} tokens are too few to be cached"
        yield Hit("info", message, "Remove the marker, or put more that stays the same before it.", fact.place)


RULE = Rule(
    code="P505",
    name="prompt-too-short-to-cache",
    severity="info",
    summary="A prompt that is too short to be cached has a cache marker.",
    why="""\
Below 1,024 tokens nothing is cached, and the marker does nothing: the savings that it seems to promise in latency and
cost are not there, and nobody notices, for the call succeeds.""",
    bad="""\
from anthropic import Anthropic

client = Anthropic(timeout=30)
RULES = [{"type": "text", "text": "Answer briefly.", "cache_control": {"type": "ephemeral"}}]
client.messages.create(model=MODEL, max_tokens=800, system=RULES, messages=messages)
""",
    good="""\
from anthropic import Anthropic

client = Anthropic(timeout=30)
client.messages.create(model=MODEL, max_tokens=800, system="Answer briefly.", messages=messages)
""",
    misses="""\
Only where the whole system prompt is literal and the call has no tools, which count towards the prefix. A marker
further down, on a long message, makes the same prefix worth caching.""",
    kinds=(Kind.GENERATION,),
    asks="",
    check=_check,
)
