"""Hidden risks: what goes well today and hides something; a key used by many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_rows import DAY, HOUR, Rows

from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals import KINDS, LOOKS
from paceline.governance.signals.keys import look as look_at_keys
from paceline.governance.signals.risks import look

Find = Callable[..., Signal]
ON, OFF, UNKNOWN = Measured.ON, Measured.OFF, Measured.UNKNOWN
Events = dict[str, int]


def put(rows: Rows, ago: int, n: int, events: Events, use_case: str = "support-chat", **counters: int) -> None:
    rows.put(ago, use_case=use_case, n=n, events={name: (many, 0) for name, many in events.items()}, **counters)


@pytest.mark.parametrize(
    ("kind", "now", "before", "state"),
    [
        ("truncation", (1000, {"cut_by_cap": 45}), (3000, {"cut_by_cap": 30}), ON),
        ("truncation", (1000, {"cut_by_cap": 25}), (3000, {"cut_by_cap": 30}), OFF),
        ("truncation", (1000, {"cut_by_cap": 100}), (3000, {"cut_by_cap": 300}), ON),
        ("truncation", (60, {"cut_by_cap": 2}), (3000, {"cut_by_cap": 30}), UNKNOWN),
        ("cache_repeat", (1000, {"cache_hit": 600, "cache_miss": 300}), (3000, {"cache_miss": 3000}), ON),
        ("cache_repeat", (1000, {"cache_hit": 400, "cache_miss": 500}), (3000, {"cache_miss": 3000}), OFF),
        ("cache_repeat", (900, {"cache_hit": 900}), (3000, {"cache_hit": 600, "cache_miss": 2400}), OFF),
        ("cache_repeat", (50, {"cache_hit": 50}), (3000, {"cache_miss": 3000}), UNKNOWN),
        ("fallback", (1000, {"fallback": 100}), (3000, {}), ON),
        ("fallback", (1000, {"fallback": 80}), (3000, {}), OFF),
        ("fallback", (40, {"fallback": 4}), (3000, {}), UNKNOWN),
        ("retries", (1000, {"retried": 100}), (3000, {}), ON),
        ("retries", (1000, {"retried": 40}), (3000, {}), OFF),
        ("retries", (60, {"retried": 5}), (3000, {}), UNKNOWN),
        ("hedges", (1000, {"hedged": 50}), (3000, {}), ON),
        ("hedges", (1000, {"hedged": 35}), (3000, {}), OFF),
        ("hedges", (20, {"hedged": 1}), (3000, {}), UNKNOWN),
    ],
)
def test_a_share_is_on_off_or_unknown(
    rows: Rows, find: Find, *, kind: str, now: tuple[int, Events], before: tuple[int, Events], state: Measured
) -> None:
    put(rows, HOUR, *now)
    put(rows, 3 * DAY, *before)
    found = find(look, kind)
    assert (found.state, found.use_case) == (state, "support-chat")
    assert bool(found.next_step) is (state is ON)
    assert " %" in found.what


def test_failures_that_show_are_not_hidden_by_retries(rows: Rows, find: Find) -> None:
    put(rows, HOUR, 1000, {"retried": 200}, n_ok=950, n_provider_error=50)
    assert find(look, "retries").state is OFF


def test_hedges_are_judged_by_their_cost_too(rows: Rows, find: Find) -> None:
    rows.put(HOUR, n=1000, events={"hedged": (15, 40_000)}, cost_nanousd=1_000_000)
    found = find(look, "hedges")
    assert found.state is ON
    assert "at 4 % of the cost, 2 % allowed" in found.what


@pytest.mark.parametrize(
    ("now", "n", "before", "state"), [(100, 1000, 30, ON), (25, 1000, 30, OFF), (30, 60, 30, UNKNOWN)]
)
def test_models_outside_the_standards_that_creep_in(
    rows: Rows, find: Find, *, now: int, n: int, before: int, state: Measured
) -> None:
    put(rows, HOUR, n, {}, n_off_standard=now)
    put(rows, 3 * DAY, 3000, {}, n_off_standard=before)
    found = find(look, "off_standard")
    assert found.state is state
    if state is ON:
        assert found.what == "10 % of requests is for models outside the standards in the last day, 1 % before"


def test_where_prompts_may_repeat_nobody_is_told(rows: Rows, find: Find) -> None:
    put(rows, HOUR, 1000, {"cache_hit": 900, "cache_miss": 100}, "digest")
    put(rows, 3 * DAY, 3000, {"cache_miss": 3000}, "digest")
    assert find(look, "cache_repeat") is None
    assert find(look, "hedges") is None, "it has none"


def test_old_traffic_is_no_subject(rows: Rows, find: Find) -> None:
    put(rows, 3 * DAY, 3000, {"fallback": 3000})
    assert find(look, "fallback") is None


def test_a_key_used_by_many_services_is_named_with_them(rows: Rows, find: Find) -> None:
    for service, n in (("a", 9), ("b", 7), ("c", 5), ("d", 3)):
        rows.used(2 * HOUR, "k_shared01", service, n)
    rows.used(3 * HOUR, "k_two", "a", 5)
    rows.used(3 * HOUR, "k_two", "b", 5)
    found = find(look_at_keys, "shared_key", service="a", measure="k_shared01")
    assert found.state is ON
    assert found.what == "key k_shared01 is used by 4 services in the last day"
    assert found.changed == ("they are a, b, c, d",)
    assert find(look_at_keys, "shared_key", service="a", measure="k_two").state is OFF


def test_a_service_that_tried_once_does_not_count(rows: Rows, find: Find) -> None:
    for service, n in (("a", 9), ("b", 7), ("c", 5), ("d", 2)):
        rows.used(2 * HOUR, "k_near", service, n)
    rows.used(2 * DAY, "k_near", "e", 5)
    assert find(look_at_keys, "shared_key", service="a").state is OFF


def test_a_key_at_rest_is_unknown_and_a_revoked_one_off(rows: Rows, find: Find) -> None:
    made = rows.ledger.keys.create(service="helpdesk")
    assert find(look_at_keys, "shared_key", measure=made.id).state is UNKNOWN
    rows.ledger.keys.revoke(made.id)
    assert find(look_at_keys, "shared_key", measure=made.id).state is OFF


def test_of_very_many_requests_a_sample_is_read(rows: Rows) -> None:
    rows.used(HOUR, "k_busy", "a", 12)
    (use,) = rows.ledger.totals.keys(1_795_435_200 - DAY, 1_795_435_200, most=5)
    assert (use.key, use.service, use.n) == ("k_busy", "a", 5)


def test_an_empty_ledger_has_no_subjects_but_budgets(rows: Rows) -> None:
    from ledger_rows import NOW
    from standards_file import standards

    found = [signal for each in LOOKS for signal in each(rows.ledger, standards(), NOW)]
    assert [(signal.kind, signal.service, signal.state) for signal in found] == [("spend", "helpdesk", UNKNOWN)]
    assert {signal.kind for signal in found} <= KINDS.keys()
