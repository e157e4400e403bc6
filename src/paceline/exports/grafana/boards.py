"""Which boards there are, and each one's text."""

from __future__ import annotations

import json
from typing import Any, Final

from paceline.exports.grafana.board import dashboard
from paceline.exports.grafana.machinery import MODEL_VARIABLES, gateway, models
from paceline.exports.grafana.services import OVERVIEW_VARIABLES, SERVICE_VARIABLES, overview, service
from paceline.standards import Standards

__all__ = ["BOARDS", "board", "board_text"]

BOARDS: Final = ("overview", "service", "models", "gateway")
"""The boards by name; a uid is `paceline-NAME`."""


def board(name: str, standards: Standards, link: str | None = None) -> dict[str, Any]:
    """Make a board; `link` is where people reach paceline's own dashboard, the standards' if None."""
    link = link or standards.options.alerting.link
    if name == "overview":
        return dashboard(name, "paceline: overview", overview(standards, link), OVERVIEW_VARIABLES, link)
    if name == "service":
        return dashboard(name, "paceline: service", service(standards), SERVICE_VARIABLES, link)
    if name == "models":
        return dashboard(name, "paceline: models and deployments", models(), MODEL_VARIABLES, link)
    return dashboard("gateway", "paceline: gateway", gateway(), (), link)


def board_text(name: str, standards: Standards, link: str | None = None) -> str:
    """Write a board as the JSON that Grafana imports."""
    return json.dumps(board(name, standards, link), indent=2, ensure_ascii=False) + "\n"
