"""From class and use case to the limits, deadlines, cap and traffic rules in force, and whether limits contradict.

Owns the rule of inheritance: built-in class, then the classes of the file along `extends`, then the use case; per
metric and percentile the last one that speaks wins, and `null` drops what was inherited. The cache has one more source,
asked last: the tasks that the policy caches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from paceline.standards.bounds import PolicyOptions
from paceline.standards.budget import Budget, Deadlines
from paceline.standards.classes import BUILT_IN, METRICS, PERCENTILES, BuiltInClass, DeadlinesMs, LaneName, Limit
from paceline.standards.options import LEARNED, ClassOptions, UseCaseOptions
from paceline.standards.traffic import CacheOptions, FallbackName, HedgeOptions

__all__ = ["Conflict", "Terms", "class_terms", "conflicts", "figure", "use_case_terms"]

_ORDER = {(metric, percentile): (m, p) for m, metric in enumerate(METRICS) for p, percentile in enumerate(PERCENTILES)}


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a class or a use case, complete."""

    name: str
    description: str
    limits: tuple[Limit, ...]
    deadlines: DeadlinesMs
    max_output_tokens: int | None
    lane: LaneName
    stream_upstream: bool
    built_in: str | None = None
    """The built-in class at the start of the line, if any."""
    cap_learned: bool = False
    """The cap follows the answers; `max_output_tokens` holds until enough is known."""
    fallback: FallbackName = "any"
    hedge: HedgeOptions | None = None
    cache: CacheOptions | None = None
    cache_said: bool = False
    """A class or the use case says what the cache is, be it none."""
    prompt_cache: bool = True
    inherited: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    """(metric, percentile) -> where a limit was inherited from."""

    def limit(self, metric: str, percentile: str) -> Limit | None:
        """Return the limit of a metric, as people write it, at a percentile."""
        for limit in self.limits:
            if (limit.metric, limit.percentile) == (metric, percentile):
                return limit
        return None


def class_terms(name: str, classes: Mapping[str, ClassOptions]) -> Terms:
    """Complete a class. An unknown name, or a loop of `extends`, counts as empty (a fault elsewhere)."""
    chain: list[ClassOptions] = []
    base, seen = name, set[str]()
    while base in classes and base not in seen:
        seen.add(base)
        chain.append(classes[base])
        following = classes[base].extends
        if following is None or following == base:
            break
        base = following
    terms = _from_built_in(name, BUILT_IN[base]) if base in BUILT_IN else _empty(name)
    for options in reversed(chain):
        terms = _apply_class(terms, name, options)
    return terms


def use_case_terms(
    name: str, use_case: UseCaseOptions, classes: Mapping[str, ClassOptions], policy: PolicyOptions | None = None
) -> Terms:
    """Complete a use case. `policy` says which tasks are cached; the default one if None."""
    base = class_terms(use_case.class_, classes)
    limits = _merge(base.limits, use_case.budget, f"use case {name}")
    own = set(_spoken(use_case.budget))
    inherited = {
        (limit.metric, limit.percentile): f"class {use_case.class_}"
        for limit in limits
        if (limit.metric, limit.percentile) not in own
    }
    terms = replace(
        base,
        name=name,
        description=use_case.description,
        limits=limits,
        deadlines=_deadlines(base.deadlines, use_case.deadlines),
        inherited=MappingProxyType(inherited),
        **_rules(use_case),
    )
    policy = policy or PolicyOptions()
    if not terms.cache_said and use_case.task in policy.cached_tasks:
        return replace(terms, cache=CacheOptions(ttl=policy.cached_tasks_ttl))
    return terms


def _from_built_in(name: str, built_in: BuiltInClass) -> Terms:
    return Terms(
        name=name,
        description=built_in.description,
        limits=built_in.limits,
        deadlines=built_in.deadlines,
        max_output_tokens=built_in.max_output_tokens,
        lane=built_in.lane,
        stream_upstream=built_in.stream_upstream,
        built_in=built_in.name,
    )


def _empty(name: str) -> Terms:
    return Terms(name, "", (), DeadlinesMs(3_000, 0, 0, 0), None, "standard", stream_upstream=False)


def _apply_class(terms: Terms, name: str, options: ClassOptions) -> Terms:
    return replace(
        terms,
        name=name,
        description=options.description or terms.description,
        limits=_merge(terms.limits, options.budget, options.source or "standards file"),
        deadlines=_deadlines(terms.deadlines, options.deadlines),
        **_rules(options),
    )


def _rules(written: ClassOptions | UseCaseOptions) -> dict[str, Any]:
    """List what is written of the cap and the traffic rules; the rest stays as inherited."""
    said = written.model_fields_set
    rules: dict[str, Any] = {
        name: value
        for name in ("lane", "fallback", "prompt_cache", "stream_upstream")
        if (value := getattr(written, name)) is not None
    }
    if "hedge" in said:
        rules["hedge"] = written.hedge
    if "cache" in said:
        rules |= {"cache": written.cache, "cache_said": True}
    if written.max_output_tokens == LEARNED:
        rules["cap_learned"] = True
    elif "max_output_tokens" in said:
        rules |= {"max_output_tokens": written.max_output_tokens, "cap_learned": False}
    return rules


def _spoken(budget: Budget) -> Iterator[tuple[str, str]]:
    """Every (metric, percentile) that a budget sets or drops."""
    for metric in budget.model_fields_set:
        value = getattr(budget, metric)
        if value is None:
            yield from ((metric, percentile) for percentile in PERCENTILES)
        elif metric == "error_share":
            yield metric, "mean"
        else:
            yield from ((metric, percentile) for percentile in value.model_fields_set)


def _merge(inherited: tuple[Limit, ...], budget: Budget, source: str) -> tuple[Limit, ...]:
    table = {(limit.metric, limit.percentile): limit for limit in inherited}
    for metric, percentile in _spoken(budget):
        written = getattr(budget, metric)
        value = written if metric == "error_share" or written is None else getattr(written, percentile)
        if value is None:
            table.pop((metric, percentile), None)
        else:
            table[metric, percentile] = Limit(metric, percentile, value, source)
    return tuple(table[key] for key in sorted(table, key=_ORDER.__getitem__))


def _deadlines(inherited: DeadlinesMs, written: Deadlines) -> DeadlinesMs:
    def pick(name: str, base: int) -> int:
        if name not in written.model_fields_set:
            return base
        value = getattr(written, name)
        return 0 if value is None else max(1, round(value)) if value else 0

    return DeadlinesMs(
        connect=pick("connect", inherited.connect),
        first_token=pick("first_token", inherited.first_token),
        stall=pick("stall", inherited.stall),
        total=pick("total", inherited.total),
    )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two limits that cannot both mean something. `lower` should not exceed `upper`, but does."""

    lower: Limit
    upper: Limit
    ordered: bool
    """True for two percentiles of one metric, False for a part that is longer than the whole."""


def conflicts(terms: Terms) -> list[Conflict]:
    """Find the limits that contradict each other."""
    found = []
    for metric in METRICS:
        row = [limit for limit in terms.limits if limit.metric == metric and limit.percentile != "mean"]
        found += [Conflict(low, high, True) for low, high in pairwise(row) if low.value > high.value]
    for part, whole in (("ttft", "total"), ("stall", "total"), ("ttft", "ttfv"), ("ttfv", "total")):
        for percentile in PERCENTILES:
            inner, outer = terms.limit(part, percentile), terms.limit(whole, percentile)
            if inner and outer and inner.value > outer.value:
                found.append(Conflict(inner, outer, False))
    return found


def figure(limit: Limit) -> str:
    """Write a limit's value as people read it: `800 ms`, `1.5 s`, `$0.02`, `0.5 %`."""
    if limit.metric == "cost":
        return f"${limit.value:g}"
    if limit.metric == "error_share":
        return f"{limit.value * 100:g} %"
    if limit.value < 1_000:
        return f"{limit.value:g} ms"
    return f"{limit.value / 1_000:g} s" if limit.value < 3_600_000 else f"{limit.value / 3_600_000:g} h"
