"""kill -9 of either process under load: what was answered is in the ledger, once; what was in flight is `lost`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.integration.installation import Installation, installation, until
from tests.integration.ledger_rows import require_agreement, rows
from tests.integration.load import Load

# The smallest there are: 127 records each, so that they roll, seal and go while the test runs.
SEGMENTS = "gateway: {journal: {segment_bytes: 64KiB, sync: 50ms}}\n"


def start(at: Installation) -> str:
    """Start the gateway after the first plan, whose segment size it reads at its start; return a key."""
    until(at.data.plan.exists, "the first plan")
    at.start("gateway")
    return at.key()


def segments(at: Installation) -> list[int]:
    """Return the numbers of the journal segments on disk."""
    return sorted(int(path.stem.removeprefix("segment-"), 16) for path in at.data.journal.glob("segment-*.jnl"))


def settle(at: Installation, load: Load) -> None:
    """Wait until the ledger has every delivered answer, then stop both processes in order."""
    until(lambda: set(load.delivered) <= rows(at).keys(), "every delivered answer in the ledger")
    at.stop("gateway", "control")
    assert len(set(load.delivered)) == len(load.delivered)


@pytest.mark.slow
def test_a_killed_gateway_loses_nothing_it_answered(tmp_path: Path) -> None:
    chance = random.Random(1)
    rounds = 4
    with installation(tmp_path, "sim", "control", extra=SEGMENTS) as at:
        key = start(at)
        with Load(at.gateway_port, key) as load:
            for _ in range(rounds):
                load.wait_for(chance.randint(150, 250))
                at.kill("gateway")
                at.start("gateway")
            load.wait_for(50)
        settle(at, load)
        found = rows(at)
        assert not load.refused
        answered = [found[name]["outcome"] for name in load.delivered]
        assert set(answered) == {"ok"}
        # What else there is was in flight at a kill: lost, or complete in the journal but not yet with its caller.
        others = {name: row for name, row in found.items() if name not in set(load.delivered)}
        others = {name: row for name, row in others.items() if row["api"] == "chat"}
        assert len(others) <= len(load.broken)
        assert {row["outcome"] for row in others.values()} <= {"lost", "ok"}
        lost = [row for row in others.values() if row["outcome"] == "lost"]
        assert lost, "no request was in flight at any kill: the test shows nothing"
        assert {row["token_source"] for row in lost} == {"estimated"}
        assert {name for name in load.broken if name} <= others.keys()
        require_agreement(at)
        assert segments(at)[-1] >= 2 * rounds, "segments rolled"
        assert len(segments(at)) <= 3, "segments in the ledger are deleted"


@pytest.mark.slow
def test_a_killed_control_process_is_never_noticed_and_counts_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(2)
    with installation(tmp_path, "sim", "control", extra=SEGMENTS) as at:
        key = start(at)
        with Load(at.gateway_port, key, callers=6) as load:
            for _ in range(4):
                load.wait_for(chance.randint(100, 300))
                at.kill("control")
                load.wait_for(chance.randint(1, 200))
                at.start("control")
        assert not load.broken
        assert not load.refused
        settle(at, load)
        calls = {name for name, row in rows(at).items() if row["api"] == "chat"}
        assert calls == set(load.delivered)
        require_agreement(at)
        assert segments(at)[-1] > 5, "segments rolled"
        assert len(segments(at)) <= 2, "segments in the ledger are deleted"
