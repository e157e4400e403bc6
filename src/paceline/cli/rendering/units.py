"""Figures in words people read: three significant digits, the unit beside them, a dash for what is not known."""

from __future__ import annotations

NONE = "-"
_STEPS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def milliseconds(value: float | None) -> str:
    """`0.42 ms`, `812 ms`, `1.42 s`, `95 s`, `12 min`, `24 h`."""
    if value is None:
        return NONE
    if value >= 600_000:
        hours = value / 3_600_000
        return f"{_three(value / 60_000)} min" if hours < 2 else f"{_three(hours)} h"
    return f"{_three(value / 1000)} s" if value >= 1000 else f"{_three(value)} ms"


def microseconds(value: float | None) -> str:
    """`84 µs`, `1.2 ms`."""
    if value is None:
        return NONE
    return f"{value:.0f} µs" if value < 1000 else milliseconds(value / 1000)


def dollars(value: float | None) -> str:
    """`$0.00042`, `$0.18`, `$1,204`."""
    if value is None:
        return NONE
    if value == 0:
        return "$0"
    if value >= 1000:
        return f"${value:,.0f}"
    return f"${value:.2f}" if value >= 0.1 else f"${value:.2g}"


def share(value: float | None) -> str:
    """`7.1 %`, `0.04 %`, `100 %`."""
    if value is None:
        return NONE
    percent = value * 100
    if percent in {0, 100}:
        return f"{percent:.0f} %"
    if percent < 0.01:
        return "<0.01 %"
    return f"{min(percent, 99.9):.1f} %" if percent >= 0.1 else f"{percent:.2f} %"


def count(value: float | None) -> str:
    """`1,012`; from a hundred thousand on `1.20 M`."""
    if value is None:
        return NONE
    if abs(value) < 100_000:
        return f"{value:,.0f}"
    step, letter = next((step, letter) for step, letter in _STEPS if abs(value) >= step)
    return f"{_three(value / step)} {letter}"


def of_metric(metric: str, value: float | None) -> str:
    """Write a value in its metric's unit, which is the last part of the metric's name."""
    if metric.endswith("_ms"):
        return milliseconds(value)
    return dollars(value) if metric.endswith("_usd") else share(value)


def _three(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
