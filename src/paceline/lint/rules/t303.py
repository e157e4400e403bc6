"""T303 timeout-none: The timeout is None."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Fix, Hit, Policy, Rule
from paceline.lint.sites import Edit, Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    if fact.state is State.NO and fact.explicit and site.holds(fact.place):
        fix = Fix("leave the SDK its own timeout", "safe", (Edit(*fact.cut, ""),)) if fact.cut is not None else None
        yield Hit("error", f"`{site.method}` is told to wait for ever", "Give a number.", fact.place, fix)


RULE = Rule(
    code="T303",
    name="timeout-none",
    severity="error",
    summary="The timeout is None.",
    why="""\
`timeout=None` is not the default: it takes every limit away. One stalled connection holds its worker for ever,
users see a hang, and the workers that are started to make up for it cost money.""",
    bad="""\
from openai import OpenAI

client = OpenAI(timeout=None)
""",
    good="""\
from openai import OpenAI

client = OpenAI(timeout=30)
""",
    misses="""\
A None that arrives through a parameter is unknown. One that stands behind a name is reported where the call is.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK, Kind.GENERATION),
    asks="",
    check=_check,
    fixes="safe; removes the argument, so that the SDK's own timeout applies.",
)
