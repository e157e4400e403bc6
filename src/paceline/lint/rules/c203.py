"""C203 ending-unread: An answer is capped, and nothing looks at why it ended."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    if site.fact("cap").state is State.YES and site.fact("ending_read").state is State.NO:
        hint = "Read `finish_reason` or `stop_reason`."
        yield Hit("info", f"nothing looks at why the answer of `{site.method}` ended", hint)


RULE = Rule(
    code="C203",
    name="ending-unread",
    severity="info",
    summary="An answer is capped, and nothing looks at why it ended.",
    why="""\
A cap that is reached cuts the answer, and the SDK does not raise: `finish_reason` or `stop_reason` says so, if anybody
looks. Reasoning models spend the cap before they answer, so what comes back can be empty and is paid for in full;
retrying it blindly doubles both the cost and the wait.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)


def ask(messages):
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
    return answer.choices[0].message.content
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30, max_retries=1)


def ask(messages):
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=800)
    if answer.choices[0].finish_reason == "length":
        raise TooLongError
    return answer.choices[0].message.content
""",
    misses="""\
Judged only where the whole answer is used in sight: what is returned, handed on or streamed is unknown. An answer whose
truncation does no harm (a title, a label) is reported, too.""",
    kinds=(Kind.GENERATION,),
    asks="",
    check=_check,
)
