"""T301 timeout-infinite: Nothing is set and the product waits for ever."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    if (
        fact.state is State.NO
        and not fact.explicit
        and load(site.language).product(site.product).defaults.timeout_s is None
    ):
        severity = "error" if site.kind is Kind.FRAMEWORK and site.product == "langchain" else "warning"
        yield Hit(
            severity, f"`{site.method}` waits for ever: {site.product} sets no timeout", "Set `timeout`.", fact.place
        )


RULE = Rule(
    code="T301",
    name="timeout-infinite",
    severity="error",
    summary="Nothing is set and the product waits for ever.",
    why="""\
A product without a default timeout waits as long as the connection stays open. One stalled provider then holds
every worker, and users see a hang instead of an error that could be retried elsewhere.""",
    bad="""\
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model=MODEL, max_tokens=800)
""",
    good="""\
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model=MODEL, max_tokens=800, timeout=30)
""",
    misses="""\
A timeout around the call (`asyncio.wait_for`), one set for the whole program, and one in a custom HTTP client
made elsewhere are not seen.""",
    kinds=(Kind.FRAMEWORK, Kind.GENERATION),
    asks="timeout",
    check=_check,
)
