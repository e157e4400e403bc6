"""B102 raw-request: A request goes straight to a provider's own host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State

_OTHER_PATHS = re.compile(r"/(?:models|files|containers|batches|fine_tuning|uploads|vector_stores|usage)(?:/[^:]*)?$")


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("url")
    calls = site.method != "get" and not _OTHER_PATHS.search(str(fact.value))
    if fact.state is State.YES and calls and not policy.may_construct(site.path):
        yield Hit("error", f"`{site.method}` goes straight to {site.provider}", "Use the shared client.", fact.place)


RULE = Rule(
    code="B102",
    name="raw-request",
    severity="error",
    summary="A request goes straight to a provider's own host.",
    why="""\
A request that is put together by hand passes neither the gateway nor an SDK: it has no budget, no cap, no retry that
minds the provider's limits and no line in the ledger. It waits as long as its HTTP library does, and what it costs
shows only on the provider's bill.""",
    bad="""\
import httpx

answer = httpx.post("https://api.openai.com/v1/chat/completions", json=body)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Only an absolute address counts, written out or behind a constant of the file: a path alone is most often an
application's own route. An address from the configuration is not seen. Requests with GET
only list things and are left alone.""",
    kinds=(Kind.HTTP,),
    asks="",
    check=_check,
    typescript=(
        """\
const answer = await fetch("https://api.openai.com/v1/chat/completions", { method: "POST", body });
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
const answer = await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
""",
    ),
)
