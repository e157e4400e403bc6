"""T307 blocking-in-async: A blocking SDK is called in a coroutine."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    if site.fact("awaited").state is State.NO:
        yield Hit("error", f"`{site.method}` blocks the event loop", "Use the asynchronous client and `await` it.")


RULE = Rule(
    code="T307",
    name="blocking-in-async",
    severity="error",
    summary="A blocking SDK is called in a coroutine.",
    why="""\
The call holds the event loop until the model has answered: every other request of the process waits for it. Processes
that are added to make up for that cost money, and wait in the same way.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30)


async def ask(messages):
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import AsyncOpenAI

client = AsyncOpenAI(timeout=30)


async def ask(messages):
    return await client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Judged only where the client is known to be a blocking one. Hidden by a plain function in between.""",
    kinds=(Kind.GENERATION,),
    asks="awaited",
    check=_check,
)
