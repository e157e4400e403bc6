"""Signals: looks at what can go wrong beside breaches and regressions. One file a family.

A look reads the ledger once for all services and says of every subject on, off, or unknown. It changes nothing: what
becomes of a signal is the incidents' business. A subject without a signal was not seen, which is as good as unknown.
"""

from __future__ import annotations

from typing import Final

from paceline.governance.incidents.signal import LookAt
from paceline.governance.signals import coverage, errors, keys, risks, spend

__all__ = ["KINDS", "LOOKS"]

LOOKS: Final[tuple[LookAt, ...]] = (spend.look, coverage.look, errors.look, risks.look, keys.look)
"""In the order of what they tell: money, whether figures can be trusted, failures, hidden risks."""

KINDS: Final[dict[str, str]] = {
    "spend": "money goes faster than its budget, or than it used to",
    "silence": "expected traffic is missing",
    "untagged": "more requests carry no tag",
    "cost_coverage": "the cost of fewer requests is known",
    "errors": "more requests fail than the budget allows",
    "truncation": "more answers are cut short by our own cap",
    "cache_repeat": "prompts repeat that should not",
    "fallback": "another deployment than the preferred one answers",
    "retries": "retries hide a provider's failures",
    "hedges": "hedges are over their budget",
    "off_standard": "models outside the standards creep in",
    "shared_key": "one key is used by many services",
}
"""Every kind of signal, in words."""
