"""C201 cap-missing: A call to a model has no output cap."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("cap")
    if fact.state is State.NO:
        severity = "error" if site.kind is Kind.GENERATION else "warning"
        yield Hit(severity, f"`{site.method}` has no output cap", "Set the cap of this API.", fact.place)


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
Unknown, and so silent: `**` that comes from elsewhere, a cap that may be None. Anthropic's SDK demands a cap,
so it is not asked. An agent framework's cap in a subclass or in global settings is not seen; those are
warnings. A cap put in at the gateway is not seen either. Handle truncation (`finish_reason`) with the cap,
above all with reasoning models.""",
    kinds=(Kind.GENERATION, Kind.FRAMEWORK),
    asks="cap",
    check=_check,
)
