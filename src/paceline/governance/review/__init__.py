"""The operational review: what happened in a week or a month, who answers for it, and what follows.

`gather` finds it out, `sections` says it in tables; Markdown, HTML and JSON say the same. It decides nothing.
"""

import json

from paceline.governance.review.brief import brief
from paceline.governance.review.document import Review
from paceline.governance.review.gathering import gather, write_review
from paceline.governance.review.period import Period, Span, span_ending

__all__ = ["FORMATS", "Period", "Review", "Span", "brief", "gather", "rendered", "span_ending", "write_review"]

FORMATS = ("markdown", "html", "json")
"""What `rendered` can write."""


def rendered(review: Review, form: str) -> str:
    """Return the review as one of `FORMATS`: the same bytes for the same review."""
    if form == "json":
        return json.dumps(review.document(), indent=2, ensure_ascii=False) + "\n"
    if form == "html":
        from paceline.governance.review import html

        return html.render(review) + "\n"
    from paceline.governance.review import markdown

    return markdown.render(review)
