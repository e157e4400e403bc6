"""The review as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from paceline.governance.review.charts import WIDTH, charts
from paceline.governance.review.document import Review
from paceline.governance.review.sections import legend, sections, title

__all__ = ["render"]

_SHORT: Final = 16


def render(review: Review) -> str:
    """Return the whole page."""
    environment = Environment(
        loader=PackageLoader("paceline.governance.review", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kept"] = _kept_together
    return environment.get_template("review.html.j2").render(
        title=title(review),
        summary=review.summary,
        sections=sections(review),
        charts=charts(review),
        width=WIDTH,
        legend=legend,
    )


def _kept_together(text: str) -> str:
    """Return text whose figures, and which as a whole if it is short, stay on one line."""
    return text.replace(" ", "\u00a0") if len(text) <= _SHORT else text.replace(" %", "\u00a0%")
