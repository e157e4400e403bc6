"""Templates and what they may call: figures, times, addresses. Owns the Jinja environment; escapes everything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from paceline.dashboard.assets import address_of
from paceline.dashboard.shapes import spark_of
from paceline.dashboard.spans import RANGES
from paceline.governance.signals.words import days, dollars, percent
from paceline.standards.limits import figure

__all__ = ["read_all", "render"]

_NONE = "\u2013"


def render(template: str, /, **values: Any) -> str:
    """Render a page or a fragment."""
    return _environment().get_template(f"{template}.html.j2").render(**values)


def read_all() -> None:
    """Read every template, so that no page has to: some take as long as all its figures."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("paceline.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": _percent,
        "dollars": _dollars,
        "ms": milliseconds,
        "moment": moment,
        "ago": ago,
        "thousands": lambda many: f"{many:,}",
        "days": days,
        "moment_seconds": lambda at: f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M:%S}",
        "clock": lambda at: f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}",
        "day": lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}",
        "iso": lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "input_time": lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}",
        "limit_figure": figure,
        "segment": lambda text: quote(str(text), safe=""),
    }
    made.globals |= {"ranges": list(RANGES), "query": _query, "asset": address_of, "spark_of": spark_of}
    return made


def milliseconds(value: float | None) -> str:
    """Write a time as people read it: `62 µs`, `812 ms`, `1.24 s`; a dash for none."""
    if value is None:
        return _NONE
    if 0 < value < 1:
        return f"{value * 1_000:.0f} µs"
    return f"{value:.0f} ms" if value < 1_000 else f"{value / 1_000:.3g} s"


def moment(at: float | None) -> str:
    """Write Unix seconds as `2026-11-23 14:05`, UTC; a dash for none."""
    return _NONE if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def ago(seconds: float) -> str:
    """Write how long ago something was: `5 minutes`, `3 hours`, `12 days`."""
    for length, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length * (2 if word != "minute" else 1):
            many = int(seconds // length)
            return f"{many} {word}{'' if many == 1 else 's'}"
    return "less than a minute"


def _percent(share: float | None) -> str:
    return _NONE if share is None else percent(share)


def _dollars(usd: float | None) -> str:
    return _NONE if usd is None else dollars(usd)


def _query(values: Mapping[str, str | None], **changes: str | None) -> str:
    """Return an address's query with these changes, empty values left out."""
    kept = {name: value for name, value in {**values, **changes}.items() if value}
    return f"?{urlencode(kept)}" if kept else "?"
