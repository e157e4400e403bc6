"""T303 timeout-none: The timeout is None."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    if fact.state is State.NO and fact.explicit:
        yield Hit("error", f"`{site.method}` is told to wait for ever", "Give a number of seconds.", fact.place)


RULE = Rule(
    code="T303",
    name="timeout-none",
    severity="error",
    summary="The timeout is None.",
    why="""\
`timeout=None` is not the default: it takes every limit away, and one stalled connection holds its worker for
ever.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=None)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
""",
    misses="""\
A None that arrives through a parameter is unknown.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK, Kind.GENERATION),
    asks="",
    check=_check,
)
