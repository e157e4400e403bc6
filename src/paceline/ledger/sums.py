"""Merges rows over a window: exact counters, quantiles from sketches, limits' counters, plans in force.

Reads only. Knows groups and numbers; what they mean for a budget is `report`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection, Subquery, func, select

from paceline.ledger import plans
from paceline.ledger.heap import Heap
from paceline.ledger.plans import Document
from paceline.ledger.schema import COUNTERS, plan, series
from paceline.ledger.windows import Window

GroupName = Literal["service", "use_case", "model", "deployment"]
Group = tuple[str, ...]

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
PERCENTILES: Final = ("p50", "p90", "p95", "p99")
# Rows fetched at once, so that a long window does not have to fit in memory.
_ROWS: Final = 2_000


@dataclass
class MetricSum:
    """One metric of one group. Quantiles are None where there is nothing or where the rank falls among the failed."""

    n: int = 0
    n_failed: int = 0
    total: float = 0.0
    quantiles: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(PERCENTILES))
    """By `PERCENTILES`; at most 1.1 % off the true nearest-rank value."""

    @property
    def mean(self) -> float | None:
        """Return the mean of the values there are."""
        return self.total / self.n if self.n else None


@dataclass
class GroupSum:
    """Everything known of one group in the window."""

    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    metrics: dict[str, MetricSum] = field(default_factory=dict)
    limits: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """Metric and percentile -> requests judged, of them those over."""
    events: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Event -> how often, and the money it stands for in billionths of a US dollar; only what happened."""
    plan: str | None = None
    """`hash8` of the plan of the group's last minute."""


@dataclass
class Sums:
    """A window, merged."""

    groups: dict[Group, GroupSum]
    overhead: dict[str, MetricSum]
    """The gateway's own metrics over all groups."""
    plans: dict[str, Document]
    newest: str | None
    """`hash8` of the plan that was made last."""


def merge_window(connection: Connection, window: Window, group: Sequence[GroupName]) -> Sums:
    """Merge the rows of a window, kept apart by the columns of `series` in `group`."""
    groups = counted(connection, window, group)
    for names, limit, n, over in _counted(connection, window.rows("limits"), group, ("metric", "percentile")):
        groups[names].limits[limit[0], limit[1]] = (n, over)
    for names, event, n, nanousd in _counted(connection, window.rows("events"), group, ("event",)):
        groups[names].events[event[0]] = (n, nanousd)
    overhead = _metrics(connection, window.rows("metrics"), group, groups)
    newest, documents = documents_of(connection, groups)
    return Sums(dict(groups), overhead, documents, newest)


def counted(connection: Connection, window: Window, group: Sequence[GroupName]) -> defaultdict[Group, GroupSum]:
    """Return the groups of a window with their counters and the plan of their last row."""
    groups: defaultdict[Group, GroupSum] = defaultdict(GroupSum)
    columns = [series.c[name] for name in group]
    rows = window.rows("counters")
    joined = rows.join(series, series.c.id == rows.c.series)
    sums = [func.sum(rows.c[name]) for name in COUNTERS]
    for row in connection.execute(select(*columns, *sums).select_from(joined).group_by(*columns)):
        values = (int(value) for value in row[len(columns) :])
        groups[tuple(row[: len(columns)])].counters = dict(zip(COUNTERS, values, strict=True))
    # Two plans may share the last row (a new key makes a new plan): the one seen later counts.
    last = func.max(rows.c.minute), func.max(func.coalesce(plan.c.last_seen_us, 0))
    known = joined.outerjoin(plan, plan.c.hash8 == series.c.plan)
    latest = select(*columns, series.c.plan).select_from(known).group_by(*columns, series.c.plan)
    for row in connection.execute(latest.order_by(*last)):
        groups[tuple(row[:-1])].plan = row[-1]
    return groups


def documents_of(connection: Connection, groups: Mapping[Group, GroupSum]) -> tuple[str | None, dict[str, Document]]:
    """Return `hash8` of the plan that was made last, and the documents of all plans that the groups need, and its."""
    newest = plans.newest(connection)
    wanted = {one.plan for one in groups.values()} | {newest}
    return newest, {hash8: found for hash8 in wanted if hash8 and (found := plans.read(connection, hash8)) is not None}


def _counted(
    connection: Connection, rows: Subquery, group: Sequence[GroupName], of: Sequence[str]
) -> Iterator[tuple[Group, Group, int, int]]:
    """Yield group, what was counted of it by the columns `of`, and the sums of the table's last two columns."""
    columns = [*(series.c[name] for name in group), *(rows.c[name] for name in of)]
    sums = [func.sum(column) for column in list(rows.c)[-2:]]
    joined = rows.join(series, series.c.id == rows.c.series)
    for row in connection.execute(select(*columns, *sums).select_from(joined).group_by(*columns)):
        yield tuple(row[: len(group)]), tuple(row[len(group) : -2]), int(row[-2]), int(row[-1])


def _metrics(
    connection: Connection, rows: Subquery, group: Sequence[GroupName], groups: dict[Group, GroupSum]
) -> dict[str, MetricSum]:
    """Fill the groups' metrics and return those of the gateway itself."""
    query = (
        select(*(series.c[name] for name in group))
        .add_columns(*(rows.c[name] for name in ("metric", "n", "n_failed", "sum", "sketch")))
        .select_from(rows.join(series, series.c.id == rows.c.series))
        .execution_options(yield_per=_ROWS)
    )
    heaps: dict[tuple[Group, str], Heap] = defaultdict(Heap)
    for *names, metric, n, n_failed, total, sketch in connection.execute(query):
        heaps[tuple(names), metric].add(n, n_failed, total, sketch)
    overhead: dict[str, Heap] = defaultdict(Heap)
    for (of, metric), heap in heaps.items():
        if metric.startswith("overhead"):
            overhead[metric].add(heap.n, heap.n_failed, heap.total, heap.merged())
        else:
            groups[of].metrics[metric] = _figures(heap)
    return {metric: _figures(heap) for metric, heap in overhead.items()}


def _figures(heap: Heap) -> MetricSum:
    values = heap.quantiles(QUANTILES)
    return MetricSum(heap.n, heap.n_failed, heap.total, dict(zip(PERCENTILES, values, strict=True)))


def each_service(document: Document) -> Iterator[tuple[str, str]]:
    """List the service and use case of everything a plan knows."""
    for service in document["services"]:
        for use_case in service["use_cases"]:
            yield service["name"], use_case
