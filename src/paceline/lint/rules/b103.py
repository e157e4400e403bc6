"""B103 base-url-in-code: The base URL is written in the code."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("base_url")
    if fact.state is not State.YES or not isinstance(fact.value, str) or "://" not in fact.value:
        return
    known = any(host in fact.value for product in load().products for host in product.hosts)
    local = any(name in fact.value for name in ("localhost", "127.0.0.1", "0.0.0.0", "[::1]"))  # noqa: S104
    if not (known or local or policy.is_gateway(fact.value)):
        yield Hit("warning", "the address is written in the code", "Leave it to the environment.", fact.place)


RULE = Rule(
    code="B103",
    name="base-url-in-code",
    severity="warning",
    summary="The base URL is written in the code.",
    why="""\
A literal address overrides the variable that points every SDK at the gateway, so the service cannot be moved
without a release.""",
    bad="""\
from openai import OpenAI

client = OpenAI(base_url="https://llm.internal/v1")
""",
    good="""\
from openai import OpenAI

client = OpenAI()
""",
    misses="""\
Addresses of the gateway itself, and of this machine, are left alone. An address that is computed is unknown.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK),
    asks="",
    check=_check,
)
