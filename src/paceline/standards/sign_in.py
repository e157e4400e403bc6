"""What a person writes about a reverse proxy that signs people in: which one is believed, and who may do what.

Owns these keys of `Options`. Off unless written: no header is believed then. Must not check across sections (see
`sign_in_checks`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from paceline.standards.budget import Part
from paceline.standards.faults import Code
from paceline.standards.names import shown
from paceline.standards.scalars import ListOf, wrong
from paceline.standards.serving import Network

__all__ = ["SignInOptions"]

_HEADER_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_OWN = frozenset({"authorization", "cookie", "host", "origin", "content-type", "content-length"})


def _header(name: str) -> str:
    lower = name.lower()
    if not lower or not _HEADER_CHARS.issuperset(lower) or lower in _OWN:
        hint = "Write the name of a header that your proxy sets and never passes on from a browser"
        raise wrong(Code.VALUE_WRONG, f"{shown(name)} is not a header that can name people", hint)
    return lower


Header = Annotated[str, AfterValidator(_header)]


class SignInOptions(Part):
    """A reverse proxy that signs people in, such as oauth2-proxy before an OpenID provider."""

    proxies: ListOf[Network] = Field(
        description="Addresses or networks the proxy connects from; its headers are believed from there only.",
        examples=[["10.0.0.5"]],
    )
    user_header: Header = Field(
        default="x-forwarded-user",
        description="Header with who signed in; the proxy must never pass it on from a browser.",
        examples=["x-forwarded-email"],
    )
    groups_header: Header = Field(
        default="x-forwarded-groups",
        description="Header with their groups, apart by `,` or `|`.",
        examples=["x-forwarded-groups"],
    )
    viewers: ListOf[str] = Field(
        default=[], description="Groups that may read; everybody who signed in if absent.", examples=[["engineering"]]
    )
    owners: dict[str, str] = Field(
        default={}, description="Group -> the team that it may act for.", examples=[{"support-leads": "support"}]
    )
    admins: ListOf[str] = Field(default=[], description="Groups that may do everything.", examples=[["platform"]])
