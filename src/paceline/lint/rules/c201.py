"""C201 cap-missing: A call to a model has no output cap."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Fix, Hit, Policy, Rule
from paceline.lint.sites import Edit, Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("cap")
    if fact.state is not State.NO or _by_default(site):
        return
    severity = "error" if site.kind is Kind.GENERATION else "warning"
    edit = site.adding("cap", str(policy.cap_tokens))
    if fact.explicit:
        edit = Edit(*fact.span, str(policy.cap_tokens)) if fact.span is not None else None
    fix = Fix(f"cap it at {policy.cap_tokens} tokens", "unsafe", (edit,)) if edit is not None else None
    yield Hit(severity, f"`{site.method}` has no output cap", "Set the cap of this API.", fact.place, fix)


def _by_default(site: Site) -> bool:
    """Say whether a framework sends a cap by itself; C202 looks at how high it is."""
    if site.kind is not Kind.FRAMEWORK:
        return False
    return load(site.language).product(site.product).cap_by_default(site.method) is not None


RULE = Rule(
    code="C201",
    name="cap-missing",
    severity="error",
    summary="A call to a model has no output cap.",
    why="""\
Without a cap one answer may run to the model's own maximum: minutes of decoding, tens of thousands of tokens,
and a request slot held all the while. Output tokens are the dear ones, and they are made one after another, so
the cap is also the bound on latency.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30)
client.chat.completions.create(model=MODEL, messages=messages)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Unknown, and so silent: `**` that comes from elsewhere, a cap that may be None or is the model's whole context.
Anthropic's SDK demands a cap, so it is not asked. An agent framework's cap in a subclass or in global settings is not
seen; those are warnings. A cap put in at the gateway is not seen either. Handle truncation (`finish_reason`) with the
cap, above all with reasoning models.""",
    kinds=(Kind.GENERATION, Kind.FRAMEWORK),
    asks="cap",
    check=_check,
    fixes="unsafe; adds the standards' cap (1,024 tokens unless they say otherwise) under the API's own name.",
    typescript=(
        """\
import { openai } from "@ai-sdk/openai";
import { generateText } from "ai";

const { text } = await generateText({ model: openai(MODEL), prompt });
""",
        """\
import { openai } from "@ai-sdk/openai";
import { generateText } from "ai";

const { text } = await generateText({ model: openai(MODEL), prompt, maxOutputTokens: 800 });
""",
    ),
)
