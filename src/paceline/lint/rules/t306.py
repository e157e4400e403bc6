"""T306 loop-unbounded: Only the model ends this loop."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("bounded")
    if fact.state is State.NO:
        yield Hit("warning", "only the model ends this loop", "Count the steps, and watch a budget.", fact.place)


RULE = Rule(
    code="T306",
    name="loop-unbounded",
    severity="warning",
    summary="Only the model ends this loop.",
    why="""\
`while True` around a call, left only when the model says so, has no bound on steps, time or money. Each round sends the
whole conversation again, so cost grows with the square of the rounds; an agent that goes in circles does so until
somebody looks at the bill.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)

while True:
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
    if not answer.choices[0].message.tool_calls:
        break
    messages += run(answer)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)

for _ in range(STEPS_MAX):
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
    if not answer.choices[0].message.tool_calls:
        break
    messages += run(answer)
""",
    misses="""\
A loop that waits for a person or a queue, sleeps, or compares anything with a count or a clock is left alone; so is one
whose condition is not a literal. Frameworks' own limits of steps are not looked at.""",
    kinds=(Kind.GENERATION,),
    asks="bounded",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
while (true) {
  const answer = await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
  if (!answer.choices[0].message.tool_calls) break;
  messages.push(...(await run(answer)));
}
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000, maxRetries: 1 });
for (let step = 0; step < STEPS_MAX; step++) {
  const answer = await client.chat.completions.create({ model, messages, max_completion_tokens: 800 });
  if (!answer.choices[0].message.tool_calls) break;
  messages.push(...(await run(answer)));
}
""",
    ),
)
