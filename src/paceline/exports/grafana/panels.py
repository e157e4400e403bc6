"""The JSON of Grafana's panels: time series, tiles, tables, text, rows. Form: schema 39 (Grafana 10.4 and later).

Owns looks: units, colours, lines. Must not know metrics or standards.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

__all__ = ["Panel", "Target", "row", "series", "table", "text", "tile"]

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
"""The data source that is chosen on the board."""

_RED: Final = "red"
_LIMIT: Final = {
    "matcher": {"id": "byRegexp", "options": "/^limit/"},
    "properties": [
        {"id": "color", "value": {"mode": "fixed", "fixedColor": _RED}},
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.lineWidth", "value": 1},
    ],
}


@dataclass(frozen=True, slots=True)
class Target:
    """A query, and what its lines are called: a label's value by `{{label}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel before it has its place. `width` is of 24."""

    title: str
    kind: str
    width: int = 12
    height: int = 8
    targets: tuple[Target, ...] = ()
    description: str = ""
    form: dict[str, Any] = field(default_factory=dict)
    instant: bool = False

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Write it at a place."""
        made: dict[str, Any] = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
        }
        if self.description:
            made["description"] = self.description
        if self.targets:
            made["datasource"] = SOURCE
            made["targets"] = [self._query(place, target) for place, target in enumerate(self.targets)]
        return made | self.form

    def _query(self, place: int, target: Target) -> dict[str, Any]:
        made: dict[str, Any] = {
            "refId": _letter(place),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": target.expr,
            "legendFormat": target.legend or "__auto",
            "range": not self.instant,
            "instant": self.instant,
        }
        return made | ({"format": "table"} if self.kind == "table" else {})


def _letter(place: int) -> str:
    return string.ascii_uppercase[place] if place < 26 else f"Q{place}"


def series(
    title: str, unit: str, *targets: Target, description: str = "", width: int = 12, is_stacked: bool = False
) -> Panel:
    """Make lines over time; those whose name begins with `limit` are dashed and red."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if is_stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if is_stacked else "none", "group": "A"},
    }
    form = {
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": [_LIMIT]},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }
    return Panel(title, "timeseries", width, 8, targets, description, form)


def tile(title: str, unit: str, *targets: Target, over: float | None = None, description: str = "") -> Panel:
    """Make a number of now: green, red from `over`; in the text's colour without it."""
    steps = [_step(None, "text")] if over is None else [_step(None, "green"), _step(over, _RED)]
    defaults = {"unit": unit, "decimals": 2, "thresholds": {"mode": "absolute", "steps": steps}}
    form = {
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "colorMode": "value" if over is None else "background",
            "graphMode": "none",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "auto",
        },
    }
    return Panel(title, "stat", 4, 4, targets, description, form)


def _step(at: float | None, colour: str) -> dict[str, Any]:
    return {"color": colour, "value": at}


def table(
    title: str,
    columns: Sequence[tuple[str, Target, float]],
    links: Mapping[str, str] = MappingProxyType({}),
    description: str = "",
    height: int = 10,
) -> Panel:
    """Make a table of shares joined over their labels: a column's name, its query, and the share it is green from.

    `links` are where a service's name leads to, by their titles.
    """
    names = {f"Value #{_letter(place)}": name for place, (name, _, _) in enumerate(columns)}
    names |= {"Value": columns[0][0]}  # what Grafana calls the column of a single query
    overrides = [_shaded(name, least) for name, _, least in columns]
    if links:
        value = [{"title": title, "url": url} for title, url in links.items()]
        overrides.append(
            {"matcher": {"id": "byName", "options": "service"}, "properties": [{"id": "links", "value": value}]}
        )
    form = {
        "fieldConfig": {"defaults": {"unit": "percentunit", "decimals": 2, "custom": {}}, "overrides": overrides},
        "options": {"showHeader": True, "sortBy": [{"displayName": columns[0][0], "desc": False}]},
        "transformations": [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names, "indexByName": {}}},
        ],
    }
    targets = tuple(target for _, target, _ in columns)
    return Panel(title, "table", 24, height, targets, description, form, instant=True)


def _shaded(name: str, least: float) -> dict[str, Any]:
    near = least + (1 - least) / 5  # a fifth of what may be over is left
    steps = [_step(None, _RED), _step(least, "yellow"), _step(near, "green")]
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [
            {"id": "thresholds", "value": {"mode": "absolute", "steps": steps}},
            {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}},
        ],
    }


def text(title: str, markdown: str, height: int = 8, width: int = 24) -> Panel:
    """Make a panel of Markdown."""
    return Panel(title, "text", width, height, form={"options": {"mode": "markdown", "content": markdown}})


def row(title: str, repeat: str = "") -> Panel:
    """Make a heading over the panels that follow, once for each value of a variable if one is named."""
    form: dict[str, Any] = {"collapsed": False, "panels": []}
    return Panel(title, "row", 24, 1, form=form | ({"repeat": repeat} if repeat else {}))
