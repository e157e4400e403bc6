"""The standards as OpenSLO v1: a Service for each service, one SLO a limit, policies with governance's factors.

What OpenSLO has no words for (team, class, where a figure comes from) goes into labels and annotations. A limit that
the gateway's metrics cannot tell of has a source of type `paceline`, which names it, so that nothing is lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

from paceline.exports.documents import yaml_text
from paceline.exports.objectives import Objective, objectives
from paceline.exports.prometheus import can_tell, failed_query, over_query, share_text, span_text
from paceline.governance.statistics.burn import WINDOWS, BurnWindow
from paceline.standards import Standards
from paceline.standards.names import printable

__all__ = ["WINDOW", "object_name", "openslo_text"]

WINDOW: Final = "28d"
"""The window of an error budget, as in scorecards."""

_LABEL_CHARS_MAX: Final = 63
_DESCRIPTION_CHARS_MAX: Final = 1050
_HEAD: Final = ("Made by `paceline export openslo` from the standards; change those, not this file.",)


def openslo_text(standards: Standards) -> str:
    """Write all objects as one YAML stream: services, targets, policies, then SLOs."""
    known = list(objectives(standards))
    return yaml_text([*_services(standards), *_targets(standards), *_policies(known), *map(_slo, known)], _HEAD)


def object_name(*parts: str) -> str:
    """Make a name by RFC 1123 of names by ours; two different lists of names never become one."""
    plain = "--".join(parts)
    written = re.sub(r"[^a-z0-9-]", "-", plain.lower()).strip("-")
    if written == plain and len(written) <= _LABEL_CHARS_MAX:
        return written
    digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return f"{written[: _LABEL_CHARS_MAX - 9].rstrip('-')}-{digest}"


def _object(kind: str, name: str, shown: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "openslo/v1",
        "kind": kind,
        "metadata": {"name": name, "displayName": shown, **metadata},
        "spec": spec,
    }


def _described(text: str) -> dict[str, str]:
    return {"description": printable(text)[:_DESCRIPTION_CHARS_MAX]} if text else {}


def _services(standards: Standards) -> Iterator[dict[str, Any]]:
    for name, service in standards.options.services.items():
        labels = {"team": service.owner or "nobody"}
        yield _object("Service", object_name(name), name, _described(service.description), labels=labels)


def _targets(standards: Standards) -> Iterator[dict[str, Any]]:
    owners = dict.fromkeys(service.owner for service in standards.options.services.values() if service.owner)
    for owner in owners:
        contact = standards.options.teams[owner].contact
        spec = {**_described(f"Team {owner}{f', {contact}' if contact else ''}"), "target": "paceline"}
        yield _object("AlertNotificationTarget", object_name(owner), owner, spec)


def _policy_name(objective: Objective, window: BurnWindow) -> str:
    percentage = f"{objective.promise.allowed * 100:g}".replace(".", "-")
    return object_name(objective.owner or "nobody", window.severity.value, percentage)


def _policies(known: list[Objective]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for objective in known:
        for window in WINDOWS:
            name = _policy_name(objective, window)
            if name not in seen:
                seen.add(name)
                yield _policy(name, objective, window)


def _policy(name: str, objective: Objective, window: BurnWindow) -> dict[str, Any]:
    factor = round(window.factor(objective.promise.allowed), 4)
    long, short = span_text(window.long_s), span_text(window.short_s)
    allowed = share_text(objective.promise.allowed)
    told = f"{allowed} of requests may be over; in {long} and {short} {factor:g} times as many are"
    condition = {
        "kind": "AlertCondition",
        "metadata": {"name": name, "displayName": f"{factor:g} times as fast as the budget allows"},
        "spec": {
            "severity": window.severity.value,
            "condition": {
                "kind": "burnrate",
                "op": "gte",
                "threshold": factor,
                "lookbackWindow": long,
                "alertAfter": short,
            },
        },
    }
    spec = {
        "description": told,
        "alertWhenBreaching": True,
        "alertWhenResolved": True,
        "alertWhenNoData": False,
        "conditions": [condition],
        "notificationTargets": [{"targetRef": object_name(objective.owner)}] if objective.owner else [],
    }
    return _object("AlertPolicy", name, f"{objective.owner or 'nobody'}: {window.severity.value}", spec)


def _slo(objective: Objective) -> dict[str, Any]:
    promise, limit = objective.promise, objective.promise.limit
    name = object_name(objective.service, promise.use_case, limit.metric.replace("_", "-"), limit.percentile)
    spec = {
        "description": printable(f"{promise.words} ({limit.source})")[:_DESCRIPTION_CHARS_MAX],
        "service": object_name(objective.service),
        "indicator": {"metadata": {"name": name}, "spec": {"ratioMetric": _ratio(objective)}},
        "timeWindow": [{"duration": WINDOW, "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"displayName": promise.words, "target": round(1.0 - promise.allowed, 9)}],
        "alertPolicies": [{"alertPolicyRef": _policy_name(objective, window)} for window in WINDOWS],
    }
    labels = {"team": objective.owner or "nobody", "class": promise.class_name, "use_case": promise.use_case}
    annotations = {
        "paceline.dev/service": objective.service,
        "paceline.dev/metric": promise.metric,
        "paceline.dev/percentile": limit.percentile,
        "paceline.dev/limit": f"{limit.value:g}",
        "paceline.dev/source": printable(limit.source),
    }
    shown = f"{objective.service} / {promise.use_case}: {promise.words}"
    return _object("SLO", name, shown, spec, labels=labels, annotations=annotations)


def _ratio(objective: Objective) -> dict[str, Any]:
    promise = objective.promise
    if can_tell(promise):
        chosen = f'service="{objective.service}",use_case="{promise.use_case}"'
        total, bad = over_query(promise, chosen, f"({failed_query(chosen)})")
        return {"counter": True, "bad": _source("Prometheus", query=bad), "total": _source("Prometheus", query=total)}
    asked = {
        "service": objective.service,
        "use_case": promise.use_case,
        "metric": promise.metric,
        "percentile": promise.limit.percentile,
    }
    return {
        "counter": True,
        "bad": _source("paceline", **asked, count="over"),
        "total": _source("paceline", **asked, count="judged"),
    }


def _source(kind: str, **spec: str) -> dict[str, Any]:
    return {"metricSource": {"type": kind, "spec": spec}}
