"""Listen addresses as people write them: `HOST:PORT`."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import NamedTuple


class AddressError(ValueError):
    """Text that is not `HOST:PORT`."""


class Address(NamedTuple):
    """Where a process listens."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Address:
        """Read `127.0.0.1:4100`, `:4100` and `localhost:4100` (the same), `4100` or `[::1]:4100`."""
        host, _, port = text.rpartition(":")
        host = "" if host == "localhost" else host  # one address, not whatever the name resolves to
        if not port.isdecimal() or not 0 <= int(port) <= 65535:
            raise AddressError(f"{text!r} is not HOST:PORT")
        return cls(host.strip("[]") or "127.0.0.1", int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:  # a name, such as 127.0.0.1.example.com, which may lead anywhere
            return False

    @property
    def reachable(self) -> Address:
        """The same, as one connects to it: a wildcard becomes loopback."""
        return Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host), self.port)  # noqa: S104

    @property
    def url(self) -> str:
        """`http://HOST:PORT`, to connect to."""
        return f"http://{self.reachable}"

    def bind(self) -> socket.socket:
        """Return a socket bound to this address, not listening yet; raises `OSError`."""
        bound = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, self.port))
        except BaseException:
            bound.close()
            raise
        return bound

    def is_free(self) -> bool:
        """Try to bind; True when that works."""
        try:
            self.bind().close()
        except OSError:
            return False
        return True

    def or_free(self) -> Address:
        """Return this address if it is free, else one on a free port of the same host."""
        if self.is_free():
            return self
        with Address(self.host, 0).bind() as probe:
            return Address(self.host, probe.getsockname()[1])
