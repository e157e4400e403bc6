"""Which name of a certificate callers are told to use, with real certificates on a real TLS listener."""

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from paceline.gateway.address import Address
from paceline.gateway.tls import url_on_certificate

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program")


def certificate(directory: Path, subject: str, names: str) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "tls.key", "-out", "tls.crt", "-subj", f"/CN={subject}", "-days", "2"]
    command += ["-addext", f"subjectAltName={names}"] if names else []
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return directory / "tls.crt"


def url(directory: Path, shown: Path, trusted: Path) -> str:
    """Serve one handshake with `shown` and return the URL, `PORT` for the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, directory / "tls.key")

    def shake_hands(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = threading.Thread(target=shake_hands, args=(listener,))
        serving.start()
        try:
            return url_on_certificate(Address("0.0.0.0", port), trusted).replace(str(port), "PORT")  # noqa: S104
        finally:
            serving.join()


@pytest.mark.parametrize(
    ("subject", "names", "wanted"),
    [
        ("localhost", "", "https://localhost:PORT"),
        ("localhost", "DNS:localhost,IP:127.0.0.1", "https://127.0.0.1:PORT"),
        ("ignored", "DNS:*.example.com,DNS:llm.example.com,IP:10.0.0.1", "https://llm.example.com:PORT"),
        ("ignored", "DNS:*.example.com", "https://127.0.0.1:PORT"),
    ],
)
def test_the_url_has_a_name_that_the_certificate_is_for(tmp_path: Path, subject: str, names: str, wanted: str) -> None:
    shown = certificate(tmp_path, subject, names)
    assert url(tmp_path, shown, shown) == wanted


def test_names_of_a_certificate_that_is_not_ours_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other", "localhost", "")
    shown = certificate(tmp_path, "llm.example.com", "")
    assert url(tmp_path, shown, other) == "https://127.0.0.1:PORT"
