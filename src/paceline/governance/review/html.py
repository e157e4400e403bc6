"""The review as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from paceline.governance.review.charts import WIDTH, charts
from paceline.governance.review.document import Review
from paceline.governance.review.sections import legend, sections, title

__all__ = ["render"]


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
    """Return text in which a figure and its percent sign stay on one line."""
    return text.replace(" %", "\u00a0%")
