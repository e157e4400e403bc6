"""Takeover: gateways follow each other on one listening socket, under load, and nobody is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.installation import PATIENCE_S, Installation, installation, until
from tests.integration.ledger_rows import row, rows
from tests.integration.load import Load


def take_over(at: Installation) -> None:
    """Start a gateway in the running one's place and wait until the old one has left."""
    old = at.processes["gateway"]
    with (at.directory / "gateway.log").open("ab") as log:
        at.processes["gateway"] = subprocess.Popen(
            [sys.executable, "-m", "paceline", "gateway", "--data", str(at.data.path), "--takeover"],
            stdout=log,
            stderr=log,
            env={**os.environ, "TEST_PROVIDER_KEY": "sk-provider-secret"},
        )
    assert old.wait(PATIENCE_S) == 0, at.log("gateway")


def test_gateways_follow_each_other_under_load_and_no_request_fails(tmp_path: Path) -> None:
    with installation(tmp_path) as at:
        key = at.key()
        with Load(at.gateway_port, key) as load:
            load.wait_for(200)
            for _ in range(3):
                take_over(at)
                load.wait_for(200)
        assert (load.broken, load.refused) == ([], [])
        assert at.log("gateway").count("another gateway has taken over") == 3
        row(at, load.delivered[-1])
        until(lambda: set(load.delivered) <= set(rows(at)), "every answer in the ledger")
        assert sorted(each.name for each in at.data.path.glob("journal*")) == ["journal", "journal-2"]
        at.stop()


def test_without_a_gateway_to_take_over_from_it_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paceline", "gateway", "--data", str(tmp_path / "data"), "--takeover"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert "no gateway hands its listener over" in done.stderr
