"""Checks of the traffic rules: what cannot be run, and what does not do what it seems to.

Owns the words for both. Must not change anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from paceline.standards.context import Context
from paceline.standards.faults import Code
from paceline.standards.limits import Terms, class_terms, use_case_terms
from paceline.standards.names import Path
from paceline.standards.serving import DeploymentOptions
from paceline.standards.traffic import HedgeOptions, RateLimits
from paceline.standards.vendors import ENGINES

__all__ = ["TRAFFIC_CHECKS", "is_unsafe"]

FLOORS_MAX: Final = 0.9
_METADATA_NAMES: Final = {"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
# Link-local, and the metadata services that live elsewhere: AWS over IPv6, Alibaba, Azure's wire server.
_UNSAFE: Final = tuple(
    ip_network(each)
    for each in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32")
)


def _providers(context: Context) -> None:
    for name, provider in context.options.providers.items():
        path: Path = ("providers", name)
        host = urlsplit(provider.base_url or "").hostname or ""
        if is_unsafe(host, provider.addresses_allowed):
            hint = "Name the provider's own address, or list this one under `addresses_allowed:` if it is meant"
            message = f"{host} is link-local or a metadata service, which answers with the machine's own credentials"
            context.note(Code.ADDRESS_UNSAFE, (*path, "base_url"), message, hint)
        engine = ENGINES.get(provider.engine or "")
        if provider.priority and (engine is None or engine.priority == "none"):
            able = ", ".join(f"`{each}`" for each, known in ENGINES.items() if known.priority != "none")
            what = f"the engine `{provider.engine}` takes no priority" if provider.engine else "it names no engine"
            context.note(Code.PRIORITY_UNKNOWN, (*path, "priority"), what, f"Engines that take one are {able}")


def is_unsafe(host: str, allowed: list[str]) -> bool:
    """Tell whether a host is link-local or a metadata service, and not among those allowed."""
    if host.lower().rstrip(".") in _METADATA_NAMES:
        return not allowed
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    networks: list[IPv4Network | IPv6Network] = [ip_network(each) for each in allowed]
    return any(address in each for each in _UNSAFE) and not any(address in each for each in networks)


def _deployments(context: Context) -> None:
    for name, model in context.options.models.items():
        for index, deployment in enumerate(model.deployments):
            path: Path = ("models", name, "deployments", index)
            floors = deployment.queue.standard_floor + deployment.queue.batch_floor
            if floors > FLOORS_MAX:
                message = f"the floors of the standard and the batch lane take {floors:.0%} of the starts"
                hint = "Leave the interactive lane a tenth: lower one of them"
                context.note(Code.FLOORS_TOO_HIGH, (*path, "queue"), message, hint)
            if "queue" in deployment.model_fields_set and deployment.limits.requests_in_flight is None:
                message = "the queue never fills: nothing bounds the requests in flight"
                hint = "Add `limits: {requests_in_flight: …}` with what the engine serves well at once"
                context.note(Code.QUEUE_UNUSED, (*path, "queue"), message, hint)


def _hedges(context: Context) -> None:
    options = context.options
    for name, each in options.classes.items():
        _hedge_room(context, ("classes", name), each.hedge, class_terms(name, options.classes))
    for name, use_case in options.use_cases.items():
        terms = use_case_terms(name, use_case, options.classes, options.policy)
        path: Path = ("use_cases", name)
        _hedge_room(context, path, use_case.hedge, terms)
        if use_case.hedge is None:
            continue
        if terms.fallback == "none":
            message = "a hedge goes to another deployment, and `fallback: none` forbids any other"
            context.note(Code.HEDGE_IDLE, (*path, "hedge"), message, "Drop one of the two")
        elif (models := _models(context, name)) and all(len(each) < 2 for each in models.values()):
            message = f"a hedge needs a second deployment, and {_each(models)} one"
            hint = "List another deployment under the model, or drop the hedge"
            context.note(Code.HEDGE_IDLE, (*path, "hedge"), message, hint)


def _hedge_room(context: Context, path: Path, hedge: HedgeOptions | None, terms: Terms) -> None:
    if hedge is None:
        return
    if hedge.ceiling < hedge.floor:
        message = f"the ceiling of {hedge.ceiling:g} ms is below the floor of {hedge.floor:g} ms"
        context.note(Code.HEDGE_NO_ROOM, (*path, "hedge"), message, "Correct one of them")
    elif 0 < terms.deadlines.first_token <= hedge.floor:
        message = f"the first-token deadline of {terms.deadlines.first_token} ms comes before any hedge"
        context.note(Code.HEDGE_IDLE, (*path, "hedge"), message, "Lower the hedge's floor below the deadline")


def _each(models: dict[str, list[DeploymentOptions]]) -> str:
    names = ", ".join(f"`{name}`" for name in models)
    return f"{names} has" if len(models) == 1 else f"each of {names} has"


def _models(context: Context, use_case: str) -> dict[str, list[DeploymentOptions]]:
    """Return the deployments of every model a use case may use; a name that is not there is noted elsewhere."""
    options = context.options
    written = options.use_cases[use_case]
    default = written.model or options.tasks.get(written.task or "")
    names = dict.fromkeys([*([default] if default else []), *written.models])
    return {name: options.models[name].deployments for name in names if name in options.models}


def _caches(context: Context) -> None:
    options = context.options
    for section, entries in (("classes", options.classes), ("use_cases", options.use_cases)):
        for name, each in entries.items():
            if each.cache is not None and each.cache.scope == "organisation":
                message = "an answer made for one service may be given to another, and to other tenants of it"
                hint = "Keep `scope: service` unless the prompts hold nothing of a person, a customer or a tenant"
                context.note(Code.CACHE_SHARED, (section, name, "cache"), message, hint)


def _fallbacks(context: Context) -> None:
    """Note deployments that can never answer, where a use case's `fallback` is the reason."""
    options = context.options
    terms = {
        name: use_case_terms(name, each, options.classes, options.policy) for name, each in options.use_cases.items()
    }
    reached = {
        deployment.deployment
        for name in options.use_cases
        for deployments in _models(context, name).values()
        for deployment in _reached(deployments, terms[name])
    }
    for name in options.use_cases:
        for model, deployments in _models(context, name).items():
            idle = [each.deployment for each in deployments if each.deployment not in reached]
            if idle and terms[name].fallback != "any":
                message = (
                    f"`fallback: {terms[name].fallback}` leaves {', '.join(idle)} of `{model}` without any request"
                )
                hint = "Allow `fallback: any`, or take them off the model"
                path = ("use_cases", name, "fallback")
                written = options.use_cases[name].fallback is not None
                context.note(Code.DEPLOYMENT_UNREACHED, path if written else path[:2], message, hint)


def _reached(deployments: list[DeploymentOptions], terms: Terms) -> Iterator[DeploymentOptions]:
    for index, each in enumerate(deployments):
        same = each.deployment.partition("/")[2] == deployments[0].deployment.partition("/")[2]
        if index == 0 or terms.fallback == "any" or (terms.fallback == "same-model" and same):
            yield each


def _limits(context: Context) -> None:
    """Note amounts of money that another one always comes before."""
    for path, limits in _all_limits(context):
        day, month = limits.usd_per_day, limits.usd_per_month
        if day is not None and month is not None and day > month:
            message = f"${day:g} a day is never reached: ${month:g} a month comes first"
            context.note(Code.LIMIT_UNREACHED, (*path, "usd_per_day"), message, "Lower it, or raise the month's")
    for name, service in context.options.services.items():
        budget, hard = service.budget.usd_per_month, service.limits.usd_per_month
        if budget is not None and hard is not None and budget > hard:
            message = f"the budget of ${budget:g} a month is never reached: calls are refused from ${hard:g} on"
            hint = "Set the limit above the budget, so that there is time to react"
            context.note(Code.LIMIT_UNREACHED, ("services", name, "budget", "usd_per_month"), message, hint)


def _all_limits(context: Context) -> Iterator[tuple[Path, RateLimits]]:
    options = context.options
    for section, entries in (
        ("use_cases", options.use_cases),
        ("teams", options.teams),
        ("services", options.services),
    ):
        for name, each in entries.items():
            yield (section, name, "limits"), each.limits
    for name, model in options.models.items():
        for index, deployment in enumerate(model.deployments):
            yield ("models", name, "deployments", index, "limits"), deployment.limits


TRAFFIC_CHECKS: Final[tuple[Callable[[Context], None], ...]] = (
    _providers,
    _deployments,
    _hedges,
    _caches,
    _fallbacks,
    _limits,
)
"""Every check of traffic rules, in the order of the file's sections."""
