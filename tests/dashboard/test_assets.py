"""What browsers fetch: vendored files are those of their releases, with their licences; addresses carry versions."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

import paceline.dashboard
from paceline.dashboard.assets import address_of, assets

VENDOR = Path(paceline.dashboard.__file__).parent / "static" / "vendor"


def test_vendored_files_are_those_that_were_taken_over() -> None:
    listed = dict(line.split()[::-1] for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    present = {path.name for path in VENDOR.iterdir()} - {"SHA256SUMS"}
    assert listed.keys() == present
    assert {name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name in present} == listed


def test_each_vendored_file_has_its_release_in_its_name_and_its_licence_beside_it() -> None:
    for path in VENDOR.glob("*.min.*"):
        name, version = path.name.split(".min.")[0].rsplit("-", 1)
        assert version.count(".") == 2
        assert (VENDOR / f"{name}-LICENSE.txt").read_text().strip()


def test_every_file_is_served_under_a_name_that_changes_with_it() -> None:
    own = [name for name in assets() if not (VENDOR / name).exists()]
    assert sorted(name.rpartition(".")[2] for name in own) == ["css", "js", "svg"]
    for name in own:
        assert hashlib.sha256(assets()[name].body).hexdigest()[:8] in name
    assert address_of("paceline.css") in {f"/static/{name}" for name in own}
    assert address_of("htmx-2.0.10.min.js") == "/static/htmx-2.0.10.min.js"
    with pytest.raises(KeyError):
        address_of("nothing.css")


def test_compressed_they_are_the_same() -> None:
    assert all(gzip.decompress(each.compressed) == each.body for each in assets().values())


def test_our_own_fetch_nothing_from_elsewhere_and_evaluate_nothing() -> None:
    for name in ("paceline.css", "paceline.js"):
        text = assets()[address_of(name).removeprefix("/static/")].body.decode()
        assert "http" not in text
        assert "eval(" not in text
        assert "innerHTML" not in text
