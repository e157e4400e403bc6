"""Classes and use cases: inheritance, citations, contradictions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.standards import StandardsNameError, load
from paceline.standards.classes import BUILT_IN, METRICS, PERCENTILES, Limit
from paceline.standards.limits import Terms, class_terms, conflicts, figure

from .test_faults import BASE


def terms_of(use_case: str, *, extra: str = "") -> Terms:
    text = BASE.replace("{class: chat, task: chat}", use_case) + extra
    return load(text, env={}).sound().use_cases["talk"]


def table(terms: Terms) -> dict[str, float]:
    return {f"{limit.metric} {limit.percentile}": limit.value for limit in terms.limits}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_class_is_whole_and_agrees_with_itself(name: str) -> None:
    built_in = BUILT_IN[name]
    assert not conflicts(class_terms(name, {}))
    assert built_in.description
    for limit in built_in.limits:
        assert limit.metric in METRICS
        assert limit.percentile in PERCENTILES
        assert (limit.percentile == "mean") == (limit.metric == "error_share")
        assert len(limit.source) > 10 or limit.ours
        assert limit.value > 0
    deadlines = built_in.deadlines
    for metric, deadline in (("ttft", deadlines.first_token), ("stall", deadlines.stall), ("total", deadlines.total)):
        assert all(limit.value <= deadline for limit in built_in.limits if limit.metric == metric and deadline)


def test_published_limits_are_those_of_the_research() -> None:
    published = {
        (name, limit.metric, limit.percentile): limit.value
        for name, built_in in BUILT_IN.items()
        for limit in built_in.limits
        if not limit.ours
    }
    assert published == {
        ("chat", "ttft", "p99"): 2_000,
        ("chat", "tpot", "p99"): 100,
        ("chat-interactive", "ttft", "p99"): 500,
        ("chat-interactive", "tpot", "p99"): 40,
        ("chat-large", "ttft", "p99"): 6_000,
        ("chat-large", "tpot", "p99"): 175,
        ("reasoning", "ttft", "p99"): 3_000,
        ("reasoning", "tpot", "p99"): 80,
    }


def test_a_use_case_takes_its_class() -> None:
    terms = terms_of("{class: autocomplete, task: chat}")
    assert table(terms) == {"total p50": 200, "total p95": 400, "total p99": 1_000}
    assert (terms.max_output_tokens, terms.lane, terms.deadlines.total) == (64, "interactive", 3_000)
    assert set(terms.inherited.values()) == {"class autocomplete"}


def test_the_use_case_speaks_last() -> None:
    terms = terms_of(
        "{task: chat, budget: {ttft: 800ms, tpot: null, stall: {p99: null}, cost: $0.02, error_share: 1%}}"
    )
    assert table(terms) == {"ttft p95": 800, "ttft p99": 2_000, "cost p95": 0.02, "error_share mean": 0.01}
    assert terms.limit("ttft", "p95") == Limit("ttft", "p95", 800, "use case talk")
    assert ("ttft", "p99") in terms.inherited
    assert ("ttft", "p95") not in terms.inherited


@pytest.mark.parametrize(
    ("written", "cap"),
    [
        ("{task: chat}", 1024),
        ("{task: chat, max_output_tokens: null}", None),
        ("{task: chat, max_output_tokens: 7}", 7),
    ],
)
def test_no_cap_is_not_an_absent_cap(written: str, cap: int | None) -> None:
    assert terms_of(written).max_output_tokens == cap


def test_deadlines_are_merged_one_by_one() -> None:
    deadlines = terms_of("{task: chat, deadlines: {stall: 0, total: 2m, connect: 0.2ms}}").deadlines
    assert (deadlines.connect, deadlines.first_token, deadlines.stall, deadlines.total) == (1, 15_000, 0, 120_000)


def test_classes_of_the_file_change_and_extend() -> None:
    extra = """
classes:
  chat: {budget: {ttft: {p95: 700ms}}, source: Product review}
  slow: {extends: chat, budget: {tpot: null}, lane: standard, max_output_tokens: 4096}
  bare: {budget: {total: 1s}}
"""
    standards = load(BASE + extra, env={}).sound()
    assert standards.classes["chat"].limit("ttft", "p95") == Limit("ttft", "p95", 700, "Product review")
    slow = standards.classes["slow"]
    assert table(slow) == {"ttft p95": 700, "ttft p99": 2_000, "stall p99": 1_000, "error_share mean": 0.005}
    assert (slow.lane, slow.max_output_tokens) == ("standard", 4096)
    assert table(standards.classes["bare"]) == {"total p95": 1_000}
    assert standards.classes["voice"].limit("ttft", "p95") is not None


def test_a_contradiction_is_noted_where_it_is_written() -> None:
    text = BASE + "classes: {chat: {budget: {total: {p99: 1s}}}}\n"
    assert [(fault.code.value, fault.path) for fault in load(text, env={}).faults] == [
        ("S132", "classes.chat.budget.total")
    ]


def test_unknown_names_have_their_own_error() -> None:
    standards = load(BASE, env={})
    for ask in (
        standards.limits,
        standards.owner,
        standards.default_model,
        standards.plan().limits,
        standards.plan().owner,
    ):
        with pytest.raises(StandardsNameError, match="nope"):
            ask("nope")


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit("ttft", "p95", 800, ""), "800 ms"),
        (Limit("ttft", "p95", 1_500, ""), "1.5 s"),
        (Limit("job_age", "p99", 86_400_000, ""), "24 h"),
        (Limit("cost", "p95", 0.02, ""), "$0.02"),
        (Limit("error_share", "mean", 0.005, ""), "0.5 %"),
    ],
)
def test_figures_are_written_as_people_read_them(limit: Limit, text: str) -> None:
    assert figure(limit) == text


@given(st.dictionaries(st.sampled_from(["p50", "p90", "p95", "p99"]), st.integers(1, 10**7), min_size=2))
def test_limits_of_one_metric_are_sound_exactly_when_they_rise(limits: dict[str, int]) -> None:
    written = ", ".join(f"{name}: {value}" for name, value in limits.items())
    text = BASE.replace("{class: chat, task: chat}", f"{{class: batch, task: chat, budget: {{ttfv: {{{written}}}}}}}")
    rising = [limits[name] for name in sorted(limits)]
    assert bool(load(text, env={}).faults) == (rising != sorted(rising))
