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
    dice = random.Random(5)  # noqa: S311  # the same values in every run
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
