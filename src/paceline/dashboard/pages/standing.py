"""Pages of what stands: use-case classes with their published budgets, waivers, spend, the gateway, reviews."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from paceline.dashboard.sources import Sources
from paceline.governance.exclusions import all_exclusions
from paceline.governance.review import Period, gather, rendered, span_ending
from paceline.governance.signals.months import Month, months
from paceline.governance.waivers import all_waivers
from paceline.standards import Limit, Standards
from paceline.standards.limits import figure

__all__ = ["classes", "gateway", "review_page", "reviews", "spend", "waivers"]

_COSTS: Final = ("n_cost_due", "n_cost", "n_ok", "cost_nanousd")


def classes(standards: Standards | None) -> dict[str, Any]:
    """Return every class in use or built in, with its limits and where each comes from."""
    if standards is None:
        return {"classes": []}
    users: defaultdict[str, list[str]] = defaultdict(list)
    for name, written in standards.options.use_cases.items():
        users[written.class_].append(name)
    found = [
        {
            "name": name,
            "description": terms.description,
            "use_cases": users.get(name, []),
            "cap": terms.max_output_tokens,
            "limits": [
                {
                    "words": _limit_words(limit),
                    "value": figure(limit),
                    "source": limit.source,
                    "ours": limit.ours,
                }
                for limit in terms.limits
            ],
        }
        for name, terms in standards.classes.items()
    ]
    return {"classes": sorted(found, key=lambda one: (not one["use_cases"], one["name"]))}


def _limit_words(limit: Limit) -> str:
    return f"{limit.metric.replace('_', ' ')}{'' if limit.percentile == 'mean' else f' {limit.percentile}'}"


def waivers(sources: Sources, standards: Standards | None) -> dict[str, Any]:
    """Return all waivers and exclusions."""
    now = sources.clock()
    if standards is None:
        return {"waivers": [], "exclusions": [], "now": datetime.fromtimestamp(now, UTC)}
    return {
        "waivers": all_waivers(sources.ledger, standards, now),
        "exclusions": [one for one in all_exclusions(sources.ledger, standards) if one.ended is None],
        "now": datetime.fromtimestamp(now, UTC),
    }


def spend(sources: Sources, standards: Standards | None) -> dict[str, Any]:
    """Return the month's money by service, against its budget, with where it will end."""
    if standards is None:
        return {"months": [], "month": ""}
    moment = datetime.fromtimestamp(sources.clock(), UTC)
    found: list[Month] = sources.kept(
        "months", lambda: months(sources.ledger, standards, moment.date(), is_whole=False)
    )
    since = moment.timestamp() - 28 * 86_400
    counted = sources.ledger.totals.counters(
        since, moment.timestamp(), ("n_cost_due", "n_cost", "n_ok", "cost_nanousd"), ("service",)
    )
    coverage = {names[0]: known / due if due else None for names, (due, known, _, _) in counted.items()}
    per_request = {names[0]: cost / 1e9 / ok if ok else None for names, (_, _, ok, cost) in counted.items()}
    owners = {name: each.owner or "" for name, each in standards.options.services.items()}
    return {
        "months": sorted(found, key=lambda one: (-one.spent, one.service)),
        "owners": owners,
        "coverage": coverage,
        "per_request": per_request,
        "month": f"{moment:%B %Y}",
        "total": sum(one.spent for one in found),
    }


def gateway(sources: Sources) -> dict[str, Any]:
    """Return the state of both processes and the gateway's own time."""
    until = sources.clock() // 60 * 60
    report = sources.kept("overhead", lambda: sources.ledger.measure(until - 86_400, until))
    return {"status": sources.status(), "overhead": report.overhead, "unidentified": report.unidentified}


def reviews(sources: Sources) -> dict[str, Any]:
    """Return the reviews that were written, the latest first."""
    found = sources.ledger.reviews.list(most=60)
    return {
        "reviews": [
            {"id": one.id, "words": _words(one.since_us, one.until_us), "made": one.made_us / 1e6} for one in found
        ]
    }


def review_page(sources: Sources, number: str) -> str | None:
    """Return a review as a page of its own, gathered anew from the ledger; none for one that was never written."""
    kept, standards = sources.ledger.reviews.get(number), sources.standards()
    if kept is None or standards is None:
        return None
    last = datetime.fromtimestamp(kept.until_us / 1e6, UTC).date() - timedelta(days=1)
    span = span_ending(Period(kept.period), last)
    return sources.kept(("review", number), lambda: rendered(gather(sources.ledger, standards, span), "html"))


def _words(since_us: int, until_us: int) -> str:
    first = datetime.fromtimestamp(since_us / 1e6, UTC)
    last = datetime.fromtimestamp(until_us / 1e6, UTC) - timedelta(days=1)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
