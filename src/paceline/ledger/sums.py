"""Merges minute rows over a window: exact counters, quantiles from sketches, limits' counters, plans in force.

Reads only. Knows groups and numbers; what they mean for a budget is `report`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection, func, select

from paceline.ledger import plans
from paceline.ledger.plans import Document
from paceline.ledger.schema import COUNTERS, minute, minute_event, minute_limit, minute_metric, plan, series

GroupName = Literal["service", "use_case", "model", "deployment"]
Group = tuple[str, ...]

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
PERCENTILES: Final = ("p50", "p90", "p95", "p99")
# Sketches of one group that are held before they are merged into one.
_HELD: Final = 512
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


def merge_window(connection: Connection, since: int, until: int, group: Sequence[GroupName]) -> Sums:
    """Merge the minutes from `since` up to and without `until`, kept apart by the columns of `series` in `group`."""
    groups: dict[Group, GroupSum] = defaultdict(GroupSum)
    columns = [series.c[name] for name in group]
    window = minute.c.minute >= since, minute.c.minute < until
    joined = minute.join(series, series.c.id == minute.c.series)
    sums = [func.sum(minute.c[name]) for name in COUNTERS]
    for row in connection.execute(select(*columns, *sums).select_from(joined).where(*window).group_by(*columns)):
        values = (int(value) for value in row[len(columns) :])
        groups[tuple(row[: len(columns)])].counters = dict(zip(COUNTERS, values, strict=True))
    # Two plans may share the last minute (a new key makes a new plan): the one seen later counts.
    last = func.max(minute.c.minute), func.max(func.coalesce(plan.c.last_seen_us, 0))
    known = joined.outerjoin(plan, plan.c.hash8 == series.c.plan)
    latest = select(*columns, series.c.plan).select_from(known).where(*window)
    for row in connection.execute(latest.group_by(*columns, series.c.plan).order_by(*last)):
        groups[tuple(row[:-1])].plan = row[-1]
    _limits(connection, since, until, group, groups)
    _events(connection, since, until, group, groups)
    overhead = _metrics(connection, since, until, group, groups)
    newest = plans.newest(connection)
    wanted = {one.plan for one in groups.values()} | {newest}
    documents = {hash8: found for hash8 in wanted if hash8 and (found := plans.read(connection, hash8)) is not None}
    return Sums(dict(groups), overhead, documents, newest)


def _limits(
    connection: Connection, since: int, until: int, group: Sequence[GroupName], groups: dict[Group, GroupSum]
) -> None:
    table = minute_limit
    columns = [*(series.c[name] for name in group), table.c.metric, table.c.percentile]
    query = (
        select(*columns, func.sum(table.c.n), func.sum(table.c.over_limit))
        .select_from(table.join(series, series.c.id == table.c.series))
        .where(table.c.minute >= since, table.c.minute < until)
        .group_by(*columns)
    )
    for *names, metric, percentile, n, over in connection.execute(query):
        groups[tuple(names)].limits[metric, percentile] = (int(n), int(over))


def _events(
    connection: Connection, since: int, until: int, group: Sequence[GroupName], groups: dict[Group, GroupSum]
) -> None:
    table = minute_event
    columns = [*(series.c[name] for name in group), table.c.event]
    query = (
        select(*columns, func.sum(table.c.n), func.sum(table.c.nanousd))
        .select_from(table.join(series, series.c.id == table.c.series))
        .where(table.c.minute >= since, table.c.minute < until)
        .group_by(*columns)
    )
    for *names, event, n, nanousd in connection.execute(query):
        groups[tuple(names)].events[event] = (int(n), int(nanousd))


def _metrics(
    connection: Connection, since: int, until: int, group: Sequence[GroupName], groups: dict[Group, GroupSum]
) -> dict[str, MetricSum]:
    """Fill the groups' metrics and return those of the gateway itself."""
    table = minute_metric
    query = (
        select(*(series.c[name] for name in group), *(table.c[name] for name in ("metric", "n", "n_failed", "sum")))
        .add_columns(table.c.sketch)
        .select_from(table.join(series, series.c.id == table.c.series))
        .where(table.c.minute >= since, table.c.minute < until)
        .execution_options(yield_per=_ROWS)
    )
    heaps: dict[tuple[Group, str], _Heap] = defaultdict(_Heap)
    for *names, metric, n, n_failed, total, sketch in connection.execute(query):
        heaps[tuple(names), metric].add(n, n_failed, total, sketch)
    overhead: dict[str, _Heap] = defaultdict(_Heap)
    for (of, metric), heap in heaps.items():
        if metric.startswith("overhead"):
            overhead[metric].add(heap.n, heap.n_failed, heap.total, heap.merged())
        else:
            groups[of].metrics[metric] = heap.finish()
    return {metric: heap.finish() for metric, heap in overhead.items()}


class _Heap:
    """Sketches being merged; holds a bounded number of them."""

    def __init__(self) -> None:
        self.n = 0
        self.n_failed = 0
        self.total = 0.0
        self._held: list[bytes] = []

    def add(self, n: int, n_failed: int, total: float, sketch: bytes) -> None:
        self.n += n
        self.n_failed += n_failed
        self.total += total
        self._held.append(bytes(sketch))
        if len(self._held) >= _HELD:
            self._held = [self.merged()]

    def merged(self) -> bytes:
        from paceline import _core

        return _core.merge(self._held)

    def finish(self) -> MetricSum:
        from paceline import _core

        values = _core.quantiles(self._held, list(QUANTILES), self.n_failed)
        return MetricSum(self.n, self.n_failed, self.total, dict(zip(PERCENTILES, values, strict=True)))


def each_service(document: Document) -> Iterator[tuple[str, str]]:
    """List the service and use case of everything a plan knows."""
    for service in document["services"]:
        for use_case in service["use_cases"]:
            yield service["name"], use_case
