"""A tag in a base URL's path (`/t/SERVICE/USE-CASE/v1`) says for whom a call is, as one in a header does."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from paceline.lint.sites import Fact, State


def by_address(address: Fact, left_open: Fact) -> Fact:
    """Let a client's base URL decide about a tag that neither call nor client has."""
    if address.state is State.NO:
        return left_open
    if isinstance(address.value, str):
        tagged = urlsplit(address.value).path.startswith("/t/")
        return replace(left_open, state=State.YES, because="the base URL's path") if tagged else left_open
    return replace(left_open, state=State.UNKNOWN, because="the base URL may hold it")
