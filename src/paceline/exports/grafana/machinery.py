"""The boards of what serves: models and deployments, and the gateway process itself."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.exports.grafana.board import Variable
from paceline.exports.grafana.panels import Panel, Target, row, series, tile
from paceline.exports.grafana.queries import MODELS, failed_share, hourly_cost, per_second, quantile, ratio
from paceline.exports.scrape import BOUNDARIES_MISSING, REQUESTS

__all__ = ["MODEL_VARIABLES", "gateway", "models"]

MODEL_VARIABLES = (
    Variable("model", f'{REQUESTS}{{deployment!=""}}'),
    Variable("deployment", f'{REQUESTS}{{model=~"$model",deployment!=""}}'),
)
_EACH = "{{deployment}}"
_ONE = 'deployment=~"$deployment"'


def models() -> Iterator[Panel]:
    """Make the panels of models and deployments: how quick, how healthy, how full, how dear."""
    yield row("How quick")
    for name, family in (
        ("Time to first token", "paceline_ttft_seconds"),
        ("Time per output token", "paceline_tpot_seconds"),
        ("Total time", "paceline_total_seconds"),
    ):
        p95 = Target(quantile(0.95, family, MODELS, "deployment"), _EACH)
        yield series(f"{name}, p95", "s", p95, width=8)
    yield row("How healthy")
    yield series("Requests", "reqps", Target(per_second(REQUESTS, MODELS, "deployment"), _EACH), width=6)
    yield series("Failed", "percentunit", Target(failed_share(MODELS, "deployment"), _EACH), width=6)
    rests = Target(f"max by (deployment) (paceline_deployment_rests{{{_ONE}}})", _EACH)
    yield series(
        "Passed over",
        "short",
        rests,
        width=6,
        description="1 while its breaker is open or it does worse than its peers.",
    )
    took_over = f'{MODELS},event=~"fallback|hedged|hedge_won"'
    events = Target(
        per_second("paceline_requests_with_total", took_over, "deployment, event"), "{{event}} {{deployment}}"
    )
    retries = Target(per_second("paceline_retries_total", MODELS, "deployment"), "retries {{deployment}}")
    yield series("Fallbacks, hedges, retries", "reqps", events, retries, width=6)
    yield from _loads()


def _loads() -> Iterator[Panel]:
    yield row("How full")
    for title, name in (
        ("At it now", "paceline_deployment_requests_in_flight"),
        ("Waiting for it now", "paceline_deployment_requests_waiting"),
    ):
        yield series(title, "short", Target(f"sum by (deployment) ({name}{{{_ONE}}})", _EACH), width=8)
    queue = Target(quantile(0.95, "paceline_queue_seconds", MODELS, "deployment"), _EACH)
    yield series("Wait in its queue, p95", "s", queue, width=8)
    yield row("How dear")
    tokens = per_second("paceline_tokens_total", f'{MODELS},kind=~"input|output"', "deployment")
    yield series(
        "Cost an hour", "currencyUSD", Target(hourly_cost(MODELS, "deployment"), _EACH), width=8, is_stacked=True
    )
    price = ratio(f"1e6 * {per_second('paceline_cost_usd_total', MODELS, 'deployment')}", tokens)
    yield series("Paid for a million tokens", "currencyUSD", Target(price, _EACH), width=8)
    yield series("Tokens a second, input and output", "short", Target(tokens, _EACH), width=8)


def gateway() -> Iterator[Panel]:
    """Make the panels of the gateway process: that it is not the problem, and its bounds."""
    yield tile("In flight", "short", Target("sum (paceline_requests_in_flight)"))
    yield tile("Connections", "short", Target("sum (paceline_connections)"))
    for title, name, told in (
        (
            "Refused by a bound",
            "paceline_overloaded_total",
            "Connections, requests in flight or journal at their bound.",
        ),
        ("Plans refused", "paceline_plans_refused_total", "The last good plan stays in force; `paceline validate`."),
        (
            "Lost at a restart",
            "paceline_lost_requests_total",
            "In flight when a gateway was killed; counted as failed.",
        ),
    ):
        yield tile(title, "short", Target(f"sum (increase({name}[$__range]))"), over=1, description=told)
    dropped = Target("sum (paceline_journal_dropped_records)")
    yield tile("Records dropped", "short", dropped, over=1, description="The journal was full: the ledger lacks them.")
    yield from _overhead()
    yield from _callers()
    yield from _stores()


def _overhead() -> Iterator[Panel]:
    for way, told in (
        ("in", "Before the request is sent on."),
        ("back", "From the provider's bytes to the caller's socket."),
    ):
        chosen = f'way="{way}"'
        lines = [
            Target(quantile(at, "paceline_overhead_seconds", chosen), f"p{at * 100:g}") for at in (0.5, 0.95, 0.99)
        ]
        yield series(f"Our own overhead, way {way}", "s", *lines, description=told)


def _callers() -> Iterator[Panel]:
    yield series(
        "In flight and connections",
        "short",
        Target("sum (paceline_requests_in_flight)", "in flight"),
        Target("sum (paceline_connections)", "connections"),
        width=8,
    )
    yield series(
        "Refused or unknown addresses",
        "reqps",
        Target(per_second("paceline_overloaded_total"), "by a bound of the process"),
        Target(per_second("paceline_unrouted_total"), "address not served"),
        Target(per_second(REQUESTS, 'outcome="refused"'), "by the standards"),
        width=8,
    )
    yield series(
        "Plans",
        "short",
        Target("sum (increase(paceline_plans_accepted_total[$__rate_interval]))", "accepted"),
        Target("sum (increase(paceline_plans_refused_total[$__rate_interval]))", "refused"),
        width=8,
    )


def _stores() -> Iterator[Panel]:
    segments = Target("sum (paceline_journal_segments)", "segments")
    yield series("Journal on disk", "bytes", Target("sum (paceline_journal_bytes)", "bytes"), width=8)
    yield series(
        "What is wrong, and whether the shared cache is there",
        "short",
        Target("max (paceline_journal_full)", "journal full"),
        Target("max (paceline_plan_refused)", "standards refused"),
        Target("max (paceline_otlp_failing)", "export to the collector fails"),
        Target(f"max ({BOUNDARIES_MISSING})", "limits without a bucket"),
        Target("min (paceline_cache_shared_store_open)", "shared store open"),
        width=8,
    )
    yield series("Exact cache in memory", "bytes", Target("sum (paceline_cache_bytes)", "bytes"), width=8)
    lookups = Target(per_second("paceline_cache_lookups_total", by="result"), "{{result}}")
    yield series("Exact cache, lookups", "reqps", lookups, width=8)
    yield series("Exact cache, answers held", "short", Target("sum (paceline_cache_entries)", "answers"), width=8)
    queue = Target(quantile(0.95, "paceline_queue_seconds"), "p95")
    yield series("Wait in queues, p95", "s", queue, width=8)
    yield series("Journal segments", "short", segments, width=8)
    yield series(
        "To the collector (OTLP)",
        "cps",
        Target(per_second("paceline_otlp_spans_total"), "spans"),
        Target(per_second("paceline_otlp_points_total"), "points of metrics"),
        Target(per_second("paceline_otlp_dropped_requests_total"), "requests dropped"),
        Target(per_second("paceline_otlp_dropped_points_total"), "points dropped"),
        width=8,
    )
    yield series(
        "Waiting for the collector", "short", Target("sum (paceline_otlp_waiting_requests)", "requests"), width=8
    )
