"""The review in short, as plain text: for a chat message, or a mail that has the whole page attached."""

from __future__ import annotations

from typing import Final

from paceline.governance.review.document import Review
from paceline.governance.review.sections import title

__all__ = ["brief"]

_MOST: Final = 10


def brief(review: Review) -> tuple[str, str]:
    """Return the title and a text: the summary and what is to be done. Escaping is the sender's business."""
    lines = list(review.summary)
    if review.actions:
        lines += ["", "To do:"]
        lines += [f"- {one.text} ({one.owner or 'nobody'})" for one in review.actions[:_MOST]]
    if len(review.actions) > _MOST:
        lines.append(f"- and {len(review.actions) - _MOST} more")
    return title(review), "\n".join(lines)
