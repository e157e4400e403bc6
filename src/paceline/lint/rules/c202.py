"""C202 cap-huge: The output cap is so high that it caps nothing."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("cap")
    number = fact.value
    most = policy.cap_tokens_max
    if fact.state is State.YES and isinstance(number, int) and not isinstance(number, bool) and number > most:
        yield Hit("warning", f"a cap of {number:,} tokens is above {most:,}", "Set what the answers need.", fact.place)
    elif fact.state is State.NO and site.kind is Kind.FRAMEWORK:
        default = load(site.language).product(site.product).cap_by_default(site.method)
        model = site.fact("model").value
        current = isinstance(model, str) and "claude-3" not in model
        if default is not None and default > most and current:
            yield Hit("warning", f"`{site.method}` sends a cap of {default:,} tokens by itself", "Set the cap.")


RULE = Rule(
    code="C202",
    name="cap-huge",
    severity="warning",
    summary="The output cap is so high that it caps nothing.",
    why="""\
A cap is a bound on latency and cost only where it is near what the answers need. 64,000 tokens, the default of some
frameworks for Anthropic, are ten minutes of decoding and more than a dollar for one answer that went astray. Rate
limits that reserve the whole cap also let fewer requests in.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=64000)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Only literal caps are judged, against the standards' cap or 32,000. What a framework sends by default is
known per constructor, and only for current models that are named in the code. A cap put in at the gateway is not seen.
Anthropic's SDK refuses a call that is not streamed above about 21,000 tokens.""",
    kinds=(
        Kind.GENERATION,
        Kind.FRAMEWORK,
    ),
    asks="",
    check=_check,
)
