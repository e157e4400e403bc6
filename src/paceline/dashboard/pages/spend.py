"""Spend: a calendar month by service, team or model, against budgets, with where it will end and how sure that is.

Every figure of money stands beside its coverage: the share of paid requests whose cost is known. Days are UTC.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any, Final, Literal

from paceline.dashboard.charts import Line, LineChart, line_chart
from paceline.dashboard.sources import Sources
from paceline.governance.signals.months import Month, months
from paceline.ledger.spending import day_number
from paceline.standards import Standards

__all__ = ["BY", "By", "Spent", "month_named", "month_of", "rows", "values"]

By = Literal["service", "team", "model"]
BY: Final[tuple[By, ...]] = ("service", "team", "model")
_COUNTERS: Final = ("n_cost_due", "n_cost", "n_ok", "cost_nanousd", "other_nanousd")
_NANO: Final = 1e9
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Spent:
    """One service, team or model in a month. US dollars; None is "not known" or "none set"."""

    name: str
    owner: str
    """Of a service."""
    spent: float
    budget: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    days_to_budget: float | None
    requests_ok: int
    coverage: float | None
    """Share of paid requests whose cost is known."""

    @property
    def per_ok(self) -> float | None:
        """Cost of a successful request: everything spent over those that succeeded."""
        return self.spent / self.requests_ok if self.requests_ok and self.spent else None

    @property
    def state(self) -> tuple[str, str]:
        """Tone and words of where it stands against its budget."""
        if self.budget is None:
            return "quiet", "no budget"
        if self.spent > self.budget:
            return "bad", "over budget"
        if self.lower is not None and self.lower > self.budget:
            return "bad", "heading over"
        if self.expected is not None and self.expected > self.budget:
            return "warn", "may end over"
        return ("good", "within") if self.expected is not None else ("quiet", "too early to tell")


def month_named(text: str | None, today: date) -> date:
    """Return the first day of the month written as `2026-11`, this one if none. Raises `ValueError`; so before 1970."""
    first = today.replace(day=1) if not text else datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    if first.year < 1970:
        raise ValueError(text)
    return min(first, today.replace(day=1))


def month_of(sources: Sources, standards: Standards, first: date) -> list[Month]:
    """Return where each service's month stands. Raises `LedgerError`."""
    today = datetime.fromtimestamp(sources.clock(), UTC).date()
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    is_whole = last < today
    through = last if is_whole else today
    return sources.kept(
        ("months", first, through), lambda: months(sources.ledger, standards, through, is_whole=is_whole)
    )


def rows(sources: Sources, standards: Standards, by: By, first: date, team: str | None = None) -> list[Spent]:
    """Return the month by service, team or model, the dearest first. Raises `LedgerError`."""
    counted = _counted(sources, by, first)
    owners = {name: each.owner or "" for name, each in standards.options.services.items()}
    if by == "model":
        found = [_of_model(name, counts) for name, counts in counted.items()]
    else:
        parts = month_of(sources, standards, first)
        found = [_of_service(each, owners.get(each.service, ""), counted.get(each.service)) for each in parts]
        found = [each for each in found if team in (None, "", each.owner)]
        if by == "team":
            found = _teams(found, counted)
    return sorted(found, key=lambda one: (-one.spent, one.name))


def values(
    sources: Sources, standards: Standards | None, by: By, first: date, team: str | None = None
) -> dict[str, Any]:
    """Return what the page says."""
    today = datetime.fromtimestamp(sources.clock(), UTC).date()
    common: dict[str, Any] = {"by": by, "month": first, "is_now": first == today.replace(day=1), "team": team or ""}
    common |= {"earlier": (first - timedelta(days=1)).replace(day=1), "later": _after(first)}
    if standards is None:
        return {**common, "rows": [], "teams": [], "total": 0.0}
    found = rows(sources, standards, by, first, team)
    budgets = [one.budget for one in found if one.budget is not None]
    expected = [one.expected for one in found if one.expected is not None]
    due, known = _covered(_counted(sources, by, first), [one.name for one in found], by, standards)
    return {
        **common,
        "rows": found,
        "teams": sorted(standards.options.teams),
        "total": sum(one.spent for one in found),
        "budget": sum(budgets) if budgets else None,
        "expected": sum(expected) if expected else None,
        "requests_ok": sum(one.requests_ok for one in found),
        "coverage": known / due if due else None,
        "over": sum(one.state[0] == "bad" for one in found),
        "chart": _chart(sources, found, by, first, sum(budgets) if budgets else None, sum(expected)),
    }


def days(sources: Sources, by: By, first: date) -> dict[str, dict[int, float]]:
    """Return US dollars by name and day of the month. A model's are those of its deployments. Raises `LedgerError`."""
    last = _after(first) - timedelta(days=1)
    kind = "deployment" if by == "model" else by
    found = sources.kept(("spent", kind, first), lambda: sources.ledger.totals.spent(kind, first, last))
    return {
        name: {day - day_number(first) + 1: usd / _NANO for day, usd in each.items()} for name, each in found.items()
    }


def _after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _counted(sources: Sources, by: By, first: date) -> Mapping[str, tuple[int, ...]]:
    """Return the month's counters by service or model; a team's are added up from its services'."""
    since = datetime(first.year, first.month, 1, tzinfo=UTC).timestamp()
    end = _after(first)
    until = min(datetime(end.year, end.month, 1, tzinfo=UTC).timestamp(), sources.clock() // 60 * 60)
    group: Literal["model", "service"] = "model" if by == "model" else "service"

    def read() -> Mapping[str, tuple[int, ...]]:
        found = sources.ledger.totals.counters(since, until, _COUNTERS, (group,))
        return {names[0]: counts for names, counts in found.items() if names[0]}

    return sources.kept(("month counted", group, first), read)


def _of_service(month: Month, owner: str, counts: tuple[int, ...] | None) -> Spent:
    due, known, ok, *_ = counts or (0, 0, 0)
    told = month.forecast
    return Spent(
        month.service,
        owner,
        month.spent,
        month.budget,
        None if told is None else told.expected,
        None if told is None else told.lower,
        None if told is None else told.upper,
        month.days_to_budget,
        ok,
        known / due if due else None,
    )


def _of_model(name: str, counts: tuple[int, ...]) -> Spent:
    due, known, ok, cost, other = counts
    return Spent(name, "", (cost + other) / _NANO, None, None, None, None, None, ok, known / due if due else None)


def _teams(services: Iterable[Spent], counted: Mapping[str, tuple[int, ...]]) -> list[Spent]:
    """Add services up by who owns them now; ranges of several do not add up and are left out."""
    by_team: defaultdict[str, list[Spent]] = defaultdict(list)
    for one in services:
        by_team[one.owner].append(one)
    found = []
    for team, own in by_team.items():
        due, known = (sum(counted.get(one.name, (0, 0))[place] for one in own) for place in (0, 1))
        budgets = [one.budget for one in own if one.budget is not None]
        told = [one.expected for one in own if one.expected is not None]
        found.append(
            Spent(
                team or "nobody",
                "",
                sum(one.spent for one in own),
                sum(budgets) if budgets else None,
                sum(told) if told else None,
                None,
                None,
                None,
                sum(one.requests_ok for one in own),
                known / due if due else None,
            )
        )
    return found


def _covered(counted: Mapping[str, tuple[int, ...]], names: list[str], by: By, standards: Standards) -> tuple[int, int]:
    """Return the paid requests of what is shown, and of them those whose cost is known."""
    owners = {name: each.owner or "nobody" for name, each in standards.options.services.items()}
    shown = set(names)
    own = [
        counts for name, counts in counted.items() if (owners.get(name, "nobody") if by == "team" else name) in shown
    ]
    return sum(each[0] for each in own), sum(each[1] for each in own)


def _chart(  # noqa: PLR0913, PLR0917  # what one drawing needs
    sources: Sources, shown: list[Spent], by: By, first: date, budget: float | None, expected: float
) -> LineChart:
    """Draw what was spent so far, day after day, and where it goes from there."""
    names = {one.name for one in shown}
    by_day = days(sources, "team" if by == "team" else "service", first)
    chosen = [each for name, each in by_day.items() if name in names or by == "model"]
    length = calendar.monthrange(first.year, first.month)[1]
    start = datetime(first.year, first.month, 1, tzinfo=UTC).timestamp()
    passed = min(length, max(1, int((sources.clock() - start) // _DAY_S) + 1))
    sums = list(accumulate(sum(each.get(day, 0.0) for each in chosen) for day in range(1, passed + 1)))
    lines = [_line("spent", start, [*sums, *[None] * (length - passed)])]
    if passed < length and expected:
        step = (expected - sums[-1]) / (length - passed)
        rest = [sums[-1] + step * day for day in range(length - passed + 1)]
        lines.append(_line("expected", start, [*[None] * (passed - 1), *rest]))
    limits = [("budget", budget)] if budget else []
    return line_chart(f"Spent since 1 {first:%B %Y}", "$", lines, start, start + length * _DAY_S, limits=limits)


def _line(name: str, start: float, values: Sequence[float | None]) -> Line:
    return Line(name, tuple((start + day * _DAY_S, usd) for day, usd in enumerate(values)))
