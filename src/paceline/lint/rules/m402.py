"""M402 model-top-tier: A model of the top price tier is written in the code."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import top_tier
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("model")
    if fact.state is not State.YES or not isinstance(fact.value, str) or fact.value in policy.models:
        return
    if top_tier(fact.value):
        hint = "Ask for `task:NAME`, or give the reason in a pragma."
        yield Hit("warning", f"{fact.value!r} is of the top price tier", hint, fact.place)


RULE = Rule(
    code="M402",
    name="model-top-tier",
    severity="warning",
    summary="A model of the top price tier is written in the code.",
    why="""\
The dearest models cost ten to a hundred times what a small one does for a token, and take longer for each. As a default
in the code they answer the easy requests, too. The choice belongs in the standards, by task, where it can be measured
against a cheaper one.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(model="gpt-5-pro", messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(model="task:chat", messages=messages, max_completion_tokens=800)
""",
    misses="""\
Only literal names are judged, by the shipped list of what costs 25 dollars and more a million output tokens. Silent
where the standards list the model. Where the model is right, say why in a pragma.""",
    kinds=(
        Kind.GENERATION,
        Kind.FRAMEWORK,
    ),
    asks="",
    check=_check,
)
