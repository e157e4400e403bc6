"""T302 timeout-default: The product's own timeout and retries are accepted."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Fix, Hit, Policy, Rule
from paceline.lint.rules.t301 import timeout_text
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    defaults = load(site.language).product(site.product).defaults
    if fact.state is State.NO and not fact.explicit and defaults.timeout_s is not None:
        message = f"`{site.method}` waits up to {defaults.timeout_s:g} s, {defaults.retries + 1} times"
        edit = site.adding("timeout", timeout_text(site, policy))
        fix = Fix(f"wait {policy.timeout_s:g} s at most", "unsafe", (edit,)) if edit is not None else None
        unless = site.setting("timeout") if site.origin == "function" else ""
        yield Hit("warning", message, "Set `timeout` and `max_retries` on the client.", fix=fix, unless=unless)


RULE = Rule(
    code="T302",
    name="timeout-default",
    severity="warning",
    summary="The product's own timeout and retries are accepted.",
    why="""\
SDKs wait 600 seconds and try three times: half an hour for one call, in which a user has long gone. A timeout
near the budget of the use case turns a stall into a retry that can still succeed. An answer that comes after its
reader has gone is paid for all the same.""",
    bad="""\
from openai import OpenAI

client = OpenAI()
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Judged only where both the call and the making of its client are in sight. A timeout set for the whole program,
or around the call, is not seen.""",
    kinds=(Kind.GENERATION,),
    asks="",
    check=_check,
    fixes="unsafe; adds the standards' timeout (60 seconds unless they say otherwise) to the call.",
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI();
await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
""",
    ),
)
