"""TLS as a client of our own gateway: which certificate to trust, and the name that it is for."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from paceline.gateway.address import Address

TIMEOUT_S = 5.0


def any_context(certificate: Path | None) -> ssl.SSLContext:
    """Trust what the system trusts, and our own certificate where it is for the name in use."""
    context = ssl.create_default_context()
    if certificate is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(certificate)
    return context


def own_context(certificate: Path) -> ssl.SSLContext:
    """Trust exactly this certificate, by whatever name it is reached."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is pinned, and we come by a local address
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


def url_on_certificate(listen: Address, certificate: Path) -> str:
    """Return the URL by which callers reach a running gateway and its certificate holds."""
    here = listen.reachable
    try:
        with (
            socket.create_connection(here, TIMEOUT_S) as plain,
            own_context(certificate).wrap_socket(plain) as secure,
        ):
            names = names_of(secure.getpeercert() or {})
    except OSError:
        names = []
    if any(_is_address(name, here.host) for name in names):
        return f"https://{here}"
    if here.is_loopback and "localhost" in names:
        return f"https://localhost:{here.port}"
    usable = [name for name in names if not name.startswith("*") and not _is_ip(name)]
    return f"https://{usable[0]}:{here.port}" if usable else f"https://{here}"


def names_of(certificate: Any) -> list[str]:
    """Return the names of a certificate as Python's ssl module presents it."""
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in {"DNS", "IP Address"}]
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    return names or [value for kind, value in subject if kind == "commonName"]


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_address(name: str, host: str) -> bool:
    return _is_ip(name) and _is_ip(host) and ip_address(name) == ip_address(host)
