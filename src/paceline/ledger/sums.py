"""Merges rows over a window: exact counters, quantiles from sketches, limits' counters, plans in force.

Reads only. Knows groups and numbers; what they mean for a budget is `report`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    for row in connection.execute(window.sums("limits", group, ("metric", "percentile"), ("n", "over_limit"))):
        groups[tuple(row[:-4])].limits[row[-4], row[-3]] = int(row[-2]), int(row[-1])
    for row in connection.execute(window.sums("events", group, ("event",), ("n", "nanousd"))):
        groups[tuple(row[:-3])].events[row[-3]] = int(row[-2]), int(row[-1])
    overhead = _metrics(connection, window.rows("metrics"), group, groups)
    newest, documents = documents_of(connection, groups)
    return Sums(dict(groups), overhead, documents, newest)


def counted(
    connection: Connection,
    window: Window,
    group: Sequence[GroupName],
    names: Sequence[str] = COUNTERS,
    only: Collection[int] | None = None,
) -> defaultdict[Group, GroupSum]:
    """Return the groups of a window with these counters, the others 0, and the plan of their last row.

    `only`: series, as of `Window.rows`.
    """
    groups: defaultdict[Group, GroupSum] = defaultdict(GroupSum)
    rows = window.rows("counters", only)
    sums = (func.sum(rows.c[name]).label(name) for name in names)
    few = select(rows.c.series, func.max(rows.c.minute).label("minute"), *sums).group_by(rows.c.series).subquery("few")
    known = few.join(series, series.c.id == few.c.series).outerjoin(plan, plan.c.hash8 == series.c.plan)
    columns = [*(series.c[name] for name in group), *(few.c[name] for name in names)]
    # Two plans may share the last row (a new key makes a new plan): the one seen later counts.
    last = few.c.minute, func.coalesce(plan.c.last_seen_us, 0)
    for row in connection.execute(select(series.c.plan, *columns).select_from(known).order_by(*last)):
        found = groups[tuple(row[1 : 1 + len(group)])]
        found.plan = row[0]
        for name, value in zip(names, row[1 + len(group) :], strict=True):
            found.counters[name] += int(value)
    return groups


def documents_of(connection: Connection, groups: Mapping[Group, GroupSum]) -> tuple[str | None, dict[str, Document]]:
    """Return `hash8` of the plan that was made last, and the documents of all plans that the groups need, and its."""
    newest = plans.newest(connection)
    wanted = {one.plan for one in groups.values()} | {newest}
    return newest, {hash8: found for hash8 in wanted if hash8 and (found := plans.read(connection, hash8)) is not None}


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
