"""The JSON of a whole dashboard: places of panels, variables, links between the boards, marks of new plans.

Uids are stable, so that importing again replaces a board and links from elsewhere stay. Must not know metrics beyond
the plan's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from paceline.exports.grafana.panels import SOURCE, Panel

__all__ = ["Variable", "dashboard", "uid"]

_COLUMNS: Final = 24
_SCHEMA: Final = 39


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice on top of the board: the values of a label."""

    label: str
    series: str
    """The selector whose label it is."""
    is_multiple: bool = True

    def as_json(self) -> dict[str, Any]:
        """Write it."""
        query = f"label_values({self.series}, {self.label})"
        return {
            "name": self.label,
            "label": self.label.replace("_", " "),
            "type": "query",
            "datasource": SOURCE,
            "definition": query,
            "query": {"query": query, "refId": "labels"},
            "refresh": 2,
            "sort": 1,
            "multi": self.is_multiple,
            "includeAll": self.is_multiple,
            "current": {"text": ["All"], "value": ["$__all"]} if self.is_multiple else {},
        }


def uid(name: str) -> str:
    """Return a board's uid."""
    return f"paceline-{name}"


def dashboard(
    name: str, title: str, panels: Iterable[Panel], variables: Iterable[Variable] = (), link: str | None = None
) -> dict[str, Any]:
    """Write a board. `link` is where people reach paceline's own dashboard."""
    source = {"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus", "current": {}}
    return {
        "id": None,
        "uid": uid(name),
        "title": title,
        "description": "Made by `paceline export grafana` from the standards; change those, not this board.",
        "tags": ["paceline"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [source, *(variable.as_json() for variable in variables)]},
        "annotations": {"list": [_plans()]},
        "links": list(_links(link)),
        "panels": list(_placed(panels)),
    }


def _placed(panels: Iterable[Panel]) -> Iterator[dict[str, Any]]:
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _COLUMNS:
            x, y, height = 0, y + height, 0
        yield panel.as_json(number, x, y)
        x, height = x + panel.width, max(height, panel.height)


def _plans() -> dict[str, Any]:
    return {
        "name": "New plan",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": "sum(increase(paceline_plans_accepted_total[$__rate_interval])) > 0",
        "step": "60s",
        "titleFormat": "New plan in force",
    }


def _links(link: str | None) -> Iterator[dict[str, Any]]:
    yield {
        "title": "paceline",
        "type": "dashboards",
        "tags": ["paceline"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
    if link:
        yield {
            "title": "paceline's own dashboard",
            "type": "link",
            "url": link,
            "tags": [],
            "asDropdown": False,
            "includeVars": False,
            "keepTime": False,
            "targetBlank": True,
            "icon": "dashboard",
            "tooltip": "Incidents, waivers, budgets and everything that metrics do not hold.",
        }
