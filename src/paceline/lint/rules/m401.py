"""M401 model-literal: The model is written in the code."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("model")
    if fact.state is State.YES and isinstance(fact.value, str) and fact.value != "auto" and ":" not in fact.value[:5]:
        yield Hit(
            "info", f"the model {fact.value!r} is written in the code", "Ask for `task:NAME` or `auto`.", fact.place
        )


RULE = Rule(
    code="M401",
    name="model-literal",
    severity="info",
    summary="The model is written in the code.",
    why="""\
A model that stands in the code can be neither right-sized nor replaced when it is withdrawn without a release.
`auto` or `task:NAME` leaves the choice to the standards.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30)
client.chat.completions.create(model="gpt-5.4", messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
client.chat.completions.create(model="task:chat", messages=messages, max_completion_tokens=800)
""",
    misses="""\
A literal behind a name is found where the name is bound once in the file.""",
    kinds=(Kind.GENERATION, Kind.FRAMEWORK),
    asks="model",
    check=_check,
)
