"""C205 stream-without-usage: A stream does not report its tokens."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Fix, Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("usage")
    if site.fact("stream").state is State.YES and fact.state is State.NO and not fact.explicit:
        python = site.language == "python"
        edit = site.adding("usage", '{"include_usage": True}' if python else "{ include_usage: true }")
        fix = Fix("ask for usage", "unsafe", (edit,)) if edit is not None else None
        yield Hit("warning", "the stream does not report its tokens", "Set `stream_options.include_usage`.", fix=fix)


RULE = Rule(
    code="C205",
    name="stream-without-usage",
    severity="warning",
    summary="A stream does not report its tokens.",
    why="""\
A stream of the chat API says how many tokens it took only when asked. Without that nobody knows what the call cost,
or whether the prompt cache was hit: the most expensive calls are the ones that are not counted.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800, stream=True)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)
client.chat.completions.create(
    model=MODEL,
    messages=messages,
    max_completion_tokens=800,
    stream=True,
    stream_options={"include_usage": True},
)
""",
    misses="""\
The gateway asks for usage itself, so a call that surely passes it needs none of this. Servers that merely speak the
same dialect may refuse the option. Other APIs report usage unasked.""",
    kinds=(Kind.GENERATION,),
    asks="",
    check=_check,
    fixes="unsafe; adds the option, and with it one last chunk whose `choices` are empty.",
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
const stream = await client.chat.completions.create({ model, messages, max_tokens: 800, stream: true });
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
const stream = await client.chat.completions.create({
  model,
  messages,
  max_tokens: 800,
  stream: true,
  stream_options: { include_usage: true },
});
""",
    ),
)
