"""Checks of signing in across sections: a proxy that is somebody, teams that exist."""

from __future__ import annotations

from ipaddress import ip_network

from paceline.standards.context import Context
from paceline.standards.faults import Code

__all__ = ["check_sign_in"]


def check_sign_in(context: Context) -> None:
    """Note proxies that are anybody, and teams that are not there."""
    written = context.options.sign_in
    if written is None:
        return
    if not written.proxies and not context.touched("sign_in", "proxies"):
        hint = "Add `proxies: [ADDRESS]`, the address your proxy connects from"
        context.note(Code.VALUE_WRONG, ("sign_in",), "no proxy is named, so nobody would be believed", hint)
    for index, network in enumerate(written.proxies):
        if ip_network(network).prefixlen == 0:
            hint = "Name the proxy's own address, such as `10.0.0.5`"
            path = ("sign_in", "proxies", index)
            context.note(Code.VALUE_WRONG, path, f"`{network}` is everybody: anyone could say who they are", hint)
    for group, team in written.owners.items():
        context.refer(Code.TEAM_UNKNOWN, "teams", team, ("sign_in", "owners", group), "team")
