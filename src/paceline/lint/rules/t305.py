"""T305 retries-stacked: Code retries around an SDK that retries by itself."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    around, own = site.fact("retried"), site.fact("retries")
    if around.state is not State.YES or own.explicit:
        return
    default = load(site.language).product(site.product).defaults.retries
    number = own.value if own.state is State.YES and isinstance(own.value, int) else default
    if own.state is State.UNKNOWN or (own.state is State.YES and not isinstance(own.value, int)) or not number:
        return
    message = f"{around.because} retries a call that the SDK tries {number + 1} times"
    yield Hit("warning", message, "Retry in one place: `max_retries=0`, or no retry here.", around.place)


RULE = Rule(
    code="T305",
    name="retries-stacked",
    severity="warning",
    summary="Code retries around an SDK that retries by itself.",
    why="""\
Retries multiply: three attempts of a decorator around three of the SDK are nine, each waiting for its own timeout, and
each paid for where the provider did the work. While a provider is down that is nine times the load on it, and a
user's wait is the sum of all of them.""",
    bad="""\
from openai import OpenAI
from tenacity import retry, stop_after_attempt

client = OpenAI(timeout=30)


@retry(stop=stop_after_attempt(3))
def ask(messages):
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    good="""\
from openai import OpenAI
from tenacity import retry, stop_after_attempt

client = OpenAI(timeout=30, max_retries=0)


@retry(stop=stop_after_attempt(3))
def ask(messages):
    return client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
""",
    misses="""\
Judged only where the client is made in sight or the SDK's default is known to apply. A retry that wraps only what the
SDK does not retry (a wrong form of the answer) is reported, too. Retries further out, in a queue or a workflow, are not
seen. A loop counts where it catches and goes round, and success leaves it.""",
    kinds=(
        Kind.GENERATION,
        Kind.EMBEDDING,
    ),
    asks="",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";
import pRetry from "p-retry";

const client = new OpenAI({ timeout: 30_000 });
const answer = await pRetry(() => client.chat.completions.create({ model, messages, max_completion_tokens: 800 }));
""",
        """\
import OpenAI from "openai";
import pRetry from "p-retry";

const client = new OpenAI({ timeout: 30_000, maxRetries: 0 });
const answer = await pRetry(() => client.chat.completions.create({ model, messages, max_completion_tokens: 800 }));
""",
    ),
)
