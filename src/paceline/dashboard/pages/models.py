"""Models and the deployments that serve them: health, first token by the hour, share of traffic, price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from paceline.dashboard.charts import Line, LineChart, line_chart
from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.ledger.figures import MetricSketch
from paceline.standards import Standards

__all__ = ["DeploymentRow", "Health", "HourCell", "ModelRow", "Price", "health_of", "one", "rows"]

_COUNTERS: Final = (
    *("n", "n_ok", "n_refused", "n_caller_error", "n_cancelled", "n_cost_due", "n_cost", "cost_nanousd"),
    *("other_nanousd", "tokens_output"),
)
_NANO: Final = 1e9
_HOUR_S: Final = 3_600
_HEAT_HOURS: Final = 24


class Price(NamedTuple):
    """US dollars for a million tokens, and who says so."""

    input: float
    output: float
    cached: float
    source: str


class Health(NamedTuple):
    """How a deployment stands at the gateway now."""

    tone: str
    words: str
    in_flight: int
    waiting: int
    first_token_ms_p50: float | None
    first_token_ms_p95: float | None
    opened: int
    """Times its breaker opened since the gateway began."""
    ejected: int
    """Times it was passed over for being slower or failing more than others."""
    refused: int
    """Requests refused because its queue was full or would have taken too long."""


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """One deployment of a model in a span."""

    name: str
    is_standard: bool
    """The standards list it."""
    requests: int
    share: float | None
    """Of its model's requests."""
    failed: float | None
    """Of the requests that were to be answered."""
    cost: float
    coverage: float | None
    price: Price | None
    health: Health | None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model, by the name callers use."""

    name: str
    is_standard: bool
    requests: int
    share: float | None
    """Of all requests."""
    failed: float | None
    cost: float
    coverage: float | None
    per_ok: float | None
    tasks: tuple[str, ...]
    deployments: tuple[DeploymentRow, ...]


class HourCell(NamedTuple):
    """The first token of a deployment in one hour. `level`: 0 for none, 1 to 5 from fast to slow within the page."""

    at: float
    n: int
    p50: float | None
    p95: float | None
    level: int


def rows(sources: Sources, standards: Standards | None, span: TimeSpan) -> list[ModelRow]:
    """Return every model with traffic or in the standards, the most used first. Raises `LedgerError`."""
    key = "models", span.key
    counted = sources.kept(
        key, lambda: sources.ledger.totals.counters(span.since, span.until, _COUNTERS, ("model", "deployment"))
    )
    options = {} if standards is None else standards.options.models
    listed = {name: [each.deployment for each in model.deployments] for name, model in options.items()}
    by_model: defaultdict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for (model, deployment), counts in counted.items():
        by_model[model][deployment] = counts
    prices, health = _prices(sources), health_of(sources)
    total = sum(counts[0] for counts in counted.values())
    made = [
        _model(name, by_model.get(name, {}), listed, standards, prices, health, total)
        for name in dict.fromkeys([*listed, *by_model])
        if name or by_model.get(name)
    ]
    return sorted(made, key=lambda row: (-row.requests, row.name))


def one(sources: Sources, standards: Standards | None, span: TimeSpan, name: str) -> dict[str, Any] | None:
    """Return all there is about a model; none for one that neither standards nor traffic know."""
    row = next((each for each in rows(sources, standards, span) if each.name == name), None)
    if row is None:
        return None
    courses, day = _courses(sources, span, name), _day(span)
    users = sources.kept(
        ("model users", span.key),
        lambda: sources.ledger.totals.counters(span.since, span.until, ("n",), ("service", "use_case", "model")),
    )
    own = sorted(((n, service, use) for (service, use, model), (n,) in users.items() if model == name), reverse=True)
    whole = sum(n for n, _, _ in own)
    return {
        "model": row,
        "charts": [chart for each in courses.items() if not (chart := _chart(*each, span)).is_empty],
        "hours": [day.since + hour * _HOUR_S for hour in range(_HEAT_HOURS)],
        "heat": _heat(_of_day(courses, span, day) or _courses(sources, day, name)),
        "users": [(service, use_case, n, n / whole if whole else None) for n, service, use_case in own],
    }


def course_rows(
    sources: Sources, span: TimeSpan, name: str
) -> list[tuple[str, float, int, float | None, float | None]]:
    """Return the rows behind the charts of a model: deployment, time, requests, p50, p95."""
    return [
        (deployment, at, n, p50, p95)
        for deployment, points in sorted(_courses(sources, span, name).items())
        for at, n, p50, p95 in points
    ]


def health_of(sources: Sources) -> dict[str, Health]:
    """Return how every deployment stands, by name; empty while the gateway does not answer."""
    gateway = sources.status()["gateway"]
    return {each["name"]: _health(each) for each in gateway.get("deployments", ())}


def _health(said: Mapping[str, Any]) -> Health:
    waiting, flying = sum(said["waiting"]), said["in_flight"]
    if said["rests"]:
        tone, words = "bad", f"passed over: {str(said['rests']).replace('_', ' ')}"
    elif waiting:
        tone, words = "warn", f"{waiting:,} waiting"
    else:
        tone, words = "good", "answers"
    refused = said["refused_full"] + said["refused_too_late"]
    first = said["first_token_ms_p50"], said["first_token_ms_p95"]
    return Health(tone, words, flying, waiting, *first, said["opened"], said["ejected"], refused)


def _prices(sources: Sources) -> dict[str, Price]:
    document = sources.kept("newest plan", sources.ledger.plans.newest) or {}
    return {
        each["name"]: Price(price["input"], price["output"], price["cached"], str(price.get("source", "")))
        for each in document.get("deployments", ())
        if (price := each.get("price"))
    }


def _model(  # noqa: PLR0913, PLR0917  # what a row is made of
    name: str,
    counted: Mapping[str, tuple[int, ...]],
    listed: Mapping[str, list[str]],
    standards: Standards | None,
    prices: Mapping[str, Price],
    health: Mapping[str, Health],
    total: int,
) -> ModelRow:
    whole = [sum(column) for column in zip(*counted.values(), strict=True)] or [0] * len(_COUNTERS)
    n, ok = whole[0], whole[1]
    own = listed.get(name, [])
    deployments = [
        _deployment(each, counted.get(each), n, prices.get(each), health.get(each), is_standard=each in own)
        for each in dict.fromkeys([*own, *sorted(counted)])
        if each
    ]
    tasks = () if standards is None else tuple(task for task, model in standards.options.tasks.items() if model == name)
    cost = (whole[7] + whole[8]) / _NANO
    return ModelRow(
        name,
        name in listed,
        n,
        n / total if total else None,
        _failed(whole),
        cost,
        whole[6] / whole[5] if whole[5] else None,
        cost / ok if ok and cost else None,
        tasks,
        tuple(deployments),
    )


def _deployment(  # noqa: PLR0913  # what a row is made of
    name: str,
    counts: tuple[int, ...] | None,
    of: int,
    price: Price | None,
    health: Health | None,
    *,
    is_standard: bool,
) -> DeploymentRow:
    whole = counts or (0,) * len(_COUNTERS)
    coverage = whole[6] / whole[5] if whole[5] else None
    share = whole[0] / of if of else None
    cost = (whole[7] + whole[8]) / _NANO
    return DeploymentRow(name, is_standard, whole[0], share, _failed(whole), cost, coverage, price, health)


def _failed(counts: Sequence[int]) -> float | None:
    n, ok, refused, caller, cancelled = counts[:5]
    offered = n - refused - caller - cancelled
    return (offered - ok) / offered if offered else None


_Course = list[tuple[float, int, float | None, float | None]]


def _courses(sources: Sources, span: TimeSpan, name: str) -> dict[str, _Course]:
    """Return by deployment the first token's p50 and p95 of each piece of time."""

    def read() -> dict[str, _Course]:
        reading = sources.ledger.reading(
            span.since, span.until, resolution=span.coarse.resolution, only={"model": name}
        )
        pieces: defaultdict[tuple[str, int], list[MetricSketch]] = defaultdict(list)
        for row in reading.metrics(["ttft_ms"], ("deployment",)):
            pieces[row.deployment or "", row.minute // span.coarse.point * span.coarse.point].append(row)
        found: defaultdict[str, _Course] = defaultdict(list)
        for (deployment, minute), several in sorted(pieces.items()):
            found[deployment].append((minute * 60.0, sum(row.n for row in several), *_quantiles(several)))
        return dict(found)

    return sources.kept(("first token", name, span.key, span.coarse.point), read)


def _quantiles(several: list[MetricSketch]) -> tuple[float | None, float | None]:
    from paceline import _core

    if not any(row.n for row in several):
        return None, None
    p50, p95 = _core.quantiles([row.sketch for row in several], [0.5, 0.95])
    return p50, p95


def _chart(deployment: str, points: _Course, span: TimeSpan) -> LineChart:
    step = span.coarse.point * 60
    known = {at: (p50, p95) for at, _, p50, p95 in points}
    times = [float(at) for at in range(int(span.since // step * step), int(span.until), step)]
    lines = [
        Line(name, tuple((at, known.get(at, (None, None))[place]) for at in times))
        for place, name in ((1, "p95"), (0, "p50"))
    ]
    return line_chart(f"{deployment}: time to first token", "ms", lines, span.since, span.until)


def _day(span: TimeSpan) -> TimeSpan:
    """Return the last 24 whole hours of a span, by the hour."""
    until = -int(-span.until // _HOUR_S) * _HOUR_S
    return TimeSpan(None, until - _HEAT_HOURS * _HOUR_S, until, 60, 60, "the last 24 hours")


def _of_day(courses: dict[str, _Course], span: TimeSpan, day: TimeSpan) -> dict[str, _Course]:
    """Return what the courses of a span say of the day; nothing where it is not within, or not by the hour."""
    if span.coarse.point != day.point or span.since > day.since or span.until < day.until - _HOUR_S:
        return {}
    return {name: [each for each in course if each[0] >= day.since] for name, course in courses.items()}


def _heat(courses: Mapping[str, _Course]) -> dict[str, dict[float, HourCell]]:
    """Return by deployment the hours of a day, shaded from the fastest to the slowest hour of them all."""
    values = sorted(p95 for course in courses.values() for _, _, _, p95 in course if p95 is not None)
    return {
        name: {at: HourCell(at, n, p50, p95, _level(p95, values)) for at, n, p50, p95 in course}
        for name, course in courses.items()
        if name
    }


def _level(value: float | None, values: list[float]) -> int:
    if value is None:
        return 0
    low, high = values[0], values[-1]
    return 1 if high <= low * 1.05 else 1 + min(4, int(5 * (value - low) / (high - low)))
