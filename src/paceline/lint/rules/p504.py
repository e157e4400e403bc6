"""P504 prompt-uncached: A large constant system prompt is sent without a cache marker."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State

LARGE_CHARACTERS = 8192
"""About 2,048 tokens: the smallest prefix that every larger model of Anthropic's caches."""


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("prefix")
    large = isinstance(fact.value, int) and fact.value >= LARGE_CHARACTERS
    if large and site.fact("marker").state is State.NO:
        message = f"a constant system prompt of about {fact.value // 4:,} tokens has no cache marker"
        yield Hit("warning", message, "Mark its last block with `cache_control`.", fact.place)


RULE = Rule(
    code="P504",
    name="prompt-uncached",
    severity="warning",
    summary="A large constant system prompt is sent without a cache marker.",
    why="""\
Anthropic caches a prefix only where it is marked. A marked one costs a tenth from the second call on, and its first
token comes sooner, for nothing is read again; unmarked, each call pays for the whole prompt.""",
    bad="""\
from anthropic import Anthropic

client = Anthropic(timeout=30)
RULES = "Answer from the handbook. " * 400  # stands for a long text
client.messages.create(model=MODEL, max_tokens=800, system=RULES, messages=messages)
""",
    good="""\
from anthropic import Anthropic

client = Anthropic(timeout=30)
RULES = [{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]
client.messages.create(model=MODEL, max_tokens=800, system=RULES, messages=messages)
""",
    misses="""\
Only text that is literal in the file is measured, at four characters a token; what is read from elsewhere is unknown.
A file that mentions `cache_control` anywhere is left alone. A prompt that is used less than once in five minutes gains
nothing. Other providers cache by themselves.""",
    kinds=(Kind.GENERATION,),
    asks="",
    check=_check,
)
