"""Money and spans of money as sources write them: a price of one token, a budget and how long it lasts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from paceline.imports.reading import Section

__all__ = ["per_million", "spending_limit"]

_LASTS: Final = {
    **dict.fromkeys(("1d", "24h", "daily"), "usd_per_day"),
    **dict.fromkeys(("30d", "31d", "1mo", "monthly"), "usd_per_month"),
}


def per_million(cost: float) -> float:
    """Return the price of a million tokens, without what multiplying binary fractions would add."""
    return float(Decimal(str(cost)) * 1_000_000)


def spending_limit(section: Section, amount: str, lasts: str) -> dict[str, Any]:
    """Take a budget: a limit by day or month, or nothing and a finding."""
    path, usd, span = section.at(amount), section.number(amount), section.text(lasts)
    if usd is None:
        if span:
            section.notes.note("left out", section.at(lasts), "there is no amount that lasts so long")
        return {}
    name = _LASTS.get(span.lower())
    if name is None or not 0 < usd < 1e9:
        why = "money is limited by the day or by the calendar month" if usd else "a limit of nothing refuses everything"
        for at in [path, section.at(lasts)][: 2 if span else 1]:
            section.notes.note("left out", at, why, "`limits: {usd_per_day: …}` or `usd_per_month`")
        return {}
    if span in {"30d", "31d"}:
        section.notes.note("changed", path, f"{span} are a calendar month here, in UTC")
    return {name: usd}
