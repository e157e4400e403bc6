"""A tag in a base URL's path (`/t/SERVICE/USE-CASE/v1`) says for whom a call is, as one in a header does."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from paceline.lint.sites import Fact, State

IN_ADDRESS = "the base URL's path"


def by_address(address: Fact, left_open: Fact) -> Fact:
    """Let a client's base URL decide about a tag that neither call nor client has; the value is `SERVICE/USE-CASE`."""
    if address.state is State.NO:
        return left_open
    if isinstance(address.value, str):
        parts = urlsplit(address.value).path.split("/")
        if parts[:2] != ["", "t"]:
            return left_open
        return replace(left_open, state=State.YES, because=IN_ADDRESS, value="/".join(parts[2:4]))
    return replace(left_open, state=State.UNKNOWN, because="the base URL may hold it")
