"""The geometry of the review's two charts: budgets beside what they allow, and spend beside its budget.

Owns lengths and places; the page draws them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from paceline.governance.review.actions import subject
from paceline.governance.review.document import Review
from paceline.governance.signals.words import dollars, percent
from paceline.ledger.verdict import State

__all__ = ["Bar", "Chart", "charts"]

WIDTH: Final = 420
"""Of the plot, beside the labels; units of the drawing."""
_TIMES_MOST: Final = 4.0
"""Times the allowed share at which a bar ends; its figure says the rest."""
_SPEND_MOST: Final = 1.6
_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; lengths from 0 to `WIDTH`."""

    label: str
    length: float
    text: str
    is_bad: bool
    low: float | None = None
    """The interval's ends, where there is one."""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, and the place of the line that they are held against."""

    title: str
    line: float
    line_text: str
    bars: tuple[Bar, ...]


def charts(review: Review) -> dict[str, Chart]:
    """Return charts by the section they belong to; none without anything to draw."""
    found = {"budgets": _budgets(review), "spend": _spend(review)}
    return {name: chart for name, chart in found.items() if chart.bars}


def _budgets(review: Review) -> Chart:
    judged = [one for one in review.services if one.state in {State.OVER, State.WITHIN} and one.limits]
    bars = tuple(
        Bar(
            label=subject(one.service, one.use_case),
            length=_place(one.limits[0].times, _TIMES_MOST),
            text=f"{percent(one.limits[0].share or 0)} over {one.limits[0].text}",
            is_bad=one.state == State.OVER,
        )
        for one in judged[:_MOST]
    )
    return Chart("Requests over the worst limit, beside the share it allows", _place(1.0, _TIMES_MOST), "allowed", bars)


def _spend(review: Review) -> Chart:
    bars = []
    for one in review.spend:
        if not one.budget or not (one.month or one.expected):
            continue
        drawn = one.lower is not None and one.lower < one.budget * _SPEND_MOST
        ends = [_place(usd / one.budget, _SPEND_MOST) if drawn else None for usd in (one.lower or 0, one.upper or 0)]
        text = f"{dollars(one.month)} of {dollars(one.budget)}"
        if one.expected is not None:
            text += f", {dollars(one.expected)} expected"
        is_bad = one.state in {"over", "heading over"}
        bars.append(Bar(one.service, _place(one.month / one.budget, _SPEND_MOST), text, is_bad, ends[0], ends[1]))
    name = "The month's spend so far, and the range expected at its end, beside the budget"
    return Chart(name, _place(1.0, _SPEND_MOST), "budget", tuple(bars[:_MOST]))


def _place(value: float, most: float) -> float:
    return round(WIDTH * min(value, most) / most, 1)
