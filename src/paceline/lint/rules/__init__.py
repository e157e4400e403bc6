"""All rules, one file each. A rule sees site records and nothing else.

L001 to L004 are the linter's own: about its pragmas and about files it cannot read.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from paceline.lint.findings import Rule

CODES = (
    "B101", "B102", "B103", "B104", "C201", "C202", "C203", "C204", "C205", "I601", "M401", "M402",
    "P501", "P502", "P503", "P504", "P505", "T301", "T302", "T303", "T304", "T305", "T306", "T307", "T308",
)  # fmt: skip

OWN = {
    "L001": ("pragma-without-reason", "error", "A pragma gives no reason."),
    "L002": ("pragma-expired", "error", "A pragma is past its date."),
    "L003": ("pragma-unused", "warning", "A pragma suppresses nothing."),
    "L004": ("pragma-wrong", "error", "A pragma is not of the form, or names a rule that does not exist."),
}
"""Findings about pragmas themselves; no pragma suppresses them."""


@cache
def all_rules() -> tuple[Rule, ...]:
    """Load every rule, in order of code."""
    return tuple(_rule(code) for code in CODES)


def _rule(code: str) -> Rule:
    found = import_module(f"{__name__}.{code.lower()}").RULE
    assert isinstance(found, Rule)  # noqa: S101  # holds for every code named in CODES; tested
    return found
