"""Every service's use case against its budget, at the least that it costs to say so. Reads only.

Counts are exact and of all limits; percentiles are merged only where one is shown: of the limit that is nearest to
being broken, and of those that are. `report` says more of each service, and costs accordingly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, Integer, and_, func, literal_column, or_, select

from paceline.ledger import windows
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.heap import Heap
from paceline.ledger.plans import Document
from paceline.ledger.report import DEFAULT_GROUP, limits_of, offered, owner_of
from paceline.ledger.schema import series
from paceline.ledger.sums import (
    PERCENTILES,
    QUANTILES,
    Group,
    GroupSum,
    MetricSum,
    counted,
    documents_of,
    each_service,
)
from paceline.ledger.verdict import Limit, State, judge
from paceline.ledger.windows import Window

__all__ = ["Attainment", "attainment", "times_allowed"]

_ALLOWED: Final = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}
_FEW: Final = 20
"""Requests below which a share says nothing of a piece of time."""

_Key = tuple[str, str]
_Course = Mapping[_Key, Mapping[int, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Attainment:
    """One service's use case against its budget."""

    service: str
    use_case: str
    owner: str
    requests: int
    answered: int
    cost_usd: float
    """Of the requests whose cost is known, other attempts included."""
    cost_coverage: float | None
    state: State
    verdict: str
    worst: Limit | None
    """The limit that is nearest to being broken, or broken most."""
    before: float | None
    """Share over that limit in the span before; none where too few requests were judged."""
    course: tuple[float | None, ...]
    """Of that limit, by piece of time: times the allowed share that was over; none where too few were judged."""

    @property
    def times(self) -> float:
        """Times the allowed share that is over the worst limit; 0 where nothing was judged."""
        return times_allowed(self.worst) if self.worst is not None else 0.0


def times_allowed(limit: Limit) -> float:
    """Return the share over a limit in parts of what is allowed: 1 uses all of it."""
    return _times(limit, limit.share_over or 0.0)


def _times(limit: Limit, share: float) -> float:
    allowed = _ALLOWED.get(limit.percentile, limit.value)
    return share / allowed if allowed else 0.0


def attainment(engine: Engine, since: float, until: float, piece: int) -> list[Attainment]:
    """Return it for a span of Unix seconds, by service and use case; `piece`: minutes of one piece of the course.

    Services of the newest plan that had no traffic are there too. Raises `LedgerError`.
    """
    first, end = int(since // 60), -int(-until // 60)
    with translated("read the ledger"), reading(engine) as connection:
        window = windows.window(connection, first, end, finest=piece)
        courses, before = _courses(connection, window, piece), _before(connection, 2 * first - end, first)
        groups, plans = _groups(connection, window, courses)
        shown = {names: set(_shown(_limits(plans[names], names, found))) for names, found in groups.items()}
        for (names, metric), figures in _figures(connection, window, shown).items():
            groups[names].metrics[metric] = figures
    starts = range(first - first % piece, end, piece)
    return [
        _row(names, found, plans[names], (courses.get(names, {}), before.get(names, {}), starts))
        for names, found in sorted(groups.items())
    ]


def _groups(
    connection: Connection, window: Window, courses: Mapping[Group, _Course]
) -> tuple[dict[Group, GroupSum], dict[Group, Document]]:
    """Return every service and use case with counters and limits, and the plan that holds for each."""
    groups = counted(connection, window, DEFAULT_GROUP)
    newest, documents = documents_of(connection, groups)
    for pair in each_service(documents[newest]) if newest in documents else ():
        groups.setdefault(pair, GroupSum(plan=newest))
    known = {names: found for names, found in groups.items() if names[0]}
    for names, found in known.items():
        found.limits = {key: _added(pieces) for key, pieces in courses.get(names, {}).items()}
    nothing: Document = {"services": (), "use_cases": ()}
    return known, {
        names: documents.get(found.plan or "") or documents.get(newest or "") or nothing
        for names, found in known.items()
    }


def _courses(connection: Connection, window: Window, piece: int) -> dict[Group, _Course]:
    """Return, by group and limit, requests judged and those over by the minute a piece begins at."""
    found: defaultdict[Group, defaultdict[_Key, dict[int, tuple[int, int]]]] = defaultdict(lambda: defaultdict(dict))
    rows = window.rows("limits")
    # Written out, not bound: PostgreSQL does not know two bound values to be the same column.
    start = rows.c.minute - rows.c.minute % literal_column(f"{piece:d}", Integer)
    columns = [series.c.service, series.c.use_case, rows.c.metric, rows.c.percentile, start]
    query = select(*columns).add_columns(func.sum(rows.c.n), func.sum(rows.c.over_limit))
    query = query.select_from(rows.join(series, series.c.id == rows.c.series)).group_by(*columns)
    for service, use_case, metric, percentile, minute, n, over in connection.execute(query).all():
        found[service, use_case][metric, percentile][minute] = int(n), int(over)
    return {names: dict(limits) for names, limits in found.items()}


def _before(connection: Connection, first: int, end: int) -> dict[Group, dict[_Key, tuple[int, int]]]:
    found: defaultdict[Group, dict[_Key, tuple[int, int]]] = defaultdict(dict)
    rows = windows.window_inside(connection, first, end).rows("limits")
    columns = [series.c.service, series.c.use_case, rows.c.metric, rows.c.percentile]
    query = select(*columns).add_columns(func.sum(rows.c.n), func.sum(rows.c.over_limit))
    query = query.select_from(rows.join(series, series.c.id == rows.c.series)).group_by(*columns)
    for service, use_case, metric, percentile, n, over in connection.execute(query).all():
        found[service, use_case][metric, percentile] = int(n), int(over)
    return dict(found)


def _added(pieces: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
    return sum(n for n, _ in pieces.values()), sum(over for _, over in pieces.values())


def _limits(plan: Document, names: Group, found: GroupSum) -> list[Limit]:
    return list(limits_of(plan, names[1], found))


def _worst(limits: Iterable[Limit]) -> Limit | None:
    return max((limit for limit in limits if limit.n), key=times_allowed, default=None)


def _shown(limits: list[Limit]) -> Iterator[str]:
    """Yield the metrics whose percentile is shown."""
    worst = _worst(limits)
    for limit in limits:
        if limit is worst or limit.state is State.OVER:
            yield limit.metric


def _figures(
    connection: Connection, window: Window, shown: Mapping[Group, set[str]]
) -> dict[tuple[Group, str], MetricSum]:
    """Merge the sketches of the metrics that are shown, and no others."""
    by_metric: defaultdict[str, set[Group]] = defaultdict(set)
    for names, metrics in shown.items():
        for metric in metrics:
            by_metric[metric].add(names)
    names_of = {
        number: (service, use_case)
        for number, service, use_case in connection.execute(select(series.c.id, series.c.service, series.c.use_case))
    }
    rows = window.rows("metrics")
    wanted = [
        and_(rows.c.metric == metric, rows.c.series.in_([n for n, names in names_of.items() if names in groups]))
        for metric, groups in by_metric.items()
    ]
    if not wanted:
        return {}
    query = select(*(rows.c[name] for name in ("series", "metric", "n", "n_failed", "sum", "sketch")))
    heaps: defaultdict[tuple[Group, str], Heap] = defaultdict(Heap)
    for number, metric, *row in connection.execute(query.where(or_(*wanted)).execution_options(yield_per=2_000)):
        heaps[names_of[number], metric].add(*row)
    return {
        key: MetricSum(
            heap.n, heap.n_failed, heap.total, dict(zip(PERCENTILES, heap.quantiles(QUANTILES), strict=True))
        )
        for key, heap in heaps.items()
    }


def _row(
    names: Group,
    found: GroupSum,
    plan: Document,
    history: tuple[_Course, Mapping[_Key, tuple[int, int]], range],
) -> Attainment:
    counters, limits = found.counters, _limits(plan, names, found)
    state, verdict = judge(counters["n"], offered(counters), limits)
    worst, (course, before, starts) = _worst(limits), history
    key = (worst.metric, worst.percentile) if worst is not None else ("", "")
    was_n, was_over = before.get(key, (0, 0))
    return Attainment(
        service=names[0],
        use_case=names[1],
        owner=owner_of(plan, names[0]) or "",
        requests=counters["n"],
        answered=counters["n_ok"],
        cost_usd=(counters["cost_nanousd"] + counters["other_nanousd"]) / 1e9,
        cost_coverage=counters["n_cost"] / counters["n_cost_due"] if counters["n_cost_due"] else None,
        state=state,
        verdict=verdict,
        worst=worst,
        before=was_over / was_n if was_n >= _FEW else None,
        course=tuple(_piece(worst, course.get(key, {}).get(at)) for at in starts) if worst is not None else (),
    )


def _piece(limit: Limit, counted: tuple[int, int] | None) -> float | None:
    if counted is None or counted[0] < _FEW:
        return None
    return _times(limit, counted[1] / counted[0])
