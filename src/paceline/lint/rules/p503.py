"""P503 prompt-unordered: A set or a listing of files stands early in a system prompt."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("ordered")
    if fact.state is State.NO:
        yield Hit("warning", f"`{site.method}` holds {fact.because}: its order changes", "Sort it.", fact.place)


RULE = Rule(
    code="P503",
    name="prompt-unordered",
    severity="warning",
    summary="A set or a listing of files stands early in a system prompt.",
    why="""\
A set has another order in each process, a listing of files another on each machine. The prompt says the same and has
other bytes, so the provider's cache is missed: the whole prefix is read and paid for again, and the first token is
late.""",
    bad="""\
def build(tools):
    names = set(tools)
    system_prompt = f"You may use {', '.join(names)}. Answer briefly."
    return system_prompt
""",
    good="""\
def build(tools):
    names = sorted(set(tools))
    system_prompt = f"You may use {', '.join(names)}. Answer briefly."
    return system_prompt
""",
    misses="""\
Only sets and listings in sight are known; a value that is handed in is unknown. Tools and messages that are left out on
some paths are not looked at: `paceline.testing.assert_prefix_stable` finds those.""",
    kinds=(Kind.PROMPT,),
    asks="",
    check=_check,
)
