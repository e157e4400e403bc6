"""The data directory: where things are and who may read them."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from paceline.gateway.address import Address, AddressError
from paceline.gateway.data_dir import DataDir


def test_a_private_file_is_replaced_whole_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.write_private(data.plan, b"one")
    data.write_private(data.plan, b"two")
    assert data.plan.read_bytes() == b"two"
    assert stat.S_IMODE(data.plan.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
    assert [path.name for path in data.path.iterdir()] == ["plan.json"]


def test_the_socket_lies_in_the_directory_unless_its_path_would_be_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")
    near = DataDir(Path("/x"))
    assert near.socket == Path("/x/gateway.sock")
    far = DataDir(tmp_path / ("d" * 100))
    digest = hashlib.sha256(os.fsencode(far.path)).hexdigest()[:16]
    assert far.socket == Path(f"/tmp/paceline-{digest}.sock")


@pytest.mark.parametrize(
    ("text", "address", "url", "loopback"),
    [
        ("127.0.0.1:4100", Address("127.0.0.1", 4100), "http://127.0.0.1:4100", True),
        (":4100", Address("127.0.0.1", 4100), "http://127.0.0.1:4100", True),
        ("4100", Address("127.0.0.1", 4100), "http://127.0.0.1:4100", True),
        ("0.0.0.0:80", Address("0.0.0.0", 80), "http://127.0.0.1:80", False),  # noqa: S104
        ("[::1]:4100", Address("::1", 4100), "http://[::1]:4100", True),
        ("localhost:1", Address("127.0.0.1", 1), "http://127.0.0.1:1", True),
    ],
)
def test_addresses_are_read(text: str, address: Address, url: str, loopback: bool) -> None:
    read = Address.read(text)
    assert (read, read.url, read.is_loopback) == (address, url, loopback)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:99999", "host:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        Address.read(text)


def test_a_taken_port_is_seen_and_another_found() -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = Address("127.0.0.1", holder.getsockname()[1])
        assert not taken.is_free()
        other = taken.or_free()
        assert other != taken
        assert other.is_free()
