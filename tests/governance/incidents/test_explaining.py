"""What explains a breach, from a real journal: a slow deployment, other work, what happened before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.journal_files import Record, write_segment

from paceline.governance.incidents.explaining import explain, likely_reason
from paceline.governance.incidents.states import Reason
from paceline.ledger import Ledger, open_ledger
from paceline.ledger.events import Event
from paceline.ledger.incidents import LimitKey

NOON = 1_795_435_200
LIMIT = LimitKey("helpdesk", "support-chat", "total_ms", "p95")


def calls(hours: range, *, slow: float = 1.0, tokens: int = 200, a_minute: int = 2) -> Iterator[Record]:
    """Steady calls to two deployments, of which the first takes `slow` times as long."""
    for hour in hours:
        for second in range(0, 3600, 60 // a_minute):
            at = NOON + hour * 3600 + second
            is_first = second // (60 // a_minute) % 2 == 0
            total = (900 + second % 97 * 3) * (slow if is_first else 1.0) * (1 + tokens / 2_000)
            yield Record(
                at - NOON + 1_000_000,
                float(at),
                deployment=f"sim/{'first' if is_first else 'second'}",
                total_ms=total,
                tokens=(tokens, 0, 0, 50, 0),
            )


def stored(folder: Path, *records: Iterator[Record]) -> Ledger:
    made = [record for part in records for record in part]
    write_segment(folder / "journal", 1, made)
    ledger = open_ledger(folder)
    ledger.ingest(folder / "journal")
    return ledger


def test_a_slow_deployment_is_named_first(tmp_path: Path) -> None:
    with stored(tmp_path, calls(range(-12, 0)), calls(range(2), slow=1.4)) as ledger:
        found = explain(ledger, LIMIT, NOON, NOON + 7200)
    assert found.provider == "sim"
    assert found.changed[0] == "deployment sim/first is +40% slower on the same work, others +0%"
    assert found.changed[1].startswith("the same work is slower (+")
    assert found.parts is not None
    assert found.parts.own > 1.2


def test_longer_prompts_are_the_mix(tmp_path: Path) -> None:
    with stored(tmp_path, calls(range(-12, 0)), calls(range(2), tokens=2_500)) as ledger:
        found = explain(ledger, LIMIT, NOON, NOON + 7200)
    assert found.changed[0].startswith("other work came: the mix alone makes the p95 higher")
    assert "prompts are longer: 200 to 2,500 tokens" in found.changed[1]


def test_nothing_changed_is_nothing_said(tmp_path: Path) -> None:
    with stored(tmp_path, calls(range(-12, 2))) as ledger:
        assert explain(ledger, LIMIT, NOON, NOON + 7200).changed == ()


def test_with_few_requests_only_what_happened_is_said(tmp_path: Path) -> None:
    with stored(tmp_path, calls(range(1), a_minute=1)) as ledger:
        for minutes, kind, service, provider in (
            (-200, "deploy", "helpdesk", ""),
            (-5, "deploy", "helpdesk", ""),
            (-4, "deploy", "editor", ""),
            (2, "outage", "", "sim"),
            (3, "outage", "", "other"),
            (-30, "plan", "", ""),
        ):
            ledger.events.add(Event((NOON + minutes * 60) * 1_000_000, kind, f"{kind} {minutes}", service, provider))
        found = explain(ledger, LIMIT, NOON, NOON + 3600)
    assert found.changed == (
        "outage 2 minutes after: outage 2",
        "deploy 5 minutes before: deploy -5",
        "plan 30 minutes before: plan -30",
    )
    assert found.parts is None


@pytest.mark.parametrize("began", [NOON + 7000, NOON + 6000])
def test_what_just_began_is_explained_by_the_last_half_hour(tmp_path: Path, began: int) -> None:
    late = (record for record in calls(range(2), slow=1.6, a_minute=6) if record.start_s >= NOON + 5400)
    early = (record for record in calls(range(-12, 2)) if record.start_s < NOON + 5400)
    with stored(tmp_path, early, late) as ledger:
        assert explain(ledger, LIMIT, began, NOON + 7200).changed[0].startswith("deployment sim/first is +")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("deploy 5 minutes before: build 41", "prompts are longer: 1 to 2"), Reason.DEPLOY),
        (("deployment sim/a is +30% slower on the same work, others +0%",), Reason.PROVIDER),
        (("deployment sim/a has 90% of the requests, and had 10%",), Reason.MODEL),
        (("the same work is slower (+20%)", "cache hits fell from 30% to 10% of the requests"), Reason.CACHE),
        (("other work came: the mix alone makes the p95 higher (+30%)",), Reason.MIX),
        (("the same work is slower (+20%)",), Reason.UNKNOWN),
        ((), Reason.UNKNOWN),
    ],
)
def test_the_most_telling_sentence_stands_for_a_reason(changed: tuple[str, ...], reason: Reason) -> None:
    assert likely_reason(changed) is reason
