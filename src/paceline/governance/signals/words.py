"""Figures of signals as people read them: money, shares, counts, days."""

from __future__ import annotations

from datetime import date

__all__ = ["count", "days", "dollars", "on", "percent"]


def dollars(usd: float) -> str:
    """`$1,204`, `$90`, `$18.30`, `$0.0042`."""
    if usd >= 100 or usd == 0:
        return f"${usd:,.0f}"
    return f"${usd:.2f}".removesuffix(".00") if usd >= 0.1 else f"${usd:.2g}"


def percent(share: float) -> str:
    """`12 %`, `5 %`, `4.2 %`, `0.03 %`; what is not quite all is not 100 %."""
    value = share * 100
    if 99.5 <= value < 100:
        return f"{min(value, 99.9):.1f} %"
    if value >= 9.95:
        return f"{value:.0f} %"
    return f"{f'{value:.1f}'.removesuffix('.0')} %" if value >= 0.1 else f"{value:.2g} %"


def count(n: int, one: str, many: str = "") -> str:
    """`1 request`, `1,204 requests`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def days(many: float) -> str:
    """`1 day`, `12 days`; below one `less than a day`."""
    whole = round(many)
    return "less than a day" if whole < 1 else count(whole, "day")


def on(day: date) -> str:
    """`14 November`."""
    return f"{day.day} {day:%B}"
