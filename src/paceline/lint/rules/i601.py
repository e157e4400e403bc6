"""I601 tag-missing: Neither the call nor its client carries a tag."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State
from paceline.lint.tags import IN_ADDRESS


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("tags")
    if fact.state is State.NO:
        yield Hit("warning", f"`{site.method}` says neither service nor use case", "Tag the client or the call.")
    elif fact.because == IN_ADDRESS and policy.tags and fact.value not in policy.tags:
        hint = "Write a service and one of its use cases into the base URL's path."
        yield Hit("warning", f"the standards have no use case `{fact.value}`", hint)


RULE = Rule(
    code="I601",
    name="tag-missing",
    severity="warning",
    summary="Neither the call nor its client carries a tag.",
    why="""\
A call without service and use case can be held against no budget of latency or money: when it becomes slow or dear,
nobody is told, and its cost is nobody's.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30)
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, default_headers={"x-paceline-use-case": "chat"})
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Judged only where the client is made in sight. A tag in the base URL's path counts; an address that is no literal
leaves it unknown. One in the environment's header variable is not seen. Where the standards list services, one in a
path that they do not have is a warning; one in a header is not compared.""",
    kinds=(Kind.GENERATION,),
    asks="tags",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ defaultHeaders: { "x-paceline-use-case": "chat" } });
await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
""",
    ),
)
