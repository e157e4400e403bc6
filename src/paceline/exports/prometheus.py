"""Recording and alert rules for Prometheus: every limit that the gateway's histograms and counters can tell of.

Windows and factors are governance's (`governance/statistics/burn.py`); both windows of a severity must be over. A
failed request counts as over every limit. Buckets of the gateway's histograms end at every published limit, so that
what a rule counts is exact but for what Prometheus makes of it between two scrapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from paceline.exports.documents import yaml_text
from paceline.exports.objectives import Objective, Promise, objectives, promises
from paceline.exports.scrape import BOUNDARIES_MISSING, FAILED, REQUESTS, histogram_of, le_matcher
from paceline.governance.alerts.alert import Severity
from paceline.governance.statistics.burn import OVER_MIN, WINDOWS, BurnWindow
from paceline.standards import Standards

__all__ = [
    "ALERT",
    "OVER_SHORT_MIN",
    "Rules",
    "can_tell",
    "failed_query",
    "over_query",
    "prometheus_rules",
    "share_text",
    "span_text",
]

ALERT: Final = "PacelineLimitExceeded"

OVER_SHORT_MIN: Final = 2
"""Requests over the limit in the short window below which nothing is told."""

_BY: Final = "sum by (service, use_case)"
_SPANS: Final = tuple(sorted({seconds for window in WINDOWS for seconds in (window.short_s, window.long_s)}))
_FAILED: Final = "|".join(FAILED)


@dataclass(frozen=True)
class Rules:
    """The text of a rules file, and what could not be written as rules."""

    text: str
    left_out: tuple[str, ...] = field(default=())


def prometheus_rules(standards: Standards, link: str | None = None) -> Rules:
    """Write the rules of all use cases. `link` is where people reach the dashboard; the standards' own if None."""
    link = link or standards.options.alerting.link
    known = list(promises(standards))
    left_out = tuple(f"{each.use_case}: {each.words}: {why}" for each in known if (why := _why_not(each)))
    groups = [
        {"name": f"paceline-{name}", "rules": list(_recorded([each for each in known if each.use_case == name]))}
        for name in dict.fromkeys(each.use_case for each in known if can_tell(each))
    ]
    told = [each for each in objectives(standards) if can_tell(each.promise)]
    groups += [
        {
            "name": f"paceline-alerts-{service}",
            "rules": [_alert(each, window, link) for each in told if each.service == service for window in WINDOWS],
        }
        for service in dict.fromkeys(each.service for each in told)
    ]
    if told:
        groups.append({"name": "paceline-gateway", "rules": [_unseen()]})
    head = ["Made by `paceline export prometheus` from the standards; change those, not this file."]
    head += ["", "Not here, because the gateway's metrics cannot tell:", *(f"  {each}" for each in left_out)] * bool(
        left_out
    )
    return Rules(yaml_text([{"groups": groups}], head), left_out)


def can_tell(promise: Promise) -> bool:
    """Tell whether the gateway's metrics show how often a limit is exceeded."""
    return not _why_not(promise)


def _why_not(promise: Promise) -> str:
    if promise.metric == "error_share":
        return ""
    return "" if histogram_of(promise.metric) is not None else "there is no histogram of it"


def span_text(seconds: int) -> str:
    """Write a span as Prometheus does: `5m`, `1h`, `3d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def share_text(share: float) -> str:
    """Write a share for people: `5 %`, `0.05 %`."""
    return f"{share * 100:.3g} %"


def _unseen() -> dict[str, Any]:
    return {
        "alert": "PacelineLimitsUnseen",
        "expr": f"max ({BOUNDARIES_MISSING}) > 0",
        "for": "10m",
        "labels": {"severity": Severity.TICKET.value},
        "annotations": {
            "summary": "{{ $value }} published limits have no bucket in the gateway's histograms",
            "description": "A metric has more than 44 different limits, and the rarest have no alerts.",
        },
    }


def _recorded(known: Sequence[Promise]) -> Iterator[dict[str, Any]]:
    chosen = f'use_case="{known[0].use_case}"'
    for seconds in _SPANS:
        span = span_text(seconds)
        # The label stands in the rule too, so that no two rules are the same to Prometheus.
        mine = {"use_case": known[0].use_case}
        yield {"record": f"paceline:failed:increase{span}", "expr": failed_query(chosen, span), "labels": mine}
        for promise in filter(can_tell, known):
            labels = {**mine, "metric": promise.metric, "percentile": promise.limit.percentile}
            judged, over = over_query(promise, chosen, f"paceline:failed:increase{span}{{{chosen}}}", span)
            yield {"record": f"paceline:limit_judged:increase{span}", "expr": judged, "labels": labels}
            yield {"record": f"paceline:limit_over:increase{span}", "expr": over, "labels": labels}


def failed_query(chosen: str, span: str = "") -> str:
    """Write how many of the requests chosen by label matchers failed: in a span, or ever."""
    # The gateway leaves out outcomes that never happened: no failure is 0, not nothing.
    some = _summed(f'{REQUESTS}{{{chosen},outcome=~"{_FAILED}"}}', span)
    return f"{some}\nor 0 * {_summed(f'{REQUESTS}{{{chosen}}}', span)}"


def over_query(promise: Promise, chosen: str, failed: str, span: str = "") -> tuple[str, str]:
    """Write how many requests a limit judged, and how many were over it, by service and use case.

    `chosen` are label matchers, `failed` is a query of the failed ones. Without a span: ever, as a counter.
    """
    if promise.metric == "error_share":
        return _summed(f'{REQUESTS}{{{chosen},outcome=~"ok|{_FAILED}"}}', span), failed
    family = histogram_of(promise.metric)
    assert family is not None  # noqa: S101  # asked of `can_tell` promises only
    counted = _summed(f"{family.name}_count{{{chosen}}}", span)
    within = _summed(f"{family.name}_bucket{{{chosen},{le_matcher(family.boundary(promise.limit.value))}}}", span)
    if family.streamed:
        # Failures of a service that never streams are no failures of its first token.
        guard = f"\nand {_BY} ({family.name}_count{{{chosen}}}) > 0"
        return f"({counted} + {failed}){guard}", f"({counted} - {within} + {failed}){guard}"
    # A histogram is left out until its first value: where nothing was ever answered it is 0, not nothing.
    none = f"\nor 0 * {_summed(f'{REQUESTS}{{{chosen}}}', span)}"
    return f"(({counted}{none}) + {failed})", f"(({counted} - {within}{none}) + {failed})"


def _summed(selector: str, span: str) -> str:
    return f"{_BY} (increase({selector}[{span}]))" if span else f"{_BY} ({selector})"


def _alert(objective: Objective, window: BurnWindow, link: str | None) -> dict[str, Any]:
    promise = objective.promise
    names = {
        "service": objective.service,
        "use_case": promise.use_case,
        "metric": promise.metric,
        "percentile": promise.limit.percentile,
    }
    chosen = ",".join(f'{label}="{value}"' for label, value in names.items())
    least = f"{window.share(promise.allowed):.6g}"
    terms = []
    for seconds, some in ((window.long_s, OVER_MIN), (window.short_s, OVER_SHORT_MIN)):
        over = f"paceline:limit_over:increase{span_text(seconds)}{{{chosen}}}"
        judged = f"paceline:limit_judged:increase{span_text(seconds)}{{{chosen}}}"
        terms += [f"{over} / {judged} >= {least}", f"{over} >= {some}"]
    about = f"{objective.service} / {promise.use_case}"
    spans = f"{span_text(window.long_s)} and {span_text(window.short_s)}"
    description = (
        f"In the last {spans} at least {share_text(window.share(promise.allowed))} of the requests were over the limit "
        f"{promise.words}; {share_text(promise.allowed)} may be. "
        f"That is {window.factor(promise.allowed):.3g} times as fast as the error budget allows."
    )
    annotations = {"summary": f"{about} exceeds {promise.words}", "description": description}
    if link:
        annotations["runbook_url"] = f"{link}/services/{objective.service}"
    labels = {
        **names,
        "severity": window.severity.value,
        "owner": objective.owner or "nobody",
        "class": promise.class_name,
    }
    return {"alert": ALERT, "expr": "\nand ".join(terms), "labels": labels, "annotations": annotations}
