"""T308 client-per-call: A client is made for each call."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    if site.fact("made_once").state is State.NO:
        yield Hit(
            "warning", "its client is made in the same function", "Make the client once, where the program starts."
        )


RULE = Rule(
    code="T308",
    name="client-per-call",
    severity="warning",
    summary="A client is made for each call.",
    why="""\
A new client has a new connection pool: each call pays for a TLS handshake before its first token, and memory
grows.""",
    bad="""\
from openai import OpenAI


def ask(messages):
    client = OpenAI(timeout=30)
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)


def ask(messages):
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
A function that runs once (`main`) is left alone. A function behind a cache decorator is not told apart
otherwise.""",
    kinds=(Kind.GENERATION,),
    asks="made_once",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";

export async function ask(messages) {
  const client = new OpenAI({ timeout: 30_000 });
  return client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
}
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000 });

export async function ask(messages) {
  return client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
}
""",
    ),
)
