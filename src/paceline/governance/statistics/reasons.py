"""What changed, in words: facts of before and now next to each other, the largest first.

Owns the wording and from what size a change is worth a word. Facts are plain means and shares over the same hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from paceline.governance.statistics.split import Split

__all__ = ["Facts", "reasons"]

_MEAN_CHANGE: Final = 0.10
"""Relative change of a mean from which it is told."""
_SHARE_CHANGE: Final = 0.05
"""Change of a share, in parts of all requests, from which it is told."""
_PART: Final = 0.20
"""Part of the p95's change from which a side is told."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Means per request and shares of requests of one service over some hours."""

    input_tokens: float
    output_tokens: float
    cache_hits: float
    """Share from the exact cache, between 0 and 1."""
    retried: float
    """Share that took more than one attempt."""
    models: dict[str, float]
    """Share by model."""
    deployments: dict[str, float]
    """Share by deployment."""


def reasons(before: Facts, now: Facts, parts: Split) -> tuple[str, ...]:
    """Tell what changed, each a sentence without its full stop; where the p95's change came from stands first."""
    return (*_sides(parts), *_work(before, now), *_routes(before, now), *_attempts(before, now))


def _sides(parts: Split) -> list[str]:
    if abs(parts.total - 1) < 0.02 and abs(parts.own - 1) < 0.02:
        return []
    said = []
    only = ", and only here" if parts.peers else ""
    for factor, up, down in (
        (parts.own, f"the same work is slower{only}", f"the same work is faster{only}"),
        (parts.provider, "the whole provider is slower", "the whole provider is faster"),
        (parts.mix, "other work came: the mix alone makes the p95", "other work came: the mix alone makes the p95"),
    ):
        change = factor - 1
        if abs(change) >= max(0.03, _PART * abs(parts.total - 1)):
            tail = " higher" if factor == parts.mix and change > 0 else " lower" if factor == parts.mix else ""
            said.append((abs(change), f"{up if change > 0 else down}{tail} ({change:+.0%})"))
    return [text for _, text in sorted(said, reverse=True)]


def _work(before: Facts, now: Facts) -> list[str]:
    said = []
    for name, was, is_ in (
        ("prompts", before.input_tokens, now.input_tokens),
        ("answers", before.output_tokens, now.output_tokens),
    ):
        if was > 0 and abs(is_ / was - 1) >= _MEAN_CHANGE:
            word = "longer" if is_ > was else "shorter"
            said.append(f"{name} are {word}: {was:,.0f} to {is_:,.0f} tokens on average ({is_ / was - 1:+.0%})")
    return said


def _routes(before: Facts, now: Facts) -> list[str]:
    said = []
    for kind, was, is_ in (("model", before.models, now.models), ("deployment", before.deployments, now.deployments)):
        moved = {name: is_.get(name, 0.0) - was.get(name, 0.0) for name in sorted(was.keys() | is_.keys())}
        most = max(moved, key=lambda name: abs(moved[name]), default=None)
        if most is not None and abs(moved[most]) >= _SHARE_CHANGE:
            said.append(f"{kind} {most} has {is_.get(most, 0.0):.0%} of the requests, and had {was.get(most, 0.0):.0%}")
    return said


def _attempts(before: Facts, now: Facts) -> list[str]:
    said = []
    if before.cache_hits - now.cache_hits >= _SHARE_CHANGE:
        said.append(f"cache hits fell from {before.cache_hits:.0%} to {now.cache_hits:.0%} of the requests")
    if now.retried - before.retried >= _SHARE_CHANGE:
        said.append(f"retries rose from {before.retried:.0%} to {now.retried:.0%} of the requests")
    return said
