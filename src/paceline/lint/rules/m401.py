"""M401 model-literal: The model is written in the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State

_CONFIGURATION = re.compile(r"(?:^|[/_])(?:configs?|configuration|settings|conf)(?:[/_.]|$)")


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("model")
    if fact.state is not State.YES or not isinstance(fact.value, str):
        return
    if fact.value == "auto" or fact.value.startswith("task:") or _CONFIGURATION.search(site.path):
        return
    if policy.models and fact.value not in policy.models:
        message, severity = f"the standards have no model {fact.value!r}", "warning"
    else:
        message, severity = f"the model {fact.value!r} is written in the code", "info"
    yield Hit(severity, message, "Ask for `task:NAME` or `auto`.", fact.place)


RULE = Rule(
    code="M401",
    name="model-literal",
    severity="info",
    summary="The model is written in the code.",
    why="""\
A model that stands in the code can be neither right-sized nor replaced when it is withdrawn without a release.
`auto` or `task:NAME` leaves the choice to the standards, where a faster or cheaper model takes effect at once.""",
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
A literal behind a name is found where the name is bound once in the file. Where the standards list models, one
that they do not list is a warning. Files whose path says `config` or `settings` are left alone.""",
    kinds=(Kind.GENERATION, Kind.FRAMEWORK),
    asks="model",
    check=_check,
    typescript=(
        """\
import { openai } from "@ai-sdk/openai";
import { generateText } from "ai";

const { text } = await generateText({ model: openai("gpt-5.4"), prompt, maxOutputTokens: 800 });
""",
        """\
import { openai } from "@ai-sdk/openai";
import { generateText } from "ai";

const { text } = await generateText({ model: openai("task:chat"), prompt, maxOutputTokens: 800 });
""",
    ),
)
