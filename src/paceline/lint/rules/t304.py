"""T304 timeout-unit: The timeout looks like milliseconds."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    number = fact.value
    if fact.state is not State.YES or isinstance(number, bool) or not isinstance(number, (int, float)):
        return
    if number >= policy.timeout_s_max and site.product != "google-genai":
        yield Hit("error", f"{number:g} is in seconds", f"Did you mean {number / 1000:g}?", fact.place)


RULE = Rule(
    code="T304",
    name="timeout-unit",
    severity="error",
    summary="The timeout looks like milliseconds.",
    why="""\
Python SDKs count seconds. 30000 meant as milliseconds is more than eight hours.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=30000)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
""",
    misses="""\
Only literal numbers of 1000 and more are judged; google-genai, which counts milliseconds, is left alone.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK, Kind.GENERATION),
    asks="",
    check=_check,
)
