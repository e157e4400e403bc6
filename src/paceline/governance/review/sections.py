"""The review as titled tables of words, the same for Markdown and HTML. Adds no figure of its own.

Every table says what its columns mean, and what it means when it is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from paceline.governance.review.actions import DONE, NOT_DONE, subject
from paceline.governance.review.document import (
    Action,
    Incident,
    Outcome,
    Review,
    ServiceResult,
    Spend,
)
from paceline.governance.signals.words import count, days, dollars, percent
from paceline.ledger.verdict import State

__all__ = ["Cell", "Column", "Section", "sections", "title"]

NONE: Final = "-"
_STATES: Final = {
    State.WITHIN: ("within", "good"),
    State.OVER: ("over", "bad"),
    State.TOO_FEW: ("too few to tell", "quiet"),
    State.NO_TRAFFIC: ("no traffic", "quiet"),
    State.NO_BUDGET: ("no limits", "quiet"),
}
_LEAST_LEFT: Final = 10


class Cell(NamedTuple):
    """One cell: plain text, and how it is to be read: `good`, `bad`, `quiet` or nothing."""

    text: str
    mark: str = ""


class Column(NamedTuple):
    """A column's head and what it means; an empty meaning is for what explains itself."""

    name: str
    meaning: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One table with its title."""

    name: str
    """For anchors: `budgets`."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    nothing: str
    """What is said in place of a table without rows."""
    note: str = ""
    """A sentence above the table."""


def title(review: Review) -> str:
    """Return the heading: `Review of the week of 16 to 22 November 2026`."""
    of = f"{review.organisation}: review" if review.organisation else "Review"
    return f"{of} of the week of {review.words}" if review.period == "week" else f"{of} of {review.words}"


def sections(review: Review) -> tuple[Section, ...]:
    """Return the tables in the order people read them."""
    parts: tuple[Callable[[Review], Section], ...] = (
        *(_last_actions, _services, _classes, _incidents, _spend, _movers),
        *(_budgets, _overhead, _coverage, _waivers, _actions),
    )
    return tuple(part(review) for part in parts)


def _last_actions(review: Review) -> Section:
    marks = {DONE: "good", NOT_DONE: "bad"}

    def row(one: Outcome) -> tuple[Cell, ...]:
        return (
            *(Cell(one.action.text), _owner(one.action.owner)),
            *(Cell(one.result, marks.get(one.result, "quiet")), Cell(one.why)),
        )

    nothing = "The last review asked for nothing." if review.has_last else "There is no review of the period before."
    columns = (Column("Action"), Column("Owner"), Column("Result", "found in the data, not ticked off"), Column("Why"))
    return Section("last-actions", "Actions of the last review", columns, tuple(map(row, review.outcomes)), nothing)


def _services(review: Review) -> Section:
    def row(one: ServiceResult) -> tuple[Cell, ...]:
        worst = one.limits[0] if one.limits and one.limits[0].n else None
        figures = (
            (
                Cell(worst.text),
                Cell(worst.measured or NONE),
                Cell(percent(worst.share or 0)),
                Cell(percent(worst.allowed)),
            )
            if worst is not None
            else (Cell(NONE),) * 4
        )
        before = NONE if worst is None or worst.before is None else percent(worst.before)
        return (
            *(Cell(subject(one.service, one.use_case)), Cell(one.class_ or NONE, "quiet"), _owner(one.owner)),
            *(Cell(f"{one.requests:,}"), _budget(one), *figures, Cell(before)),
        )

    columns = (
        *(Column("Service / use case"), Column("Class"), Column("Owner")),
        *(Column("Requests", "", True), Column("Budget", "over when one limit is exceeded by more than it allows")),
        Column("Worst limit", "the one exceeded most, compared with what it allows"),
        Column("Measured", "the percentile itself", True),
        Column("Over it", "share of requests that exceeded the limit; failed ones did", True),
        Column("Allowed", "share that may", True),
        Column("Before", f"share over it in the {review.period} before", True),
    )
    nothing = "The standards list no service, and nothing was called."
    return Section("budgets", "Budgets, worst first", columns, tuple(map(row, review.services)), nothing)


def _budget(one: ServiceResult) -> Cell:
    text, mark = _STATES[State(one.state)]
    return Cell(f"{text}, waived until {one.limits[0].waived}", mark) if one.is_waived else Cell(text, mark)


def _classes(review: Review) -> Section:
    rows = tuple(
        (
            *(Cell(one.class_ or "none"), Cell(f"{one.within}"), Cell(f"{one.over}", "bad" if one.over else "")),
            *(Cell(f"{one.unknown}"), Cell(f"{one.requests:,}")),
        )
        for one in review.classes
    )
    columns = (
        Column("Class"),
        Column("Within", "use cases that kept every limit", True),
        Column("Over", "use cases that did not", True),
        Column("Cannot tell", "too few requests, or no limits", True),
        Column("Requests", "", True),
    )
    return Section("classes", "Budgets by class", columns, rows, "No class had traffic.")


def _incidents(review: Review) -> Section:
    def row(one: Incident) -> tuple[Cell, ...]:
        state = f"{one.state}, {one.overdue} overdue" if one.overdue else one.state
        if one.ended is not None:
            state = f"{one.state} {_day(one.ended)}{f': {one.reason}' if one.reason else ''}"
        return (
            *(Cell(one.id), Cell(subject(one.service, one.use_case)), _owner(one.owner), Cell(one.kind)),
            *(Cell(one.what), Cell(one.severity, "bad" if one.severity == "page" and one.ended is None else "")),
            *(Cell(f"{_day(one.began)}{' (new)' if one.is_new else ''}"), Cell(days(one.age_days))),
            Cell(state, "bad" if one.overdue else "good" if one.ended is not None else ""),
        )

    columns = (
        *(Column("Id"), Column("Service / use case"), Column("Owner")),
        Column("Kind", "breach of a limit, regression against the past, or another signal"),
        *(Column("What"), Column("Severity", "page: look now; urgent: today; ticket: this week")),
        *(Column("Began", f"new: found in this {review.period}"), Column("Age", "to its end, or the period's", True)),
        Column("State", "at the period's end"),
    )
    ended = [one.age_days for one in review.incidents if one.ended is not None]
    note = f"Those that ended took {days(sum(ended) / len(ended))} on average." if ended else ""
    rows = tuple(map(row, review.incidents))
    return Section("incidents", "Incidents and regressions", columns, rows, "No incident was open.", note)


def _spend(review: Review) -> Section:
    marks = {"over": "bad", "heading over": "bad", "within": "good"}

    def row(one: Spend) -> tuple[Cell, ...]:
        foretold = NONE
        if one.expected is not None and one.lower is not None and one.upper is not None:
            between = f" ({dollars(one.lower)} to {dollars(one.upper)})" if one.lower < one.upper else ""
            foretold = f"{dollars(one.expected)}{between}"
        return (
            *(Cell(one.service), _owner(one.owner), Cell(dollars(one.spent)), Cell(_change(one.spent, one.before))),
            *(Cell(dollars(one.month)), Cell(foretold), Cell(NONE if one.budget is None else dollars(one.budget))),
            Cell(one.state, marks.get(one.state, "quiet")),
        )

    columns = (
        *(Column("Service"), Column("Owner"), Column("Spent", f"in this {review.period}", True)),
        Column("Change", f"against the {review.period} before", True),
        Column("Month so far", "", True),
        Column("Month's end", "expected, and the range that holds nine of ten months", True),
        Column("Budget", "budget.usd_per_month in the standards", True),
        Column("State", "heading over: even the range's lower end is over the budget"),
    )
    return Section("spend", "Spend", columns, tuple(map(row, review.spend)), "Nothing was spent, and no money is set.")


def _movers(review: Review) -> Section:
    rows = tuple(
        (
            *(Cell(subject(one.service, one.use_case)), _owner(one.owner)),
            *(Cell(_small(one.before)), Cell(_small(one.cost))),
            Cell(_change(one.cost, one.before), "bad" if one.extra > 0 else "good"),
            Cell(f"{'+' if one.extra > 0 else '-'}{dollars(abs(one.extra))}"),
            *(Cell(_tokens(one.input_before, one.input_tokens)), Cell(_tokens(one.output_before, one.output_tokens))),
        )
        for one in review.movers
    )
    columns = (
        *(Column("Service / use case"), Column("Owner")),
        Column("Before", f"mean cost of a request in the {review.period} before", True),
        *(Column("Now", "mean cost of a request", True), Column("Change", "", True)),
        Column("Made", "what the change cost or saved in all", True),
        Column("Input tokens", "of a request, before → now", True),
        Column("Output tokens", "of a request, before → now", True),
    )
    nothing = "No use case's requests got a tenth dearer or cheaper."
    return Section("movers", "Cost of a request: what moved", columns, rows, nothing)


def _budgets(review: Review) -> Section:
    rows = tuple(
        (
            *(Cell(subject(one.service, one.use_case)), _owner(one.owner), Cell(one.limit)),
            Cell(
                percent(one.left) if one.left >= 0 else f"overdrawn by {percent(-one.left)}",
                "bad" if one.left < 0 else "",
            ),
            Cell(_until(one.left, one.days_left)),
        )
        for one in review.budgets[:_LEAST_LEFT]
    )
    columns = (
        *(Column("Service / use case"), Column("Owner"), Column("Limit", "the one of which least is left")),
        Column("Left", "of the requests that may be over it in 28 days", True),
        Column("Used up", "if every day were as the period's last", True),
    )
    many = len(review.budgets)
    note = f"The {_LEAST_LEFT} with least left, of {many}." if many > _LEAST_LEFT else ""
    nothing = "No limit had enough requests in 28 days."
    return Section("error-budgets", "Error budgets left", columns, rows, nothing, note)


def _until(left: float, days_left: float | None) -> str:
    if left <= 0:
        return "used up"
    return "not at this rate" if days_left is None else f"in {days(days_left)}"


def _overhead(review: Review) -> Section:
    found = review.overhead
    pairs = (("p50", found.p50, found.p50_before), ("p95", found.p95, found.p95_before), ("p99", found.p99, None))
    rows = tuple(
        (Cell(name), Cell(_micros(now)), Cell(_micros(before))) for name, now, before in pairs if now is not None
    )
    columns = (
        Column("Percentile", "of the time that the gateway itself adds to a call"),
        Column("Now", "", True),
        Column("Before", f"in the {review.period} before", True),
    )
    return Section("overhead", "The gateway's own time", columns, rows, "It was not measured: nothing was called.")


def _coverage(review: Review) -> Section:
    def share(value: float | None) -> Cell:
        return Cell(NONE, "quiet") if value is None else Cell(percent(value), "bad" if value < 0.95 else "")

    rows = tuple(
        (
            *(Cell(one.service), _owner(one.owner), Cell(f"{one.requests:,}"), share(one.tagged)),
            *(Cell(_or_none(one.tagged_before)), share(one.cost), Cell(_or_none(one.cost_before))),
            Cell(percent(one.off_standard)),
        )
        for one in review.coverage
    )
    columns = (
        *(Column("Service"), Column("Owner"), Column("Requests", "", True)),
        *(Column("Tagged", "share of calls that named their use case", True), Column("Before", "", True)),
        *(Column("Cost known", "share of paid calls that have a price", True), Column("Before", "", True)),
        Column("Off standard", "share of calls for models outside the standards", True),
    )
    lost = count(review.unidentified, "call")
    note = f"{lost} carried no valid key and belong to no service." if review.unidentified else ""
    return Section("coverage", "What can be accounted for", columns, rows, "Nothing was called.", note)


def _waivers(review: Review) -> Section:
    rows = tuple(
        (
            *(Cell(subject(one.service, one.use_case)), Cell(one.what), Cell(one.reason)),
            *(Cell(one.requester), Cell(one.approver), Cell(one.last_day)),
            Cell("ended", "bad")
            if one.days_left < 0
            else Cell(f"in {days(one.days_left)}" if one.days_left else "today"),
        )
        for one in review.waivers
    )
    columns = (
        *(Column("Service / use case"), Column("What", "the limit, rule or model that it lifts"), Column("Reason")),
        *(Column("Asked by"), Column("Agreed by"), Column("Last day")),
        Column("Ends", "from the period's last day"),
    )
    nothing = "No waiver ended, and none ends within two weeks."
    return Section("waivers", "Waivers that end", columns, rows, nothing)


def _actions(review: Review) -> Section:
    def row(one: Action) -> tuple[Cell, ...]:
        return Cell(one.text), _owner(one.owner), Cell(one.condition)

    columns = (Column("Action"), Column("Owner"), Column("Done when", "what the next review looks for"))
    nothing = "Nothing needs to be done."
    return Section("actions", "Actions until the next review", columns, tuple(map(row, review.actions)), nothing)


def _owner(owner: str) -> Cell:
    return Cell(owner) if owner else Cell("nobody", "bad")


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _change(now: float, before: float) -> str:
    return f"{now / before - 1:+.0%}".replace("%", " %") if before else NONE


def _small(usd: float) -> str:
    return f"${usd:.3g}"


def _tokens(before: float, now: float) -> str:
    return f"{before:,.0f} → {now:,.0f}"


def _micros(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.0f} µs" if value < 1000 else f"{value / 1000:.2f} ms"


def _or_none(share: float | None) -> str:
    return NONE if share is None else percent(share)


def legend(columns: Sequence[Column]) -> Iterator[tuple[str, str]]:
    """Yield the columns that need words, and the words."""
    for column in columns:
        if column.meaning:
            yield column.name, column.meaning
