"""B104 package-not-allowed: A manifest asks for a provider's package that is not on the allow-list."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("package")
    if not policy.packages or not isinstance(fact.value, str):
        return
    if fact.state is State.YES and not any(fnmatch(fact.value, pattern) for pattern in policy.packages):
        hint = "Use what the allow-list has, or have it added there."
        yield Hit("warning", f"{fact.value} is not on the allow-list of packages", hint, fact.place)


RULE = Rule(
    code="B104",
    name="package-not-allowed",
    severity="warning",
    summary="A manifest asks for a provider's package that is not on the allow-list.",
    why="""\
A new SDK is a new way past the gateway, with timeouts, retries and defaults of its own: some wait ten minutes three
times, some for ever, some send a cap of 64,000 tokens. The allow-list says which ones somebody has looked at.""",
    bad="""\
# requirements.txt
litellm==1.110.2
""",
    good="""\
# requirements.txt
paceline==0.1.0
""",
    misses="""\
Silent unless the configuration or the standards file has `packages`. Reads `requirements*.txt`, `pyproject.toml`,
`package.json` and `Pipfile`; not lock files, nor what other packages bring along. Packages that are in no catalogue are
not known for what they are.""",
    kinds=(Kind.DEPENDENCY,),
    asks="",
    check=_check,
    shown_as="requirements.txt",
)
