"""Incidents: a breach or a regression with an owner, a timeline and a closing rule.

Pure values and rules; where they are kept is the ledger's business.
"""

from paceline.ledger.incidents import LimitKey

__all__ = ["limit_words"]


def limit_words(limit: LimitKey) -> str:
    """Return a limit as people say it: `ttft p95`."""
    return f"{limit.metric.removesuffix('_ms').replace('_', ' ')} {limit.percentile}"
