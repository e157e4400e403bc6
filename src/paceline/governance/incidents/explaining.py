"""What changed: the time since something went wrong beside the day before it, in words. Reads strata and events.

Owns which times are compared and what is worth a sentence; the figures and most words are the statistics'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from paceline.governance.incidents.states import Reason
from paceline.governance.statistics.reasons import Facts, reasons
from paceline.governance.statistics.split import Split, split
from paceline.governance.statistics.strata import Numbers, tallied
from paceline.ledger import Ledger
from paceline.ledger.figures import Stratum
from paceline.ledger.incidents import LimitKey

__all__ = ["Explained", "explain", "facts_of", "likely_reason", "provider_of", "slower_deployments", "times_longer"]

_BEFORE_S: Final = 86_400
_EVENT_BEFORE_S: Final = 2 * 3_600
"""Events so long before the begin may explain it."""
_LEAST_S: Final = 1_800
_BUCKET_S: Final = 600
_ENOUGH: Final = 100
"""Requests on each side below which nothing is compared."""
_SLOWER: Final = 0.10
"""Change of a deployment's mean from which it is told."""
_MEASURED: Final = {"ttft_ms", "ttfv_ms", "tpot_ms", "stall_ms", "total_ms", "cost_usd"}


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of why. `changed` are sentences without their full stop, most telling first."""

    provider: str = ""
    """The one that answered most of the requests."""
    changed: tuple[str, ...] = ()
    parts: Split | None = None
    """Where the change of the p95 comes from; none where there is too little to compare."""


def explain(ledger: Ledger, limit: LimitKey, began_s: float, until_s: float) -> Explained:
    """Compare a use case's requests since it began with those of the 24 hours before. Unix seconds.

    What has just begun, with few requests yet, is explained by the last half hour. A metric that strata do not measure
    is compared by the total time. Raises `LedgerError`.
    """
    service, use_case, measure, _ = limit
    # Strata are of ten minutes: the bucket in which it began counts as since.
    begins = [at // _BUCKET_S * _BUCKET_S for at in (began_s, min(began_s, until_s - _LEAST_S))]
    reading = ledger.reading(begins[-1] - _BEFORE_S, until_s, only={"service": service, "use_case": use_case})
    rows = list(reading.strata())
    later = [[row for row in rows if row.minute * 60 >= begin] for begin in begins]
    now = next((each for each in later if sum(row.n_ok for row in each) >= _ENOUGH), later[-1])
    first = min((row.minute for row in now), default=0)
    before = [row for row in rows if row.minute < first]
    told = _events(ledger, service, provider_of(now), began_s)
    if min(sum(row.n_ok for row in before), sum(row.n_ok for row in now)) < _ENOUGH:
        return Explained(provider_of(now), told)
    of = measure if measure in _MEASURED else "total_ms"
    numbers = Numbers()
    tallies = tallied(before, numbers, of), tallied(now, numbers, of)
    parts = split(*tallies, [], len(numbers)) if all(len(tally.n) for tally in tallies) else Split(1.0, 1.0, 1.0, 1.0)
    words = reasons(facts_of(before), facts_of(now), parts)
    return Explained(provider_of(now), (*told, *slower_deployments(before, now, of), *words), parts)


def likely_reason(changed: Iterable[str]) -> Reason:
    """Return the reason that the most telling sentence stands for, where nobody named one."""
    for text in changed:
        for begin, within, reason in _REASONS:
            if text.startswith(begin) and within in text:
                return reason
    return Reason.UNKNOWN


_REASONS: Final = (
    ("deploy ", "", Reason.DEPLOY),
    ("plan ", "", Reason.CONFIGURATION),
    ("outage ", "", Reason.PROVIDER),
    ("deployment ", "slower on the same work", Reason.PROVIDER),
    ("the whole provider is slower", "", Reason.PROVIDER),
    ("other work came", "", Reason.MIX),
    ("prompts are longer", "", Reason.PROMPT),
    ("answers are longer", "", Reason.PROMPT),
    ("model ", "of the requests", Reason.MODEL),
    ("deployment ", "of the requests", Reason.MODEL),
    ("cache hits fell", "", Reason.CACHE),
    ("retries rose", "", Reason.RETRIES),
)


def provider_of(rows: Iterable[Stratum]) -> str:
    """Name the provider of most requests: what stands before the slash of `openai/gpt-5`."""
    many: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        many[row.deployment.partition("/")[0]] += row.n
    return max(sorted(many), key=lambda name: many[name], default="")


def facts_of(rows: Sequence[Stratum]) -> Facts:
    """Add rows up to the means and shares that `reasons` tells of."""
    n = sum(row.n for row in rows) or 1
    counted = sum(row.n_tokens for row in rows) or 1
    models: defaultdict[str, float] = defaultdict(float)
    deployments: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        models[row.model] += row.n / n
        deployments[row.deployment] += row.n / n
    return Facts(
        sum(row.tokens_input for row in rows) / counted,
        sum(row.tokens_output for row in rows) / counted,
        sum(row.n_cache_hit for row in rows) / n,
        sum(row.n_retried + row.n_fallback + row.n_hedged for row in rows) / n,
        dict(models),
        dict(deployments),
    )


def times_longer(before: Sequence[Stratum], now: Sequence[Stratum], measure: str) -> dict[str, float]:
    """Return by deployment how the mean changed on the same work: strata that both times have, with today's weights."""
    early, late = _means(before, measure), _means(now, measure)
    expected: defaultdict[str, float] = defaultdict(float)
    seen: defaultdict[str, float] = defaultdict(float)
    for kind, (n, total) in late.items():
        if kind in early and early[kind][0] and n:
            expected[kind[0]] += n * early[kind][1] / early[kind][0]
            seen[kind[0]] += total
    return {name: seen[name] / expected[name] for name in expected if expected[name] > 0}


def _means(rows: Sequence[Stratum], measure: str) -> dict[tuple[str, int, int], tuple[int, float]]:
    found: dict[tuple[str, int, int], tuple[int, float]] = {}
    for row in rows:
        measured = row.measures().get(measure)
        if measured is not None:
            kind = (row.deployment, row.input_bucket, row.output_bucket)
            n, total = found.get(kind, (0, 0.0))
            found[kind] = (n + measured.n, total + measured.total)
    return found


def slower_deployments(before: Sequence[Stratum], now: Sequence[Stratum], measure: str) -> tuple[str, ...]:
    """Tell which deployments are slower on the same work, where others are not."""
    changes = times_longer(before, now, measure)
    slower = {name: by - 1 for name, by in changes.items() if by - 1 >= _SLOWER}
    if not slower or len(slower) == len(changes):
        return ()
    worst = sorted(slower, key=lambda name: (-slower[name], name))
    others = max(by - 1 for name, by in changes.items() if name not in slower)
    return tuple(
        f"deployment {name} is {slower[name]:+.0%} slower on the same work, others {others:+.0%}" for name in worst
    )


def _events(ledger: Ledger, service: str, provider: str, since_s: float) -> tuple[str, ...]:
    found = ledger.events.between(int((since_s - _EVENT_BEFORE_S) * 1e6), int((since_s + 300) * 1e6))
    near = [one for one in found if one.service in ("", service) and one.provider in ("", provider)]
    return tuple(f"{one.kind} {_ago(since_s - one.at_us / 1e6)}: {one.text}" for one in reversed(near) if one.text)[:3]


def _ago(seconds: float) -> str:
    minutes = round(abs(seconds) / 60)
    return f"{minutes} minutes {'before' if seconds >= 0 else 'after'}" if minutes else "at the same time"
