"""Figures, verdicts and the JSON form of the report, from records that really went through ingest."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.journal_files import (
    CALLER_ERROR,
    CANCELLED,
    OK,
    PROVIDER_ERROR,
    REFUSED,
    Record,
    mask,
    write_segment,
)

from paceline.ledger import Ledger, State
from paceline.ledger.verdict import Limit, judge
from paceline.standards import Plan

START = 1_000_000_020.0
END = START + 600
TTFT_P95 = ("ttft_ms", "p95")
ERRORS = ("error_share", "mean")
_SEQUENCE = count(1)  # a journal never uses a sequence number twice


def plan(limits: Iterable[tuple[str, str, float]] = (("ttft_ms", "p95", 1000.0),), *, salt: str = "") -> Plan:
    document: dict[str, Any] = {
        "organisation": "Acme",
        "use_cases": [
            {
                "name": "support-chat",
                "limits": [{"metric": metric, "percentile": at, "value": value} for metric, at, value in limits],
            }
        ],
        "services": [{"name": "helpdesk", "owner": "support", "use_cases": ["support-chat"]}],
        "keys": [{"id": "k_1", "sha256": "00"}],
    }
    return Plan({**document, "hash": hashlib.sha256((json.dumps(document) + salt).encode()).hexdigest()})


def load(ledger: Ledger, journal: Path, records: list[Record], of: Plan | None = None) -> None:
    """Ingest records as if they were made under a plan, which counted what was over its limits."""
    for record in records:
        record.plan = of.hash8 if of else record.plan
    ledger.ingest(write_segment(journal, next(_SEQUENCE), records).parent)


def judged(number: int, ttft_ms: float, limit_ms: float = 1000.0, **more: Any) -> Record:
    over = mask(TTFT_P95) if ttft_ms > limit_ms else 0
    return Record(number, start_s=START + number % 600, ttft_ms=ttft_ms, judged=mask(TTFT_P95), over=over, **more)


def only(ledger: Ledger) -> Any:
    (row,) = ledger.measure(START, END).services
    return row


def test_the_json_form(ledger: Ledger, journal: Path) -> None:
    in_force = plan()
    ledger.plans.put(in_force)
    load(ledger, journal, [judged(number, 500.0) for number in range(100)], in_force)
    document = json.loads(json.dumps(ledger.report(START + 1, END - 1)))
    assert (document["since"], document["until"]) == ("2001-09-09T01:47:00Z", "2001-09-09T01:57:00Z")
    assert set(document["gateway"]["overhead_us"]) >= {"p50", "p95", "p99"}
    assert document["gateway"]["overhead_us"]["p95"] == pytest.approx(50, rel=0.011)
    (service,) = document["services"]
    assert {name: service[name] for name in ("service", "use_case", "owner", "requests", "verdict", "state")} == {
        "service": "helpdesk",
        "use_case": "support-chat",
        "owner": "support",
        "requests": 100,
        "verdict": "within budget",
        "state": "within",
    }
    ttft = service["metrics"]["ttft_ms"]
    assert ttft["p95"] == pytest.approx(500, rel=0.011)
    assert (ttft["limits"], ttft["over"], ttft["n"]) == ({"p95": 1000.0}, 0.0, 100)
    assert service["outcomes"]["ok"] == 100
    assert sum(service["outcomes"].values()) == 100
    assert (service["tokens"]["input"], service["tokens"]["output"]) == (10_000, 2_000)
    assert (service["cost_usd"], service["cost_coverage"]) == (pytest.approx(0.0001), 1.0)


def test_percentiles_merge_over_minutes_and_match_the_values(ledger: Ledger, journal: Path) -> None:
    dice = random.Random(5)  # the same values in every run
    values = [dice.lognormvariate(6, 1) for _ in range(2000)]
    load(ledger, journal, [judged(number, value) for number, value in enumerate(values)])
    figures = only(ledger).metrics["ttft_ms"].figures
    values.sort()
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert figures.quantiles[name] == pytest.approx(values[int(q * 2000) - 1], rel=0.011)
    assert figures.mean == pytest.approx(sum(values) / 2000, rel=1e-6)


def test_a_breach_is_decided_by_counters_and_said_in_words(ledger: Ledger, journal: Path) -> None:
    in_force = plan()
    ledger.plans.put(in_force)
    load(ledger, journal, [judged(number, 1420.0 if number < 7 else 300.0) for number in range(100)], in_force)
    row = only(ledger)
    assert row.state is State.OVER
    assert row.verdict.startswith("over budget: TTFT p95 1.4")
    assert row.verdict.endswith("s against 1.00 s (7.0 % over)")
    assert row.metrics["ttft_ms"].document()["broken"] == ["p95"]


@pytest.mark.parametrize(("over", "state"), [(5, State.WITHIN), (6, State.OVER)])
def test_exactly_the_allowed_share_is_within(ledger: Ledger, journal: Path, over: int, state: State) -> None:
    in_force = plan()
    ledger.plans.put(in_force)
    load(ledger, journal, [judged(number, 2000.0 if number < over else 10.0) for number in range(100)], in_force)
    assert only(ledger).state is state


def test_a_limit_hit_within_the_sketchs_error_is_not_told_as_a_contradiction(ledger: Ledger, journal: Path) -> None:
    in_force = plan([("ttft_ms", "p95", 1018.0)])
    ledger.plans.put(in_force)
    # 1020 lies in the bucket from 1002 to 1024, whose midpoint is 1013: below the limit.
    load(ledger, journal, [judged(number, 1020.0, 1018.0) for number in range(100)], in_force)
    assert only(ledger).verdict == "over budget: TTFT p95 just above its limit, against 1.02 s (100 % over)"


def test_failures_take_the_percentile_with_them(ledger: Ledger, journal: Path) -> None:
    in_force = plan([("ttft_ms", "p95", 1000.0), ("error_share", "mean", 0.02)])
    ledger.plans.put(in_force)
    both = mask(TTFT_P95, ERRORS)
    good = [Record(number, start_s=START, judged=both) for number in range(90)]
    bad = [
        Record(number, start_s=START, outcome=PROVIDER_ERROR, ttft_ms=None, judged=both, over=both)
        for number in range(90, 100)
    ]
    load(ledger, journal, good + bad, in_force)
    row = only(ledger)
    ttft = row.metrics["ttft_ms"].document()
    assert ttft["p50"] == pytest.approx(500, rel=0.011)
    assert (ttft["p95"], ttft["n"], ttft["n_failed"], ttft["over"]) == (None, 90, 10, 0.1)
    assert row.metrics["error_share"].document()["mean"] == 0.1
    assert row.verdict == (
        "over budget: TTFT p95 falls among failed requests, against 1.00 s (10.0 % over); errors 10.0 % against 2.0 %"
    )


def test_what_callers_did_themselves_is_counted_but_not_judged(ledger: Ledger, journal: Path) -> None:
    in_force = plan()
    ledger.plans.put(in_force)
    records = [judged(number, 10.0) for number in range(50)]
    records += [
        Record(100 + number, start_s=START, outcome=outcome)
        for number, outcome in enumerate([REFUSED, CALLER_ERROR, CANCELLED] * 10)
    ]
    load(ledger, journal, records, in_force)
    row = only(ledger)
    assert (row.requests, row.metrics["ttft_ms"].figures.n, row.verdict) == (80, 50, "within budget")
    assert (row.outcomes["refused"], row.outcomes["cancelled"]) == (10, 10)


def test_too_few_none_and_nothing_to_judge(ledger: Ledger, journal: Path) -> None:
    in_force = plan()
    ledger.plans.put(in_force)
    assert (only(ledger).state, only(ledger).verdict, only(ledger).owner) == (State.NO_TRAFFIC, "no traffic", "support")
    load(ledger, journal, [Record(number, start_s=START, outcome=REFUSED) for number in range(3)], in_force)
    assert only(ledger).verdict == "nothing to judge: none of 3 requests was answered"
    load(ledger, journal, [judged(number, 5000.0) for number in range(12)], in_force)
    assert (only(ledger).state, only(ledger).verdict) == (State.TOO_FEW, "too few requests to tell (12)")


def test_a_high_percentile_that_cannot_be_told_yet_is_named(ledger: Ledger, journal: Path) -> None:
    in_force = plan([("ttft_ms", "p95", 1000.0), ("ttft_ms", "p99", 2000.0)])
    ledger.plans.put(in_force)
    both = mask(TTFT_P95, ("ttft_ms", "p99"))
    load(ledger, journal, [Record(number, start_s=START, judged=both) for number in range(45)], in_force)
    assert only(ledger).verdict == "within budget; too few requests to tell for TTFT p99 (45)"


def test_unknown_costs_lower_the_coverage_and_are_never_zero(ledger: Ledger, journal: Path) -> None:
    records = [
        Record(number, start_s=START, cost_nanousd=-1 if number < 25 else 2_000_000_000) for number in range(100)
    ]
    load(ledger, journal, records)
    row = only(ledger)
    assert (row.cost_usd, row.cost_coverage) == (150.0, 0.75)
    assert row.metrics["cost_usd"].figures.n == 75


def test_a_service_unknown_to_every_plan_is_shown_without_owner_or_budget(ledger: Ledger, journal: Path) -> None:
    load(ledger, journal, [Record(1, start_s=START, service="stranger", use_case="")])
    row = only(ledger)
    assert (dict(row.group), row.owner, row.verdict) == ({"service": "stranger", "use_case": ""}, None, "no budget")
    assert row.state is State.NO_BUDGET


def test_calls_that_nobody_can_be_named_for_are_counted_apart(ledger: Ledger, journal: Path) -> None:
    load(ledger, journal, [Record(number, start_s=START, service="", use_case="") for number in range(3)])
    report = ledger.measure(START, START + 60)
    assert (report.services, report.unidentified) == ((), 3)
    assert report.document()["gateway"]["unidentified"] == 3


def test_the_limits_in_force_are_those_of_the_last_plan_with_traffic(ledger: Ledger, journal: Path) -> None:
    old, new = plan(), plan([("ttft_ms", "p95", 400.0)])
    ledger.plans.put(old)
    ledger.plans.put(new)
    late = [Record(number, start_s=START + 60, judged=mask(TTFT_P95), over=mask(TTFT_P95)) for number in range(60)]
    early = [Record(100 + number, start_s=START, judged=mask(TTFT_P95)) for number in range(40)]
    load(ledger, journal, late, new)
    load(ledger, journal, early, old)
    row = only(ledger)
    assert row.metrics["ttft_ms"].document()["limits"] == {"p95": 400.0}
    assert row.metrics["ttft_ms"].document()["over"] == 0.6


def test_windows_and_groups(ledger: Ledger, journal: Path) -> None:
    records = [
        Record(number, start_s=START + 60 * (number % 4), model="small" if number % 2 else "large", outcome=OK)
        for number in range(40)
    ]
    load(ledger, journal, records)
    assert [row.requests for row in ledger.measure(START + 60, START + 180).services] == [20]
    by_model = ledger.measure(START, END, group=("service", "use_case", "model")).services
    assert [(row.group["model"], row.requests) for row in by_model] == [("large", 20), ("small", 20)]
    (of_model,) = ledger.measure(START, START + 60, group=("model",)).services
    assert (dict(of_model.group), of_model.owner, of_model.requests) == ({"model": "large"}, None, 10)


def test_a_limit_that_nothing_was_judged_by_is_not_passed_over() -> None:
    kept = Limit("ttft_ms", "p95", 500.0, n=1000, over=3, measured=100.0)
    unpriced = Limit("cost_usd", "p95", 0.1, n=0, over=0, measured=None)
    assert judge(1000, 1000, [kept, unpriced]) == (State.WITHIN, "within budget; none could be judged by cost p95")


def test_of_two_plans_in_one_minute_the_later_one_counts(ledger: Ledger, journal: Path) -> None:
    old, new = plan(), plan([("ttft_ms", "p95", 400.0)])
    for one in sorted((old, new), key=lambda one: one.hash, reverse=True):  # not in the order of their hashes
        ledger.plans.put(one)
        load(ledger, journal, [Record(one.hash8 % 1000, start_s=START, judged=mask(TTFT_P95))], one)
    last = min((old, new), key=lambda one: one.hash)
    expected = 400.0 if last is new else 1000.0
    assert only(ledger).metrics["ttft_ms"].document()["limits"]["p95"] == expected


STREAMED, CAP_ADDED, BY_LENGTH, FALLBACK, HEDGED, HEDGE_WON = 1, 1 << 1, 1 << 2, 1 << 10, 1 << 11, 1 << 12


def test_what_traffic_rules_did_is_counted_and_the_money_kept_apart(ledger: Ledger, journal: Path) -> None:
    made = count(1)

    def some(n: int, **more: Any) -> list[Record]:
        return [Record(next(made), start_s=START, cost_nanousd=1_000_000, **more) for _ in range(n)]

    saved = {"cost_nanousd": 0, "default_cost_nanousd": 3_000_000}
    hits = [Record(next(made), start_s=START, cache="hit", **saved) for _ in range(30)]
    misses = some(70, cache="miss", prefix="system", tokens=(100, 40, 0, 20, 0), queue_ms=20.0)
    hedged = some(4, flags=STREAMED | HEDGED | HEDGE_WON, attempts=2, other_cost_nanousd=500_000)
    retried = some(2, flags=STREAMED | FALLBACK, attempts=2, other_cost_nanousd=250_000)
    cut = some(5, flags=STREAMED | CAP_ADDED | BY_LENGTH, prefix="first")
    refused = some(3, outcome=REFUSED, code=601)
    load(ledger, journal, [*hits, *misses, *hedged, *retried, *cut, *refused])
    document = only(ledger).document()
    traffic = document["traffic"]
    assert traffic["cache"] | {"saved_usd": round(traffic["cache"]["saved_usd"], 9)} == {
        "hit": 30,
        "shared": 0,
        "stale": 0,
        "miss": 70,
        "bypassed": 0,
        "share": 0.3,
        "saved_usd": 0.09,
    }
    assert traffic["hedges"] == {"sent": 4, "won": 4, "usd": 0.002}
    assert traffic["attempts"] == {"retried": 2, "fallback": 2, "retry_usd": 0.0005}
    assert traffic["prompt_cache"]["misses"] == {"first": 5, "system": 70}
    assert traffic["prompt_cache"]["main_miss"] == "system"
    assert traffic["prompt_cache"]["cached_share"] == pytest.approx(2800 / 8400)
    assert (traffic["queued"], traffic["refused"]) == (70, {"requests_per_minute": 3})
    assert traffic["cap"] == {"added": 5, "learned": 0, "cut": 5}
    assert document["metrics"]["queue_ms"]["p95"] == pytest.approx(20, rel=0.011)
    assert document["other_cost_usd"] == pytest.approx(0.0025)
    assert document["spent_usd"] == pytest.approx(document["cost_usd"] + 0.0025)
    assert document["cost_coverage"] == 1.0, "an answer from the cache has no cost to be known"


def test_a_cap_is_suggested_from_the_window_and_its_changes_are_told(ledger: Ledger, journal: Path) -> None:
    answers = [Record(n, start_s=START, tokens=(100, 0, 0, 200, 0)) for n in range(250)]
    load(ledger, journal, answers)
    (change,) = ledger.learning.review(["support-chat"], (), START + 60)
    assert ledger.report(START + 60, END)["caps"] == [], "no answers there"
    document = ledger.report(START, END)
    (row,) = document["caps"]
    assert (row["use_case"], row["model"], row["answers"], row["in_force"]) == ("support-chat", "small", 250, None)
    assert row["suggested"] == change.cap_to == pytest.approx(300, rel=0.012)
    assert document["cap_changes"] == [change.document()]
