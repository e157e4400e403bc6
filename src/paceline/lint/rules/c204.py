"""C204 interactive-unstreamed: Somebody waits for an answer that is not streamed."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    handler = site.fact("interactive")
    if handler.state is State.YES and site.fact("stream").state is State.NO:
        yield Hit("warning", f"`{site.method}` is not streamed in {handler.because}", "Stream the answer.")


RULE = Rule(
    code="C204",
    name="interactive-unstreamed",
    severity="warning",
    summary="Somebody waits for an answer that is not streamed.",
    why="""\
In a route, a socket or a chat callback a person sees nothing until the last token is there: a 600-token answer takes
ten seconds and more, where its first words could be read after one. People who see nothing press the button again, and
each press is paid for.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)


@app.post("/chat")
def chat(messages):
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)


@app.post("/chat")
def chat(messages):
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800, stream=True)
""",
    misses="""\
Only handlers that say so by their decorator are known; one that calls a function which calls the model is not seen.
Routes that machines call, or that return one short label, are reported all the same: give the reason in a pragma.""",
    kinds=(Kind.GENERATION,),
    asks="",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });

app.post("/chat", async (req, res) => {
  res.json(await client.chat.completions.create({ model, messages, max_completion_tokens: 800 }));
});
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });

app.post("/chat", async (req, res) => {
  const stream = client.chat.completions.stream({ model, messages, max_completion_tokens: 800 });
  for await (const part of stream) res.write(part.choices[0]?.delta?.content ?? "");
  res.end();
});
""",
    ),
)
