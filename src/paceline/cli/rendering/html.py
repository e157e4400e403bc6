"""The report as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from paceline.cli.rendering import cells


def render(document: Mapping[str, Any]) -> str:
    """Return the whole page."""
    environment = Environment(
        loader=PackageLoader("paceline.cli.rendering", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = cells.services(document)
    return environment.get_template("report.html.j2").render(
        rows=rows,
        window=cells.window(document),
        overhead=cells.overhead(document),
        legend=cells.legend(rows),
        caps=cells.caps(document),
    )
