"""LiteLLM's settings beside models: routing, retries, timeouts, cache, budgets, teams, bounds of the proxy.

Owns what a setting becomes, and what is said of those that become nothing. LiteLLM looks for some of them in several
sections; the first of `router_settings`, `litellm_settings`, `general_settings` that has one counts. Source:
docs.litellm.ai, "All settings", "Fallbacks", "Caching", "Budgets, rate limits".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from paceline.imports.draft import TEAM, Draft, Names
from paceline.imports.litellm_models import Models
from paceline.imports.money import spending_limit
from paceline.imports.reading import Section
from paceline.imports.spans import CLASS, deadlines, duration_text

__all__ = ["carry_settings"]

_USE_CASE: Final = "general"
_LOGS: Final = (
    "there are no callbacks: each request has its record, without text, in the ledger",
    "`/metrics`, `telemetry:` for OpenTelemetry, and `paceline export` (docs/telemetry.md, docs/export.md)",
)
_OWN_LOGS: Final = ("it is about LiteLLM's own logs", "")
_PASSES: Final = ("requests pass unchanged, and a provider's refusal comes back as it is", "")
_ELSEWHERE: Final = ("the same setting of another section counts", "")
_STORED: Final = ("LiteLLM keeps this in its database, not in the file", "`paceline keys create`, and `teams:`")
_OTHER_MODEL: Final = (
    "a request never goes to another model because of what is wrong with it",
    "callers get the provider's own error and may ask for another model",
)
_SHARED: Final = (
    "gateways share no counters; each counts for itself",
    "divide limits by the number of gateways; `traffic.cache.url` is for the cache alone",
)
_ACCESS: Final = ("access is by keys, tokens, or a proxy's header", "docs/operations.md and docs/security.md")
_STORE: Final = ("the ledger is a store of its own", "PACELINE_LEDGER__URL for PostgreSQL, else SQLite beside the data")
_TEXT: Final = ("no text of prompts or answers is kept", "")
_REASONS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("success_callback", "failure_callback", "callbacks", "service_callbacks"), _LOGS),
    **dict.fromkeys(("turn_off_message_logging", "redact_user_api_key_info", "store_prompts_in_spend_logs"), _TEXT),
    **dict.fromkeys(("set_verbose", "json_logs", "debug_level", "telemetry", "langfuse_default_tags"), _OWN_LOGS),
    **dict.fromkeys(("drop_params", "modify_params", "enable_json_schema_validation"), _PASSES),
    **dict.fromkeys(("content_policy_fallbacks", "context_window_fallbacks"), _OTHER_MODEL),
    **dict.fromkeys(("redis_host", "redis_port", "redis_password", "redis_url", "redis_db", "cache_kwargs"), _SHARED),
    **dict.fromkeys(("default_internal_user_params", "default_team_params", "key_generation_settings"), _STORED),
    **dict.fromkeys(("upperbound_key_generate_params", "max_internal_user_budget", "max_end_user_budget"), _STORED),
    **dict.fromkeys(("internal_user_budget_duration", "max_user_budget", "tag_budget_config"), _STORED),
    **dict.fromkeys(("enable_jwt_auth", "litellm_jwtauth", "custom_auth", "custom_sso", "allowed_ips"), _ACCESS),
    **dict.fromkeys(("enable_oauth2_auth", "enable_oauth2_proxy_auth", "allowed_routes", "public_routes"), _ACCESS),
    **dict.fromkeys(("database_url", "database_connection_pool_limit", "store_model_in_db"), _STORE),
    **dict.fromkeys(("proxy_batch_write_at", "database_connection_timeout", "disable_spend_logs"), _STORE),
    **dict.fromkeys(
        ("proxy_budget_rescheduler_min_time", "proxy_budget_rescheduler_max_time", "allow_requests_on_db_unavailable"),
        ("no request waits for a database", ""),
    ),
    **dict.fromkeys(("timeout", "request_timeout", "stream_timeout", "num_retries", "cooldown_time"), _ELSEWHERE),
    **dict.fromkeys(("cache", "alerting", "routing_strategy", "model_group_alias", "max_budget"), _ELSEWHERE),
    **dict.fromkeys(("max_parallel_requests", "global_max_parallel_requests", "max_request_size_mb"), _ELSEWHERE),
    "default_max_parallel_requests": ("`max_parallel_requests` counts", ""),
    "cache_params": ("`cache` is not true", ""),
    **dict.fromkeys(
        ("priority_reservation", "priority_reservation_settings"),
        (
            "priorities are lanes, with a share of starts kept for each",
            "`lane:` of a use case",
        ),
    ),
    "master_key": ("paceline makes its own admin key", "`paceline up` prints it at its first start"),
    "enable_pre_call_checks": ("prompts are not counted beforehand; the provider refuses what is too long", ""),
    "optional_pre_call_checks": ("limits of deployments hold without being switched on", ""),
    "enable_tag_filtering": ("traffic is not routed by tags", "a model of its own for what each tag stands for"),
    "tag_filtering_match_any": ("traffic is not routed by tags", ""),
    "routing_strategy_args": ("the order of deployments is preference, not a strategy", ""),
    "allowed_fails": ("the breaker opens by the share of failures", "`traffic.breaker: {requests_min, failed_share}`"),
    "allowed_fails_policy": ("the breaker does not tell kinds of failure apart", "`traffic.breaker`"),
    "disable_cooldowns": ("breakers are always on", "`traffic.breaker: {failed_share: 100%}` comes near"),
    "retry_policy": ("retries do not tell kinds of failure apart", "`traffic.retry`"),
    "model_group_retry_policy": ("retries are one rule for all traffic", "`traffic.retry`"),
    "retry_after": ("a provider's Retry-After is kept to", "`traffic.retry.retry_after_max`"),
    "provider_budget_config": ("money is limited by deployment", "`limits: {usd_per_day: …}` of each deployment"),
    "pass_through_endpoints": ("paths pass to the providers of the standards only", "`providers.NAME.passthrough`"),
    "max_response_size_mb": ("answers are relayed as they come, and never held", ""),
    "forward_client_headers_to_llm_api": ("headers pass by name", "`providers.NAME.forward_headers`"),
    "alerting_threshold": ("slow means over the budget of the use case", "`use_cases.NAME.budget`"),
    "alerting_args": ("alerts are of incidents", "docs/alerts.md"),
    "alert_types": ("alerts are of incidents", "docs/alerts.md"),
    "background_health_checks": ("health is judged by traffic, not by calls of its own", ""),
    "health_check_interval": ("health is judged by traffic, not by calls of its own", ""),
    "cost_discount_config": ("contract prices stand for themselves", "`prices:`"),
    "cost_margin_config": ("costs are what providers are paid", ""),
}
_NOT_CARRIED: Final = "it names a model that is not there, or could not be carried over"
_STRATEGY: Final = (
    "deployments have an order of preference, not a strategy; slow and failing ones are passed over anyway",
    "`models.NAME.deployments`, `traffic.breaker`, `traffic.outlier`, and `hedge` of a use case",
)


class _Sections:
    """The sections that LiteLLM reads settings from, in the order in which we do."""

    def __init__(self, whole: Section) -> None:
        self.all = [whole.section(name) for name in ("router_settings", "litellm_settings", "general_settings")]

    def first(self, *names: str) -> Section:
        """Return the first section that has one of these settings; the first of all if none has."""
        return next((part for part in self.all if any(name in part for name in names)), self.all[0])

    def whole(self, name: str) -> int | None:
        """Take a whole number wherever it is."""
        return self.first(name).whole(name)

    def number(self, name: str) -> float | None:
        """Take a number wherever it is."""
        return self.first(name).number(name)

    def positive(self, name: str) -> float | None:
        """Take a number above zero wherever it is."""
        return self.first(name).positive(name)


def carry_settings(draft: Draft, models: Models, whole: Section) -> None:
    """Take the settings into the draft, and note the rest."""
    parts = _Sections(whole)
    _aliases(draft, models, parts)
    _fallbacks(draft, models, parts)
    _traffic(draft, parts)
    _use_case(draft, models, parts)
    _teams(draft, parts)
    _bounds(draft, parts)
    strategy = parts.first("routing_strategy")
    if strategy.text("routing_strategy"):
        draft.notes.note("left out", strategy.at("routing_strategy"), *_STRATEGY)
    for part in parts.all:
        part.leave(_REASONS)


def _aliases(draft: Draft, models: Models, parts: _Sections) -> None:
    section = parts.first("model_group_alias").section("model_group_alias")
    for alias in section.names():
        path, target = section.at(alias), section.take(alias)
        known = models.names.known(str(target.get("model") if isinstance(target, dict) else target))
        if known is None:
            draft.notes.note("left out", path, _NOT_CARRIED)
            continue
        _note_beside(draft, path, target)
        draft.append(models.names.ours(alias, path, "model"), draft.deployments(known))


def _fallbacks(draft: Draft, models: Models, parts: _Sections) -> None:
    own = {name: draft.deployments(name) for name in draft.models}
    for section in parts.all:
        path = section.at("fallbacks")
        for theirs, others in _pairs(section):
            model = models.names.known(theirs)
            if model is None:
                draft.notes.note("left out", path, _NOT_CARRIED)
            else:
                _fall_back(draft, models, model, others, (path, own))
        path = section.at("default_fallbacks")
        if default := section.take("default_fallbacks"):
            for model in own:
                _fall_back(draft, models, model, default, (path, own))


def _fall_back(draft: Draft, models: Models, model: str, others: Any, at: tuple[str, dict[str, list[str]]]) -> None:
    path, own = at
    for other in others if isinstance(others, list) else [others]:
        name = str(other.get("model") if isinstance(other, dict) else other)
        known = models.names.known(name)
        deployments = own.get(known, []) if known else [models.by_id[name]] if name in models.by_id else []
        _note_beside(draft, path, other)
        if not deployments:
            draft.notes.note("left out", path, _NOT_CARRIED)
        elif draft.speaks_messages(deployments[0]) != draft.speaks_messages(own[model][0]):
            draft.notes.note("left out", path, "one speaks OpenAI's API, the other Anthropic's: neither can take over")
        elif known != model:
            draft.append(model, deployments)
            why = "a request falls back among the deployments of its model: those of the other model are added to it"
            draft.notes.note("changed", path, why, "`fallback: same-model` of a use case keeps it from them")


def _note_beside(draft: Draft, path: str, target: Any) -> None:
    """Note what else is said of a model that stands for another."""
    for key in target if isinstance(target, dict) else ():
        if key != "model":
            draft.notes.note("left out", f"{path}.{key}", "a model is its deployments, and no more")


def _pairs(section: Section) -> Iterator[tuple[str, Any]]:
    value = section.take("fallbacks")
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield from ((str(model), others) for model, others in each.items())
        elif each is not None:
            why = "it is not written as MODEL: [OTHERS]"
            section.notes.note("left out", section.at("fallbacks"), why, "correct it and import again")


def _traffic(draft: Draft, parts: _Sections) -> None:
    retries = parts.number("num_retries")
    if retries is not None:
        draft.traffic["retry"] = {"attempts_max": int(min(retries, 99)) + 1}
    rest = parts.first("cooldown_time")
    seconds = rest.positive("cooldown_time")
    if seconds:
        span = duration_text(seconds)
        draft.traffic["breaker"] = {"open": span} | ({"open_max": span} if seconds > 60 else {})
        why = "the breaker rests a deployment for this long; the time doubles with each failed probe"
        draft.notes.note("changed", rest.at("cooldown_time"), why, "`traffic.breaker`")


def _use_case(draft: Draft, models: Models, parts: _Sections) -> None:
    if not draft.models:
        return
    embedding = {entry.model for entry in models.entries if entry.is_embedding}
    first = next((name for name in draft.models if name not in embedding), next(iter(draft.models)))
    others = [name for name in draft.models if name != first]
    use_case: dict[str, Any] = {"class": CLASS, "model": first, **({"models": others} if others else {})}
    cap = _one([entry.max_tokens for entry in models.entries])
    use_case |= {"max_output_tokens": cap} if cap else {}
    wait = parts.first("timeout", "request_timeout")
    total = wait.positive("timeout") or parts.positive("request_timeout") or _one([e.total_s for e in models.entries])
    stream = parts.first("stream_timeout")
    places = [stream.at("stream_timeout")]
    token = stream.positive("stream_timeout")
    if token is None:
        token = _one([entry.first_token_s for entry in models.entries])
        places = [f"{entry.path}.litellm_params.stream_timeout" for entry in models.entries]
    use_case |= deadlines(draft.notes, places, total, token)
    _note_entries(draft, models, total, token, cap)
    use_case |= _cache(draft, parts)
    draft.use_cases[_USE_CASE] = use_case


def _one(values: Iterable[Any]) -> Any:
    """Return the value that all entries have, if there is one."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _note_entries(draft: Draft, models: Models, total: float | None, token: float | None, cap: int | None) -> None:
    for entry in models.entries:
        for key, own, common in (("timeout", entry.total_s, total), ("stream_timeout", entry.first_token_s, token)):
            if own not in {None, common}:
                do = "a use case for what calls this model, with `deadlines: {first_token: …, total: …}`"
                path = f"{entry.path}.litellm_params.{key}"
                draft.notes.note("left out", path, "deadlines belong to use cases", do)
        if entry.max_tokens not in {None, cap}:
            path = f"{entry.path}.litellm_params.max_tokens"
            draft.notes.note("left out", path, "output caps belong to use cases", "`use_cases.NAME.max_output_tokens`")


def _cache(draft: Draft, parts: _Sections) -> dict[str, Any]:
    section = parts.first("cache")
    if not section.flag("cache"):
        return {}
    path = section.at("cache_params" if "cache_params" in section else "cache")
    params = section.section("cache_params")
    kind, ttl, mode = params.text("type") or "redis", params.positive("ttl"), params.text("mode")
    if mode == "default_off":
        why = "callers cannot ask for a cache: a use case has one or not"
        draft.notes.note("left out", path, why, "`use_cases.NAME.cache` where it is wanted")
        return {}
    if "semantic" in kind:
        why = "only equal requests are answered from a cache; similar ones are different requests"
        draft.notes.note("left out", path, why, "`use_cases.NAME.cache: {ttl: 1h}` is the exact cache")
        return {}
    if kind == "redis":
        draft.traffic["cache"] = {"url": "env:PACELINE_CACHE_URL"}
        do = "set PACELINE_CACHE_URL to redis://[:PASSWORD@]HOST:PORT where the gateway runs"
        draft.notes.note("to do", path, "the address of Redis holds its password, so it is a variable", do)
    elif kind != "local":
        draft.notes.note(
            "left out", f"{path}.type", f"{kind} is no store here", "memory, or Valkey and Redis by `traffic.cache.url`"
        )
    params.leave(dict.fromkeys(params.names(), ("the cache's store has an address and no more", "`traffic.cache`")))
    why = "answers are kept by service, and of any temperature, as LiteLLM does"
    draft.notes.note("changed", path, why, "without `temperature_zero: false` only requests with temperature 0 are")
    return {"cache": ({"ttl": duration_text(ttl)} if ttl else {}) | {"temperature_zero": False}}


def _teams(draft: Draft, parts: _Sections) -> None:
    names = Names(draft.notes)
    for section in parts.first("default_team_settings").sections("default_team_settings"):
        if theirs := section.text("team_id"):
            limits = spending_limit(section, "max_budget", "budget_duration")
            draft.teams[names.ours(theirs, section.at("team_id"), "team")] = {"limits": limits} if limits else {}
        else:
            draft.notes.note("left out", section.path, "it has no `team_id`", "correct it and import again")
        section.leave({key: _LOGS for key in section.names() if "callback" in key or key.startswith("langfuse")})
    limits = spending_limit(parts.first("max_budget"), "max_budget", "budget_duration")
    if limits and draft.use_cases:
        draft.use_cases[_USE_CASE]["limits"] = limits
    alerting = parts.first("alerting")
    path, channels = alerting.at("alerting"), alerting.take("alerting")
    for channel in channels if isinstance(channels, list) else [channels] if channels else []:
        if channel == "slack":
            draft.teams = draft.teams or {TEAM: {}}
            next(iter(draft.teams.values()))["alerts"] = [{"slack": "env:SLACK_WEBHOOK_URL"}]
        else:
            draft.notes.note("left out", path, "how to reach it stands in no file", "`teams.NAME.alerts`")


def _bounds(draft: Draft, parts: _Sections) -> None:
    if each := parts.whole("max_parallel_requests") or parts.whole("default_max_parallel_requests"):
        draft.bound(each)
    if together := parts.whole("global_max_parallel_requests"):
        draft.gateway["requests_in_flight_max"] = min(together, 1_000_000)
    size = parts.first("max_request_size_mb")
    megabytes = size.positive("max_request_size_mb")
    if megabytes:
        draft.gateway["body_bytes_max"] = f"{min(max(megabytes, 0.01), 1000):g}MB"
