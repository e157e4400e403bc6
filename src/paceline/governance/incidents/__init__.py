"""Incidents: a breach, a regression or another signal with an owner, a timeline and a closing rule.

Where they are kept is the ledger's business. A round of governance is: `watch` (limits), looks and `following`
(signals), `grouping` (parents), `telling` (messages); people act through `acting`.
"""

from paceline.ledger.incidents import LimitKey

__all__ = ["limit_words"]


def limit_words(limit: LimitKey) -> str:
    """Return a limit as people say it: `ttft p95`; of a signal, what was measured."""
    return f"{limit.metric.removesuffix('_ms').replace('_', ' ')} {limit.percentile}".strip()
