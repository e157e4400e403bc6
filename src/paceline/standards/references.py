"""What spans sections: references, owners, limits that contradict each other, waivers past their end, absent secrets.

Owns the checks that need more than one key. Each check is a function of `Options`; what was already noted about a
part of the file (`removed`) is not noted twice. Must not change anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from paceline.standards.classes import BUILT_IN
from paceline.standards.faults import Code
from paceline.standards.limits import class_terms, conflicts, figure, use_case_terms
from paceline.standards.names import Path, meant, shown
from paceline.standards.options import DeploymentOptions, Options
from paceline.standards.shape import Note
from paceline.standards.vendors import VENDORS

__all__ = ["Context", "check", "names_written"]

_ANTHROPIC_APIS = {"messages", "count_tokens", "models"}
_OPENAI_APIS = {"chat", "completions", "embeddings", "responses", "models"}


@dataclass(frozen=True, slots=True)
class Context:
    """What the checks look at."""

    options: Options
    names: Mapping[str, list[str]]
    """Section -> every name written there, also of entries that are faulty."""
    removed: frozenset[Path]
    today: date
    environment: Mapping[str, str]
    note: Note

    def touched(self, *path: str | int) -> bool:
        """Tell whether something at, above or below `path` was already found faulty."""
        return any(gone[: len(path)] == path or path[: len(gone)] == gone for gone in self.removed)

    def refer(self, code: Code, section: str, name: str, path: Path, noun: str) -> bool:
        """Note a reference to a name that is not there; return True if it is."""
        known = self.names.get(section, [])
        if section == "classes":
            known = [*known, *(each for each in BUILT_IN if each not in known)]
        if name in known:
            return True
        near = meant(name, known)
        vendor = meant(name, VENDORS) if section == "providers" else None
        if near:
            hint = f"Did you mean `{near}`?"
        elif vendor:
            hint = f"Add it under `providers:`; `{vendor}: {{}}` is enough for that vendor"
        elif known:
            listed = ", ".join(f"`{each}`" for each in known[:8])
            hint = f"Add it under `{section}:`; there are {listed}{'…' if len(known) > 8 else ''}"
        else:
            hint = f"Add it under `{section}:`"
        self.note(code, path, f"there is no {noun} {shown(name)}", hint)
        return False


def check(context: Context) -> None:
    """Run every check."""
    for step in (_providers, _models, _tasks, _classes, _use_cases, _services, _waivers, _prices, _journal, _secrets):
        step(context)


def names_written(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """List the names that a file writes in each section, sound or not."""
    return {section: [*entries] for section, entries in data.items() if isinstance(entries, dict)}


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


def _classes(context: Context) -> None:
    classes = context.options.classes
    for name, options in classes.items():
        path: Path = ("classes", name)
        if options.extends is not None and options.extends != name:
            context.refer(Code.CLASS_UNKNOWN, "classes", options.extends, (*path, "extends"), "class")
        seen, base = {name}, options.extends
        while base is not None and base in classes and base not in seen:
            seen.add(base)
            base = classes[base].extends
        if base is not None and base == name and (len(seen) > 1 or name not in BUILT_IN):
            context.note(Code.CLASS_LOOP, (*path, "extends"), f"`{name}` extends itself", "Extend a built-in class")
            continue
        own = {(metric, p) for metric in options.budget.model_fields_set for p in _percentiles(options.budget, metric)}
        _contradictions(context, path, class_terms(name, classes), own)


def _percentiles(budget: Any, metric: str) -> Iterable[str]:
    value = getattr(budget, metric)
    return value.model_fields_set if hasattr(value, "model_fields_set") else ("mean",)


def _contradictions(context: Context, path: Path, terms: Any, own: set[tuple[str, str]]) -> None:
    """Note contradictions that this part of the file takes part in; what it only inherits is noted where it stands."""
    for conflict in conflicts(terms):
        low, high = conflict.lower, conflict.upper
        mine = [limit for limit in (low, high) if (limit.metric, limit.percentile) in own]
        at: Path = (*path, "budget", mine[0].metric) if mine else path
        if not mine or context.touched(*at):
            continue
        written = f"{low.metric} {low.percentile} {figure(low)}", f"{high.metric} {high.percentile} {figure(high)}"
        inherited = "" if len(mine) == 2 else f"; {written[1 - (mine[0] is high)]} is inherited"
        message = f"{written[0]} is over {written[1]}{inherited}"
        other = (low, high)[mine[0] is low]
        fix = (
            "Correct one of them"
            if len(mine) == 2
            else f"Set {other.metric} {other.percentile} too, or `null` to drop it"
        )
        context.note(Code.LIMITS_UNORDERED if conflict.ordered else Code.LIMITS_CONTRADICT, at, message, fix)


def _use_cases(context: Context) -> None:
    services = context.options.services.values()
    used = {use_case for service in services for use_case in service.use_cases}
    doubtful = context.touched("services") or any(not each.use_cases for each in services)
    doubtful = doubtful or any(use_case not in context.names.get("use_cases", ()) for use_case in used)
    for name, use_case in context.options.use_cases.items():
        path: Path = ("use_cases", name)
        known_class = context.refer(Code.CLASS_UNKNOWN, "classes", use_case.class_, (*path, "class"), "class")
        if use_case.task is not None:
            context.refer(Code.TASK_UNKNOWN, "tasks", use_case.task, (*path, "task"), "task")
        if use_case.model is not None:
            context.refer(Code.MODEL_UNKNOWN, "models", use_case.model, (*path, "model"), "model")
        if (
            use_case.model is None
            and use_case.task is None
            and not any(context.touched(*path, key) for key in ("task", "model"))
        ):
            hint = "Add `task:` or `model:`"
            context.note(Code.MODEL_MISSING, path, f"the use case `{name}` has neither a task nor a model", hint)
        for index, model in enumerate(use_case.models):
            context.refer(Code.MODEL_UNKNOWN, "models", model, (*path, "models", index), "model")
        if name not in used and not doubtful:
            hint = "Name it under the `use_cases:` of a service"
            context.note(Code.USE_CASE_UNUSED, path, f"no service has the use case `{name}`", hint)
        if known_class:
            own = {(m, p) for m in use_case.budget.model_fields_set for p in _percentiles(use_case.budget, m)}
            terms = use_case_terms(name, use_case, context.options.classes)
            _contradictions(context, path, terms, own)
            _deadlines(context, path, terms)


def _deadlines(context: Context, path: Path, terms: Any) -> None:
    written = context.options.use_cases[str(path[1])]
    for metric, name, deadline in (
        ("ttft", "first_token", terms.deadlines.first_token),
        ("stall", "stall", terms.deadlines.stall),
        ("total", "total", terms.deadlines.total),
    ):
        limits = [limit for limit in terms.limits if limit.metric == metric and deadline and limit.value > deadline]
        if limits and (metric in written.budget.model_fields_set or name in written.deadlines.model_fields_set):
            at = (*path, "deadlines", name) if name in written.deadlines.model_fields_set else (*path, "budget", metric)
            message = (
                f"the {name} deadline of {deadline} ms ends requests before {metric} can reach {figure(limits[-1])}"
            )
            context.note(Code.DEADLINE_UNDER_LIMIT, at, message, "Raise the deadline above the limit")


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


def _waivers(context: Context) -> None:
    days = context.options.policy.waiver_days_max
    gone = {path[1] for path in context.removed if path[:1] == ("waivers",) and len(path) > 1}
    indices = [index for index in range(len(context.options.waivers) + len(gone)) if index not in gone]
    for index, waiver in zip(indices, context.options.waivers, strict=False):
        path: Path = ("waivers", index)
        context.refer(Code.SERVICE_UNKNOWN, "services", waiver.service, (*path, "service"), "service")
        if waiver.use_case is not None:
            context.refer(Code.USE_CASE_UNKNOWN, "use_cases", waiver.use_case, (*path, "use_case"), "use case")
        if waiver.model is not None:
            context.refer(Code.MODEL_UNKNOWN, "models", waiver.model, (*path, "model"), "model")
        start = waiver.granted or context.today
        if waiver.until < context.today:
            hint = "Remove it, or have it approved again with a new end"
            context.note(Code.WAIVER_EXPIRED, (*path, "until"), f"the waiver ended on {waiver.until}", hint)
        elif waiver.until - start > timedelta(days=days):
            message = f"the waiver lasts {(waiver.until - start).days} days; `policy.waiver_days_max` is {days}"
            context.note(Code.WAIVER_TOO_LONG, (*path, "until"), message, "Shorten it and review it then")


def _prices(context: Context) -> None:
    known = [each.deployment for model in context.options.models.values() for each in model.deployments]
    for name in context.options.prices:
        if name not in known and not context.touched("models"):
            near = meant(name, known)
            hint = f"Did you mean `{near}`?" if near else "Prices are keyed by `PROVIDER/MODEL`, as under `models:`"
            context.note(Code.DEPLOYMENT_UNKNOWN, ("prices", name), f"no model has the deployment {shown(name)}", hint)


def _journal(context: Context) -> None:
    journal = context.options.gateway.journal
    if journal.bytes_max < journal.segment_bytes:
        message = f"the disk bound of {journal.bytes_max} bytes is smaller than one segment of {journal.segment_bytes}"
        at = ("gateway", "journal", "bytes_max" if "bytes_max" in journal.model_fields_set else "segment_bytes")
        context.note(Code.LIMITS_CONTRADICT, at, message, "Allow for at least one segment")


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
    for name, team in context.options.teams.items():
        for alert in team.alerts:
            secrets = [each for each in (alert.slack, alert.webhook, alert.pagerduty) if each]
            wanted += [(("teams", name, "alerts"), each) for each in secrets]
    for path, secret in wanted:
        kind, _, variable = secret.partition(":")
        if kind == "env" and not context.environment.get(variable):
            hint = f"Set {variable} where the gateway and the control process run"
            context.note(Code.SECRET_ABSENT, path, f"{variable} is not set in this environment", hint)
