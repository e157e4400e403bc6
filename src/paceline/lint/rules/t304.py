"""T304 timeout-unit: The timeout is in the wrong unit."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State

MILLISECONDS_LEAST = 100
"""No model answers in less, so fewer are meant as seconds."""


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    number = fact.value
    if fact.state is not State.YES or isinstance(number, bool) or not isinstance(number, (int, float)):
        return
    if not site.holds(fact.place):
        return
    in_seconds = load(site.language).product(site.product).unit == "s"
    if in_seconds and number >= policy.timeout_s_max:
        yield Hit("error", f"{number:g} is in seconds", f"Did you mean {number / 1000:g}?", fact.place)
    elif not in_seconds and 0 < number < MILLISECONDS_LEAST:
        yield Hit("error", f"{number:g} is in milliseconds", f"Did you mean {number * 1000:g}?", fact.place)


RULE = Rule(
    code="T304",
    name="timeout-unit",
    severity="error",
    summary="The timeout is in the wrong unit.",
    why="""\
Python SDKs count seconds, most others milliseconds. 30000 meant as milliseconds is more than eight hours in
which a stalled call holds its worker; 30 meant as seconds gives up on every call, and what the provider has begun is
paid for.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30000)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
""",
    misses="""\
Only literal numbers are judged: 1,000 and more where the product counts seconds, less than 100 where it counts
milliseconds. A batch job that means to wait for twenty minutes is reported.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK, Kind.GENERATION),
    asks="",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30 });
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ timeout: 30_000 });
""",
    ),
)
