"""What the traffic rules did for one group of requests, as the report tells it: from counters and events to figures.

Owns the JSON form of a service's `traffic` and of the caps. Money is US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from paceline.ledger import caps, learning
from paceline.ledger.plans import Document
from paceline.ledger.sums import GroupSum

MISSES: Final = ("first", "expired", "tools", "system", "history", "provider")
_REFUSED: Final = "refused_"
_WORTH_TELLING: Final = ("limit_near", "unpriced_under_limit", "context_too_long", "content_filtered", "assembled")


def traffic(found: GroupSum) -> dict[str, Any]:
    """Return what caches, other attempts, hedges, queues and limits did."""
    events = found.events
    return {
        "cache": _cache(events),
        "attempts": {
            **{name: _n(events, name) for name in ("retried", "fallback")},
            "retry_usd": _usd(events, "retried"),
        },
        "hedges": {"sent": _n(events, "hedged"), "won": _n(events, "hedge_won"), "usd": _usd(events, "hedged")},
        "queued": _n(events, "queued"),
        "prompt_cache": _prompt_cache(found),
        "refused": {
            name.removeprefix(_REFUSED): n for name, (n, _) in sorted(events.items()) if name.startswith(_REFUSED)
        },
        "cap": {
            "added": found.counters["n_cap_added"],
            "learned": _n(events, "cap_learned"),
            "cut": _n(events, "cut_by_cap"),
        },
        **{name: _n(events, name) for name in _WORTH_TELLING},
    }


def _cache(events: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    counts = {name: _n(events, f"cache_{name}") for name in ("hit", "shared", "stale", "miss", "bypassed")}
    served = counts["hit"] + counts["shared"] + counts["stale"]
    asked = served + counts["miss"]
    saved = sum(_usd(events, f"cache_{name}") for name in ("hit", "shared", "stale"))
    return {**counts, "share": served / asked if asked else None, "saved_usd": saved}


def _prompt_cache(found: GroupSum) -> dict[str, Any]:
    misses = {name: n for name in MISSES if (n := _n(found.events, f"prefix_{name}"))}
    tokens = found.counters["tokens_input"]
    return {
        "cached_share": found.counters["tokens_cached"] / tokens if tokens else None,
        "added": _n(found.events, "prompt_cache_added"),
        "hit": _n(found.events, "prefix_hit"),
        "misses": misses,
        # Of two as frequent, the one that somebody can do something about.
        "main_miss": max(misses, key=lambda name: (misses[name], name != "first"), default=None),
    }


def _n(events: Mapping[str, tuple[int, int]], name: str) -> int:
    return events.get(name, (0, 0))[0]


def _usd(events: Mapping[str, tuple[int, int]], name: str) -> float:
    return events.get(name, (0, 0))[1] / 1e9


def cap_rows(connection: Connection, plan: Document | None, since: int, until: int) -> list[dict[str, Any]]:
    """Return, by use case and model, the length of the answers and the cap that they suggest, beside the one in force.

    Times are Unix seconds. A window with too few answers suggests nothing; a longer one may.
    """
    use_cases = {each["name"]: each for each in (plan or {}).get("use_cases", ())}
    reasoning = [name for name, each in use_cases.items() if each.get("class") == "reasoning"]
    found = learning.lengths(connection, since, until)
    return [
        {
            "use_case": use_case,
            "model": model,
            "answers": lengths.n,
            "tokens_p99": lengths.p99,
            "reasoning": lengths.reasoning,
            "suggested": cap,
            "in_force": use_cases.get(use_case, {}).get("max_output_tokens"),
            "learned": bool(use_cases.get(use_case, {}).get("cap_learned")),
        }
        for use_case, models in sorted(learning.by_use_case(found, reasoning).items())
        for model, lengths in sorted(models.items())
        if (cap := caps.suggested(lengths)) is not None
    ]
