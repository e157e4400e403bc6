"""Traffic rules from the standards file to the report: what the cache saved, and the money that limits start from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.installation import Installation, installation, until
from tests.integration.ledger_rows import row, rows
from tests.integration.metered import CHAT, PRICES, SIM, STANDARDS, Call
from tests.integration.test_ledger_flow import paceline, row_of

from paceline.ledger.spending import KINDS

TALK = [{"role": "user", "content": "Which colour is the sky?"}]
# Sixteen tokens of fixed length, so that every answer costs the same.
SIZE = {"x-sim-output-tokens": "16"}
CACHED = STANDARDS.replace("hasty: {{class: chat,", "hasty: {{class: chat, cache: 1h,")


def ask(at: Installation, key: str, **more: Any) -> Call:
    """Make one call."""
    return Call(CHAT, {"model": "auto", "messages": TALK, **more}, SIZE).make(at, key)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose use case `hasty` has a cache."""
    assert CACHED != STANDARDS
    with installation(tmp_path_factory.mktemp("traffic"), standards_text=CACHED, sim_options=SIM) as at:
        yield at


def test_an_equal_call_is_answered_from_the_cache_and_the_report_says_what_that_saved(served: Installation) -> None:
    key = served.key("hurry", "hasty")
    first = ask(served, key, temperature=0, max_tokens=40)
    again = [ask(served, key, temperature=0, max_tokens=40) for _ in range(3)]
    warm = ask(served, key, temperature=0.7, max_tokens=40)
    paid = row(served, first.id)
    assert (paid["cache"], paid["lane"], paid["other_cost_nanousd"]) == ("miss", "interactive", 0)
    for call in again:
        hit = row(served, call.id)
        assert (hit["outcome"], hit["cache"], hit["cost_nanousd"]) == ("ok", "hit", 0)
        assert (hit["default_cost_nanousd"], hit["attempts"]) == (paid["cost_nanousd"], 0)
    assert row(served, warm.id)["cache"] == "none"
    document = row_of(paceline(served, "report"), "hurry")
    cache = document["traffic"]["cache"]
    assert (cache["hit"], cache["miss"], cache["share"]) == (3, 1, 0.75)
    assert cache["saved_usd"] == pytest.approx(3 * paid["cost_nanousd"] / 1e9)
    assert document["cost_coverage"] == 1.0
    assert document["tokens"]["requests_counted"] == 2, "an answer from the cache has no tokens of its own"


def test_the_money_that_limits_start_from_is_the_records_own(served: Installation) -> None:
    keys = {service: served.key(service, "support-chat") for service in ("helpdesk", "strict")}
    for key in keys.values():
        for _ in range(4):
            row(served, ask(served, key, max_tokens=40).id)
    known = rows(served).values()

    def told() -> dict[tuple[str, str], int]:
        content = json.loads(served.data.spent.read_bytes())
        return {(one["kind"], one["name"]): one["month_nanousd"] for one in content["totals"]}

    wanted: dict[tuple[str, str], int] = {}
    for one in known:
        owner = "support" if one["service"] else ""
        names = (one["key_id"], one["service"], one["use_case"], owner, one["deployment"])
        spent = max(one["cost_nanousd"] or 0, 0) + one["other_cost_nanousd"]
        for subject in zip(KINDS, names, strict=True):
            if spent and subject[1]:
                wanted[subject] = wanted.get(subject, 0) + spent
    assert wanted["service", "helpdesk"] > 0
    until(lambda: told() == wanted, "the file to follow the ledger")
    content = json.loads(served.data.spent.read_bytes())
    assert [one["gateway"] for one in content["positions"]] == [identity(served.data.journal)]
    expected = PRICES["openai"]["output"] * 16 / 1e6 * 1e9 * 8
    assert wanted["service", "helpdesk"] + wanted["service", "strict"] >= expected


def identity(journal: Path) -> str:
    """The gateway's id as its journal keeps it."""
    return (journal / "gateway").read_text().strip()
