"""What can go wrong on the way of an alert. No message quotes a webhook's address, a key or what a server answered."""

from __future__ import annotations

__all__ = ["GovernanceError", "NotSentError"]


class GovernanceError(Exception):
    """The root of what governance raises."""


class NotSentError(GovernanceError):
    """An alert did not arrive.

    `again` tells whether trying later can help; `after_s` is when the receiver asked to be tried again, in seconds.
    """

    def __init__(self, reason: str, *, again: bool, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.after_s = after_s
