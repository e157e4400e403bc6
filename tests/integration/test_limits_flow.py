"""Limits of a key on real processes: refused with the code and the time, counted in the report, exact over a kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.installation import Installation, installation, until
from tests.integration.ledger_rows import row
from tests.integration.metered import CHAT, PRICES, SIM, STANDARDS, Call
from tests.integration.test_ledger_flow import paceline, row_of

TALK = [{"role": "user", "content": "Count to three, please"}]
# What every answer costs at least: its output alone.
OUTPUT_USD = PRICES["openai"]["output"] * 16 / 1e6


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of its own."""
    with installation(tmp_path_factory.mktemp("limits"), standards_text=STANDARDS, sim_options=SIM) as at:
        yield at


def ask(at: Installation, key: str) -> Call:
    """Make one call, small and of fixed size."""
    body = {"model": "auto", "messages": TALK, "max_tokens": 16}
    return Call(CHAT, body, {"x-sim-output-tokens": "16"}).make(at, key)


def test_requests_past_the_limit_are_refused_and_counted(served: Installation) -> None:
    key = served.key("strict", "support-chat", limits={"requests_per_minute": 4})
    made = [ask(served, key) for _ in range(6)]
    statuses = [call.status for call in made]
    assert statuses.count(200) >= 3
    refused = [call for call in made if call.status == 429]
    assert refused, statuses
    for call in refused:
        found = row(served, call.id)
        assert (found["outcome"], found["code"], found["cost_nanousd"]) == ("refused", 601, 0)
        assert b"requests_per_minute" in call.received
    document = row_of(paceline(served, "report"), "strict")
    assert document["traffic"]["refused"] == {"requests_per_minute": len(refused)}


def test_money_spent_before_a_kill_is_spent_after_it(served: Installation) -> None:
    key = served.key("helpdesk", "support-chat", limits={"usd_per_day": 6 * OUTPUT_USD})
    while (call := ask(served, key)).status == 200:
        row(served, call.id)
    assert call.status == 429
    assert row(served, call.id)["code"] == 604
    served.kill("gateway")
    served.start("gateway")
    until(lambda: served.knows(key), "the gateway to know the key again")
    again = ask(served, key)
    assert again.status == 429, again.received
    assert row(served, again.id)["code"] == 604
