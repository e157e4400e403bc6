"""Every service's use case against its budget, at the least that it costs to say so. Reads only.

Counts are exact and of all limits; percentiles are merged only where one is shown: of the limit that is nearest to
being broken, and of those that are. `report` says more of each service, and costs accordingly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Integer, and_, bindparam, func, literal_column, or_, select

from paceline.ledger import windows
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.plans import Document
from paceline.ledger.report import DEFAULT_GROUP, OFFERED, limits_of, offered
from paceline.ledger.schema import series
from paceline.ledger.sums import PERCENTILES, QUANTILES, Group, GroupSum, counted, documents_of, each_service
from paceline.ledger.verdict import Limit, State, judge
from paceline.ledger.windows import Window

__all__ = ["Attainment", "attainment", "times_allowed"]

_ALLOWED: Final = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}
_FEW: Final = 20
"""Requests below which a share says nothing of a piece of time."""
_COUNTERS: Final = ("n", *OFFERED, "n_cost", "n_cost_due", "cost_nanousd", "other_nanousd")

_ALWAYS: Final = 1 << 30
"""Minutes of a piece of time that holds everything: it begins at 0."""
_HELD: Final = 512
"""Sketches that are held before they are merged into one."""

_Key = tuple[str, str]
_NOTHING: Final[Document] = {"services": (), "use_cases": ()}


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


def attainment(engine: Engine, since: float, until: float, piece: int, service: str | None = None) -> list[Attainment]:
    """Return it for a span of Unix seconds, by service and use case; `piece`: minutes of one piece of the course.

    With `service` only that one's. Services of the newest plan that had no traffic are there too. Raises `LedgerError`.
    """
    first, end = int(since // 60), -int(-until // 60)
    with translated("read the ledger"), reading(engine) as connection:
        window = windows.window(connection, first, end)
        names = _Names(connection, 2 * first - end, service)
        subjects = _subjects(connection, window, names)
        courses = _courses(connection, windows.window(connection, first, end, finest=piece), piece, subjects, names)
        earlier = windows.window_inside(connection, 2 * first - end, first)
        before = _courses(connection, earlier, _ALWAYS, subjects, names)
        _measure(connection, window, subjects, names)
    starts = range(first - first % piece, end, piece)
    return [
        _row(whose, found, courses.get(whose, {}), before.get(whose, {}).get(0, (0, 0)), starts)
        for whose, found in sorted(subjects.items())
    ]


@dataclass(slots=True)
class _Subject:
    """One service's use case while it is judged."""

    counters: Mapping[str, int]
    limits: list[Limit]
    owner: str
    shown: set[str] = field(init=False)
    """The metrics whose percentile is shown: of the worst limit and of those that are broken."""

    def __post_init__(self) -> None:
        worst = self.worst
        self.shown = {limit.metric for limit in self.limits if limit is worst or limit.state is State.OVER}

    @property
    def worst(self) -> Limit | None:
        return max((limit for limit in self.limits if limit.n), key=times_allowed, default=None)


class _Names(dict[int, Group]):
    """Service and use case by series, of those that may have rows since a minute."""

    def __init__(self, connection: Connection, since: int, service: str | None) -> None:
        # A window may be widened by a day, and a series may have rows for a day after its last minute.
        query = select(series.c.id, series.c.service, series.c.use_case).where(series.c.last_minute >= since - 2_880)
        query = query if service is None else query.where(series.c.service == service)
        super().__init__((row[0], (row[1], row[2])) for row in connection.execute(query).all())
        self.service = service
        self.sought = None if service is None else list(self)
        """For `Window.rows`: the series of one service are sought, those of all are not."""


def _subjects(connection: Connection, window: Window, names: _Names) -> dict[Group, _Subject]:
    """Return every service and use case with its counters, and the limits of the plan that holds for it."""
    groups = counted(connection, window, DEFAULT_GROUP, _COUNTERS, names.sought)
    newest, documents = documents_of(connection, groups)
    for pair in each_service(documents[newest]) if newest in documents else ():
        if names.service in {None, pair[0]}:
            groups.setdefault(pair, GroupSum(plan=newest))
    owners = {
        hash8: {each["name"]: each.get("owner") for each in document["services"]}
        for hash8, document in documents.items()
    }
    limits, made = _over(connection, window, names), {}
    for whose, found in groups.items():
        if whose[0]:
            plan = found.plan if found.plan in documents else newest
            found.limits = limits.get(whose, {})
            judged = list(limits_of(documents.get(plan or "", _NOTHING), whose[1], found))
            made[whose] = _Subject(found.counters, judged, owners.get(plan or "", {}).get(whose[0]) or "")
    return made


def _over(connection: Connection, window: Window, names: _Names) -> dict[Group, dict[_Key, tuple[int, int]]]:
    """Return, by limit, the requests judged and of them those over."""
    found: defaultdict[Group, dict[_Key, tuple[int, int]]] = defaultdict(dict)
    rows = window.rows("limits", names.sought)
    columns = [rows.c.series, rows.c.metric, rows.c.percentile]
    query = select(*columns).add_columns(func.sum(rows.c.n), func.sum(rows.c.over_limit)).group_by(*columns)
    for number, metric, percentile, n, over in connection.execute(query).all():
        limits = found[names[number]]
        was_n, was_over = limits.get((metric, percentile), (0, 0))
        limits[metric, percentile] = was_n + int(n), was_over + int(over)
    return found


def _courses(
    connection: Connection, window: Window, piece: int, subjects: Mapping[Group, _Subject], names: _Names
) -> dict[Group, dict[int, tuple[int, int]]]:
    """Return of everything's worst limit the requests judged and those over, by the minute a piece begins at."""
    worst = {whose: limit for whose, found in subjects.items() if (limit := found.worst) is not None}
    wanted: defaultdict[_Key, list[int]] = defaultdict(list)
    for number, whose in names.items():
        if whose in worst:
            wanted[worst[whose].metric, worst[whose].percentile].append(number)
    rows = window.rows("limits", names.sought)
    # Written out, not bound: PostgreSQL does not know two bound values to be the same column.
    start = rows.c.minute - rows.c.minute % literal_column(f"{piece:d}", Integer)
    query = select(rows.c.series, start, func.sum(rows.c.n), func.sum(rows.c.over_limit))
    query = query.where(
        or_(
            False,
            *(
                and_(rows.c.metric == metric, rows.c.percentile == percentile, _one_of(rows.c.series, numbers))
                for (metric, percentile), numbers in wanted.items()
            ),
        )
    )
    found: defaultdict[Group, dict[int, tuple[int, int]]] = defaultdict(dict)
    for number, minute, n, over in connection.execute(query.group_by(rows.c.series, start)).all():
        course = found[names[number]]
        was_n, was_over = course.get(minute, (0, 0))
        course[minute] = was_n + int(n), was_over + int(over)
    return found


def _measure(connection: Connection, window: Window, subjects: Mapping[Group, _Subject], names: _Names) -> None:
    """Fill in the percentiles that are shown. Merges their sketches, and no others."""
    from paceline import _core

    wanted: defaultdict[str, list[int]] = defaultdict(list)
    for number, whose in names.items():
        for metric in subjects[whose].shown if whose in subjects else ():
            wanted[metric].append(number)
    rows = window.rows("metrics", names.sought)
    conditions = [and_(rows.c.metric == metric, _one_of(rows.c.series, own)) for metric, own in wanted.items()]
    query = select(rows.c.series, rows.c.metric, rows.c.n_failed, rows.c.sketch).where(or_(False, *conditions))
    failed: defaultdict[tuple[Group, str], int] = defaultdict(int)
    sketches: defaultdict[tuple[Group, str], list[bytes]] = defaultdict(list)
    for number, metric, n_failed, sketch in connection.execute(query.execution_options(yield_per=2_000)):
        key = names[number], metric
        failed[key] += n_failed
        sketches[key].append(sketch)
        if len(sketches[key]) >= _HELD:
            sketches[key] = [_core.merge(sketches[key])]
    values = {
        key: dict(zip(PERCENTILES, _core.quantiles(held, list(QUANTILES), failed[key]), strict=True))
        for key, held in sketches.items()
    }
    for whose, found in subjects.items():
        found.limits = [
            replace(limit, measured=values[whose, limit.metric].get(limit.percentile))
            if (whose, limit.metric) in values
            else limit
            for limit in found.limits
        ]


def _one_of(column: ColumnElement[Any], numbers: Iterable[int]) -> ColumnElement[bool]:
    """Compare with numbers that are written out: there may be more of them than a statement may bind."""
    return column.in_(bindparam(None, list(numbers), expanding=True, literal_execute=True, unique=True))


def _row(
    whose: Group,
    found: _Subject,
    course: Mapping[int, tuple[int, int]],
    before: tuple[int, int],
    starts: range,
) -> Attainment:
    counters, worst = found.counters, found.worst
    state, verdict = judge(counters["n"], offered(counters), found.limits)
    was_n, was_over = before
    return Attainment(
        service=whose[0],
        use_case=whose[1],
        owner=found.owner,
        requests=counters["n"],
        answered=counters["n_ok"],
        cost_usd=(counters["cost_nanousd"] + counters["other_nanousd"]) / 1e9,
        cost_coverage=counters["n_cost"] / counters["n_cost_due"] if counters["n_cost_due"] else None,
        state=state,
        verdict=verdict,
        worst=worst,
        before=was_over / was_n if was_n >= _FEW else None,
        course=tuple(_piece(worst, course.get(at)) for at in starts) if worst is not None else (),
    )


def _piece(limit: Limit, counted: tuple[int, int] | None) -> float | None:
    if counted is None or counted[0] < _FEW:
        return None
    return _times(limit, counted[1] / counted[0])
