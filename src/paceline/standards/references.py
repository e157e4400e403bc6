"""Checks across sections: references to what is not there, owners, waivers past their end, absent secrets.

Owns the list of all checks. Each is a function of a `Context`; what was already noted about a part of the file is not
noted twice. Must not change anything.
"""

from __future__ import annotations

from paceline.standards.alerting_checks import check_alerting
from paceline.standards.consistency import check_classes, check_journal, check_use_cases
from paceline.standards.context import Context
from paceline.standards.exceptions import check_exclusions, check_waivers
from paceline.standards.faults import Code
from paceline.standards.names import Path, meant, shown
from paceline.standards.serving import DeploymentOptions
from paceline.standards.sign_in_checks import check_sign_in
from paceline.standards.telemetry_checks import check_captures, check_collector
from paceline.standards.traffic_checks import TRAFFIC_CHECKS
from paceline.standards.vendors import VENDORS

__all__ = ["check"]


_ANTHROPIC_APIS = {"messages", "count_tokens", "models"}
_OPENAI_APIS = {"chat", "completions", "embeddings", "responses", "models"}


def check(context: Context) -> None:
    """Run every check."""
    for step in (
        _providers,
        _models,
        _tasks,
        check_classes,
        check_use_cases,
        _services,
        check_alerting,
        check_sign_in,
        check_waivers,
        check_exclusions,
        _prices,
        check_journal,
        *TRAFFIC_CHECKS,
        check_collector,
        check_captures,
        _secrets,
    ):
        step(context)


def _providers(context: Context) -> None:
    for name, provider in context.options.providers.items():
        vendor = VENDORS.get(provider.vendor or name)
        if provider.vendor is not None and vendor is None:
            near = meant(provider.vendor, VENDORS)
            hint = f"Did you mean `{near}`?" if near else f"Known vendors are {', '.join(VENDORS)}"
            context.note(
                Code.VALUE_WRONG, ("providers", name, "vendor"), f"{shown(provider.vendor)} is not a known vendor", hint
            )
        elif vendor is None and provider.base_url is None and not context.touched("providers", name, "base_url"):
            near = meant(name, VENDORS)
            hint = (
                f"Add `base_url:`, or did you mean the vendor `{near}`?" if near else "Add `base_url: https://HOST/v1`"
            )
            message = f"`{name}` is no vendor with a known address, and has no `base_url`"
            context.note(Code.BASE_URL_MISSING, ("providers", name), message, hint)
        dialect = provider.dialect or (vendor.dialect if vendor else "openai")
        spoken = _ANTHROPIC_APIS if dialect == "anthropic" else _OPENAI_APIS
        for index, api in enumerate(provider.apis):
            if api not in spoken:
                hint = f"It can serve {', '.join(sorted(spoken))}"
                message = f"a provider of the {dialect} dialect does not serve {api}"
                context.note(Code.API_WRONG_DIALECT, ("providers", name, "apis", index), message, hint)


def _models(context: Context) -> None:
    special: dict[str, tuple[str, DeploymentOptions]] = {}
    for name, model in context.options.models.items():
        if not model.deployments and not context.touched("models", name):
            hint = "Add `deployments: [PROVIDER/MODEL]`"
            context.note(Code.DEPLOYMENTS_MISSING, ("models", name), f"the model `{name}` has no deployment", hint)
        seen = set[str]()
        for index, deployment in enumerate(model.deployments):
            path: Path = ("models", name, "deployments", index)
            full = deployment.deployment
            context.refer(Code.PROVIDER_UNKNOWN, "providers", full.partition("/")[0], path, "provider")
            if full in seen:
                context.note(Code.DEPLOYMENT_TWICE, path, f"{full} is listed twice", "Keep one of them")
            seen.add(full)
            if len(deployment.model_fields_set) > 1:
                other = special.setdefault(full, (name, deployment))
                if other[1] != deployment:
                    message = f"{full} is described differently under the model `{other[0]}`"
                    context.note(Code.DEPLOYMENT_TWICE, path, message, "Describe it once; name it plainly elsewhere")


def _tasks(context: Context) -> None:
    for name, model in context.options.tasks.items():
        context.refer(Code.MODEL_UNKNOWN, "models", model, ("tasks", name), "model")


def _services(context: Context) -> None:
    for name, service in context.options.services.items():
        path: Path = ("services", name)
        if service.owner is not None:
            context.refer(Code.TEAM_UNKNOWN, "teams", service.owner, (*path, "owner"), "team")
        elif not context.touched(*path, "owner"):
            near = ", ".join(f"`{team}`" for team in context.names.get("teams", [])[:6])
            hint = f"Add `owner:` with the team that answers for it{f': {near}' if near else ''}"
            context.note(Code.OWNER_MISSING, path, f"the service `{name}` has no owner", hint)
        if not service.use_cases and not context.touched(*path, "use_cases"):
            hint = "Add `use_cases:` with at least one name"
            context.note(Code.USE_CASES_MISSING, path, f"the service `{name}` has no use case", hint)
        for index, use_case in enumerate(service.use_cases):
            context.refer(Code.USE_CASE_UNKNOWN, "use_cases", use_case, (*path, "use_cases", index), "use case")
        default = service.default_use_case
        if default is not None and default not in service.use_cases and not context.touched(*path, "use_cases"):
            other = meant(default, service.use_cases)
            hint = f"Did you mean `{other}`?" if other else "Add it to the service's `use_cases:`"
            message = f"{shown(default)} is not one of the service's use cases"
            context.note(Code.USE_CASE_UNKNOWN, (*path, "default_use_case"), message, hint)


def _prices(context: Context) -> None:
    known = [each.deployment for model in context.options.models.values() for each in model.deployments]
    for name in context.options.prices:
        if name not in known and not context.touched("models"):
            near = meant(name, known)
            hint = f"Did you mean `{near}`?" if near else "Prices are keyed by `PROVIDER/MODEL`, as under `models:`"
            context.note(Code.DEPLOYMENT_UNKNOWN, ("prices", name), f"no model has the deployment {shown(name)}", hint)


def _secrets(context: Context) -> None:
    wanted: list[tuple[Path, str]] = []
    for name, provider in context.options.providers.items():
        vendor = VENDORS.get(provider.vendor or name)
        key = (
            provider.key
            if "key" in provider.model_fields_set
            else vendor.key
            if vendor and not provider.base_url
            else None
        )
        if key and not context.touched("providers", name, "key"):
            wanted.append((("providers", name, "key"), key))
    if url := context.options.traffic.cache.url:
        wanted.append((("traffic", "cache", "url"), url))
    if otlp := context.options.telemetry.otlp:
        wanted += [(("telemetry", "otlp", "headers", name), secret) for name, secret in otlp.headers.items()]
    for name, team in context.options.teams.items():
        for alert in team.alerts:
            secrets = (alert.slack, alert.teams, alert.pagerduty, alert.webhook, alert.signing_secret)
            wanted += [(("teams", name, "alerts"), each) for each in secrets if each]
    if context.options.alerting.smtp:
        wanted.append((("alerting", "smtp"), context.options.alerting.smtp))
    for path, secret in wanted:
        kind, _, variable = secret.partition(":")
        if kind == "env" and not context.environment.get(variable):
            hint = f"Set {variable} where the gateway and the control process run"
            context.note(Code.SECRET_ABSENT, path, f"{variable} is not set in this environment", hint)
