"""What traffic rules did, in sentences of the report: only what happened, the money beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from paceline.cli.rendering import units

_MISSES = {
    "first": "first calls with their prefix",
    "expired": "calls too late after the one before",
    "tools": "tools that changed",
    "system": "a system prompt that changed",
    "history": "an earlier turn that changed",
    "provider": "misses of the provider's own",
}
_REFUSED = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "requests_in_flight": "requests at once",
    "usd_per_day": "money a day",
    "usd_per_month": "money a month",
    "price_unknown": "an unknown price",
    "queue_full": "a full queue",
    "queue_too_late": "a queue too long for their first token",
    "deployments_unavailable": "no deployment to ask",
}


def sentences(service: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what happened to a service's calls, from its part of the report's document."""
    found = service.get("traffic")
    return () if not found else tuple(_sentences(service, found))


def _sentences(service: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    cache, attempts, hedges = found["cache"], found["attempts"], found["hedges"]
    if cache["share"] is not None:
        yield f"cache answered {units.share(cache['share'])}, saved {units.dollars(cache['saved_usd'])}"
    yield from _prompt_cache(found["prompt_cache"])
    if attempts["retried"] or attempts["fallback"]:
        yield (
            f"{units.count(attempts['retried'])} sent again ({units.dollars(attempts['retry_usd'])}), "
            f"{units.count(attempts['fallback'])} answered by another deployment"
        )
    if hedges["sent"]:
        cost = units.dollars(hedges["usd"])
        yield f"{units.count(hedges['sent'])} hedged ({cost}), the second copy won {units.count(hedges['won'])}"
    if found["queued"]:
        waited = service["metrics"].get("queue_ms", {}).get("p95")
        yield f"{units.count(found['queued'])} waited in a queue, p95 {units.milliseconds(waited)}"
    if found["cap"]["cut"]:
        yield f"{units.count(found['cap']['cut'])} of {units.count(found['cap']['added'])} cut short by the cap added"
    for name, n in found["refused"].items():
        yield f"{units.count(n)} refused for {_REFUSED.get(name, name)}"
    if found["limit_near"]:
        yield f"{units.count(found['limit_near'])} close to a limit"
    if found["unpriced_under_limit"]:
        yield f"{units.count(found['unpriced_under_limit'])} of unknown price under a money limit"
    if service.get("other_cost_usd"):
        yield f"{units.dollars(service['other_cost_usd'])} more for attempts that did not answer"


def _prompt_cache(found: Mapping[str, Any]) -> Iterator[str]:
    misses = sum(found["misses"].values())
    if not misses and not found["added"]:
        return
    text = f"prompt caches held {units.share(found['cached_share'])} of the input"
    if misses:
        text += f"; {units.count(misses)} missed, mostly {_MISSES[found['main_miss']]}"
    yield text


def cap(row: Mapping[str, Any]) -> str:
    """Return what the answers of a use case by a model suggest as output cap."""
    now = (
        "no cap"
        if row["in_force"] is None
        else f"{units.count(row['in_force'])}{' (learned)' if row['learned'] else ''}"
    )
    return (
        f"{row['use_case']} on {row['model']}: p99 {units.count(row['tokens_p99'])} tokens in "
        f"{units.count(row['answers'])} answers suggest a cap of {units.count(row['suggested'])}; in force: {now}"
    )


def cap_change(row: Mapping[str, Any]) -> str:
    """Return what was changed, and why."""
    when = datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    before, after = ("the class's" if row[name] is None else units.count(row[name]) for name in ("cap_from", "cap_to"))
    why = "more answers were cut short" if row["why"] == "cut short" else "learned from its answers"
    return f"{when}: the cap of {row['use_case']} went from {before} to {after}: {why}"
