"""B103 base-url-in-code: The base URL or a key is written in the code."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    key = site.fact("key")
    if key.state is State.YES and key.value == "literal":
        yield Hit("error", "a key is written in the code", "Take it from the environment, and revoke it.", key.place)
    fact = site.fact("base_url")
    if fact.state is not State.YES or not isinstance(fact.value, str) or "://" not in fact.value:
        return
    known = any(host in fact.value for host in load(site.language).hosts())
    local = any(name in fact.value for name in ("localhost", "127.0.0.1", "0.0.0.0", "[::1]"))  # noqa: S104
    if not (known or local or policy.is_gateway(fact.value)):
        yield Hit("warning", "the address is written in the code", "Leave it to the environment.", fact.place)


RULE = Rule(
    code="B103",
    name="base-url-in-code",
    severity="warning",
    summary="The base URL or a key is written in the code.",
    why="""\
A literal address overrides the variable that points every SDK at the gateway, so the service can neither be moved to a
faster or cheaper provider nor fail over without a release. A key in the code is everybody's who reads it, and whatever
they spend is on the bill.""",
    bad="""\
from openai import OpenAI

client = OpenAI(base_url="https://llm.internal/v1")
""",
    good="""\
from openai import OpenAI

client = OpenAI()
""",
    misses="""\
Addresses of the gateway itself, of a provider (B101) and of this machine are left alone. An address that is computed is
unknown. A literal counts as a key only where it has the form of one: placeholders do not.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK),
    asks="",
    check=_check,
)
