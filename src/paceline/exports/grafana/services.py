"""The boards of services: the overview of all, and one service with a row of panels for each of its use cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from paceline.exports.grafana.board import Variable, uid
from paceline.exports.grafana.panels import Panel, Target, row, series, table, text, tile
from paceline.exports.grafana.queries import (
    CHOSEN,
    attained,
    failed_share,
    hourly_cost,
    limit_line,
    per_second,
    quantile,
    ratio,
)
from paceline.exports.objectives import Promise, promises
from paceline.exports.prometheus import can_tell
from paceline.exports.scrape import REQUESTS, histogram_of
from paceline.standards import PERCENTILES, Standards
from paceline.standards.names import printable

__all__ = ["OVERVIEW_VARIABLES", "SERVICE_VARIABLES", "overview", "service"]

OVERVIEW_VARIABLES = (
    Variable("service", f'{REQUESTS}{{service!=""}}'),
    Variable("use_case", f'{REQUESTS}{{service=~"$service",use_case!=""}}'),
)
SERVICE_VARIABLES = (
    Variable("service", f'{REQUESTS}{{service!=""}}', is_multiple=False),
    Variable("use_case", f'{REQUESTS}{{service=~"$service",use_case!=""}}'),
)

_TIMES = {
    "ttft_ms": "Time to first token",
    "ttfv_ms": "Time to first visible token",
    "tpot_ms": "Time per output token",
    "stall_ms": "Largest gap",
    "total_ms": "Total time",
}
_USUAL = ("ttft_ms", "tpot_ms", "total_ms")
_METRICS = (*_TIMES, "cost_usd", "error_share")
_INTERPOLATED = "Read off a histogram, interpolated between two boundaries; the shares within limits are counts."
_COVERAGE = "Cost of answers whose price or tokens are unknown is missing, not zero: see the cost coverage."


def overview(standards: Standards, link: str | None = None) -> Iterator[Panel]:
    """Make the panels of the board that everybody opens: who is within its limits, and what it costs.

    `link` is where people reach paceline's own pages.
    """
    known = list(promises(standards))
    yield from _tiles(known)
    columns = list(_columns(known))
    if columns:
        board = f"/d/{uid('service')}?var-service=${{__value.raw}}&${{datasource:queryparam}}&${{__url_time_range}}"
        links = {"Board of the service": board} | ({"In paceline": f"{link}/services/${{__value.raw}}"} if link else {})
        told = (
            "Share of requests within each limit over the board's time; failed ones are not. Red: fewer than it asks."
        )
        yield table("Within the limits, by service and use case", columns, links, told)
    for metric, name in _TIMES.items():
        family = histogram_of(metric)
        if family is not None:
            p95 = Target(quantile(0.95, family.name, CHOSEN, "use_case"), "{{use_case}}")
            yield series(
                f"{name}, p95 by use case", "s", p95, *_limits(known, metric, "p95", of="{{use_case}}"), width=8
            )
    yield series(
        "Requests by service", "reqps", Target(per_second(REQUESTS, CHOSEN, "service"), "{{service}}"), width=8
    )
    yield series("Failed, by service", "percentunit", Target(failed_share(CHOSEN, "service"), "{{service}}"), width=8)
    cost = Target(hourly_cost(CHOSEN, "service"), "{{service}}")
    yield series("Cost an hour, by service", "currencyUSD", cost, width=8, is_stacked=True, description=_COVERAGE)
    yield text("Owners and published limits", _published(standards, known), height=10)


def _tiles(known: Sequence[Promise]) -> Iterator[Panel]:
    strictest = min((each.allowed for each in known if each.metric == "error_share"), default=None)
    yield tile("Requests a second", "reqps", Target(per_second(REQUESTS, CHOSEN)))
    told = "Red from the strictest limit of any use case."
    yield tile("Failed", "percentunit", Target(failed_share(CHOSEN)), over=strictest, description=told)
    yield tile("Cost an hour", "currencyUSD", Target(hourly_cost(CHOSEN)), description=_COVERAGE)
    yield tile("Cost coverage", "percentunit", Target(_covered()), description="Answers whose cost is known.")
    waiting = Target("sum (paceline_deployment_requests_waiting)")
    yield tile("Waiting in queues", "short", waiting, description="All deployments, whoever asked.")
    overhead = Target(quantile(0.95, "paceline_overhead_seconds", by="way"), "{{way}}")
    yield tile("Our own overhead, p95", "s", overhead, description="Added on the way in and back.")


def _covered() -> str:
    answered = f'sum (increase({REQUESTS}{{{CHOSEN},outcome="ok"}}[$__range]))'
    return f"1 - {ratio(f'sum (increase(paceline_unpriced_requests_total{{{CHOSEN}}}[$__range]))', answered)}"


def _columns(known: Sequence[Promise]) -> Iterator[tuple[str, Target, float]]:
    """Yield a column for each metric, percentile and share that may be over."""
    found: defaultdict[tuple[str, str, float], list[Promise]] = defaultdict(list)
    for each in filter(can_tell, known):
        found[each.metric, each.limit.percentile, each.allowed].append(each)
    for metric in _METRICS:
        for (of, percentile, allowed), mine in sorted(found.items()):
            if of == metric:
                name = mine[0].words if percentile == "mean" else f"{mine[0].limit.metric} {percentile}"
                yield name, Target(attained(mine)), 1 - allowed


def _limits(known: Sequence[Promise], metric: str, *percentiles: str, of: str = "") -> Iterator[Target]:
    for percentile in PERCENTILES:
        mine = [each for each in known if (each.metric, each.limit.percentile) == (metric, percentile)]
        if mine and (not percentiles or percentile in percentiles):
            name = "limit" if percentile == "mean" else f"limit {percentile}"
            yield Target(limit_line(mine), f"{name} {of}".rstrip())


def service(standards: Standards) -> Iterator[Panel]:
    """Make the panels of one service: its budgets, then for each use case time, failures, tokens and money."""
    known = list(promises(standards))
    if columns := list(_columns(known)):
        yield table("Within the limits", columns, height=6)
    yield row("$use_case", repeat="use_case")
    for name, family, metric in _shown(known):
        lines = _percentiles(family)
        yield series(name, "s", *lines, *_limits(known, metric), width=8, description=_INTERPOLATED)
    yield series(
        "Requests by outcome", "reqps", Target(per_second(REQUESTS, CHOSEN, "outcome"), "{{outcome}}"), width=8
    )
    failed = Target(failed_share(CHOSEN), "failed")
    yield series("Failed", "percentunit", failed, *_limits(known, "error_share"), width=8)
    codes = Target(per_second("paceline_failures_total", CHOSEN, "code"), "{{code}}")
    yield series(
        "Ended with a code", "reqps", codes, width=8, description="`paceline explain CODE` says what it means."
    )
    yield from _money(known)


def _shown(known: Sequence[Promise]) -> Iterator[tuple[str, str, str]]:
    """Yield the times that have panels: the usual ones, and those with a limit."""
    limited = {each.metric for each in known}
    for metric, name in _TIMES.items():
        family = histogram_of(metric)
        if family is not None and (metric in _USUAL or metric in limited):
            yield name, family.name, metric


def _percentiles(family: str) -> list[Target]:
    return [Target(quantile(at, family, CHOSEN), f"p{at * 100:g}") for at in (0.5, 0.95, 0.99)]


def _money(known: Sequence[Promise]) -> Iterator[Panel]:
    yield series(
        "Cost an hour", "currencyUSD", Target(hourly_cost(CHOSEN, "model"), "{{model}}"), width=8, description=_COVERAGE
    )
    answered = per_second(REQUESTS, f'{CHOSEN},outcome="ok"')
    each = Target(ratio(hourly_cost(CHOSEN).replace("3600 * ", ""), answered), "mean, failures paid for included")
    lines = _percentiles("paceline_request_cost_usd")
    limits = _limits(known, "cost_usd")
    yield series("Cost of a request", "currencyUSD", each, *lines, *limits, width=8, description=_COVERAGE)
    tokens = Target(per_second("paceline_tokens_total", CHOSEN, "kind"), "{{kind}}")
    yield series(
        "Tokens a second", "short", tokens, width=8, description="`input` includes `cached`, `output` `reasoning`."
    )
    events = Target(per_second("paceline_requests_with_total", CHOSEN, "event"), "{{event}}")
    yield series(
        "On the way", "reqps", events, Target(per_second("paceline_retries_total", CHOSEN), "retries"), width=8
    )
    cached = Target(per_second("paceline_cache_lookups_total", CHOSEN, "result"), "{{result}}")
    yield series("Exact cache", "reqps", cached, width=8)
    prompts = _input_tokens("cached")
    yield series("Prompt tokens from a provider's cache", "percentunit", Target(prompts, "cached"), width=8)


def _input_tokens(kind: str) -> str:
    tokens = "paceline_tokens_total"
    return ratio(per_second(tokens, f'{CHOSEN},kind="{kind}"'), per_second(tokens, f'{CHOSEN},kind="input"'))


def _published(standards: Standards, known: Sequence[Promise]) -> str:
    """Write who owns what, and the limits, as Markdown."""
    lines = ["| service | owner | use cases |", "|---|---|---|"]
    for name, options in standards.options.services.items():
        lines.append(f"| {name} | {options.owner or 'nobody'} | {', '.join(options.use_cases)} |")
    lines += ["", "| use case | class | limit | source |", "|---|---|---|---|"]
    for each in known:
        source = printable(each.limit.source).replace("|", "\\|")
        lines.append(f"| {each.use_case} | {each.class_name} | {each.words} | {source} |")
    return "\n".join(lines)
