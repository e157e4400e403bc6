"""The meter against the truth: what the ledger says of each request is what the simulated provider knows it sent."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.installation import Installation
from tests.integration.metered import (
    CAP,
    CHAT,
    COMPLETIONS,
    COUNT,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Call,
    cost_nanousd,
    join,
)

STREAMED, CAP_ADDED, ENDED_BY_LENGTH, USAGE_ADDED, CAP_BY_CALLER = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 8
DRIFT_NS = 1_000_000
TALK = [{"role": "user", "content": "Good morning, dear machine"}]
TOOL = {"name": "find", "description": "finds", "parameters": {"type": "object", "properties": {}}}
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "auto", "messages": TALK},
    COMPLETIONS: {"model": "auto", "prompt": "def f(x):"},
    RESPONSES: {"model": "auto", "input": "Good morning, dear machine"},
    MESSAGES: {"model": "auto", "max_tokens": 64, "messages": TALK},
    EMBEDDINGS: {"model": "vectors", "input": ["one two", "three"]},
    COUNT: {"model": "auto", "messages": TALK},
}
GENERATING = {"chat": CHAT, "completions": COMPLETIONS, "responses": RESPONSES, "messages": MESSAGES}
WISHES: dict[str, dict[str, str]] = {
    "plain": {},
    "reasoning": {"x-sim-reasoning": "4"},
    "cached": {"x-sim-cached-tokens": "3"},
    "two-a-chunk": {"x-sim-tokens-per-event": "2"},
    "gzip": {"x-sim-fault": "gzip"},
    "trickle": {"x-sim-fault": "trickle=50/1"},
    "usage-every-chunk": {"x-sim-fault": "usage-every-chunk"},
    "delay": {"x-sim-fault": "delay=30"},
    "stall": {"x-sim-fault": "stall=80@5"},
}


def tools_of(path: str) -> list[dict[str, Any]]:
    """Write one tool as the API wants it."""
    if path == CHAT:
        return [{"type": "function", "function": TOOL}]
    if path == RESPONSES:
        return [{"type": "function", **TOOL}]
    return [{"name": "find", "input_schema": TOOL["parameters"]}]


def planned() -> dict[str, Call]:
    """List every call of this file by name."""
    calls = {}
    for api, path in GENERATING.items():
        for streamed in (False, True):
            kind = f"{api}{'-streamed' if streamed else ''}"
            body = {**BODIES[path], **({"stream": True} if streamed else {})}
            for wish, fields in WISHES.items():
                calls[f"{kind}-{wish}"] = Call(path, body, {"x-sim-output-tokens": "12", **fields})
            if path != COMPLETIONS:
                with_tools = {**body, "tools": tools_of(path)}
                calls[f"{kind}-tools"] = Call(path, with_tools, {"x-sim-output-tokens": "12", "x-sim-tools": "1"})
            calls[f"{kind}-long"] = Call(path, body, {"x-sim-output-tokens": "900"})
            calls[f"{kind}-no-usage"] = Call(path, body, {"x-sim-output-tokens": "12", "x-sim-fault": "no-usage"})
    calls["embeddings"] = Call(EMBEDDINGS, BODIES[EMBEDDINGS])
    calls["count"] = Call(COUNT, BODIES[COUNT])
    return calls


NAMES = list(planned())
TOLD = [name for name in NAMES if "no-usage" not in name and name != "count"]
WITH_EVENTS = [name for name in NAMES if "-streamed" in name]


@pytest.fixture(scope="module")
def calls(house: Installation, helpdesk: str) -> dict[str, Call]:
    """Every call, made and joined with its truth and its row."""
    made = {name: call.make(house, helpdesk) for name, call in planned().items()}
    join(house, made)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_the_outcome_is_ok_and_the_answer_whole(calls: dict[str, Call], name: str) -> None:
    call = calls[name]
    assert (call.status, call.whole, call.row["outcome"], call.row["code"]) == (200, True, "ok", 0), call.received
    assert call.row["provider_status"] == call.truth["status"] == 200
    assert call.row["attempts"] == 1
    assert (call.row["service"], call.row["use_case"]) == ("helpdesk", "support-chat")


@pytest.mark.parametrize("name", TOLD)
def test_tokens_are_the_provider_s(calls: dict[str, Call], name: str) -> None:
    row, truth = calls[name].row, calls[name].truth
    assert row["token_source"] == "provider"
    assert row["tokens_input"] == truth["prompt_tokens"]
    assert row["tokens_output"] == truth["output_tokens"]
    assert row["tokens_cached"] == truth["cached_tokens"]
    if "completions" not in name:
        assert row["tokens_reasoning"] == truth["reasoning_tokens"]


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("no-usage")])
def test_tokens_nobody_told_are_estimated_and_say_so(calls: dict[str, Call], name: str) -> None:
    row, truth = calls[name].row, calls[name].truth
    assert row["token_source"] == "estimated"
    assert row["tpot_ns"] is None
    # One token is four bytes there; the gateway counts bytes of text in its own ratio.
    assert 0.5 * truth["output_tokens"] <= row["tokens_output"] <= 2 * truth["output_tokens"]
    assert row["tokens_input"] > 0
    assert row["cost_nanousd"] > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"count", "embeddings"}])
def test_money_is_tokens_times_price(calls: dict[str, Call], name: str) -> None:
    call = calls[name]
    provider = "anthropic" if call.path == MESSAGES else "openai"
    assert call.row["cost_nanousd"] == cost_nanousd(provider, call.row)
    if "-streamed" not in name:
        assert float(call.headers["x-paceline-cost-usd"]) == pytest.approx(call.row["cost_nanousd"] / 1e9, abs=1e-9)


def test_counting_tokens_is_free(calls: dict[str, Call]) -> None:
    assert calls["count"].row["cost_nanousd"] == 0
    assert calls["count"].row["token_source"] == "none"


@pytest.mark.parametrize("name", NAMES)
def test_flags_and_caps(calls: dict[str, Call], name: str) -> None:
    call = calls[name]
    flags, truth = call.row["flags"], call.truth
    assert bool(flags & STREAMED) == truth["streamed"] == ("-streamed" in name)
    assert bool(flags & ENDED_BY_LENGTH) == (truth["finish"] == "length") == name.endswith("-long")
    assert bool(flags & USAGE_ADDED) == (truth["streamed"] and call.path in {CHAT, COMPLETIONS})
    if call.path == MESSAGES:
        assert flags & CAP_BY_CALLER
        assert call.row["cap_tokens"] == 64
    elif call.path in {CHAT, COMPLETIONS, RESPONSES}:
        assert flags & CAP_ADDED
        assert call.row["cap_tokens"] == CAP
    if name.endswith("-long"):
        assert truth["output_tokens"] == call.row["cap_tokens"]


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_events_are_counted_one_by_one(calls: dict[str, Call], name: str) -> None:
    assert calls[name].row["events"] == calls[name].truth["events"]


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_instants_follow_the_provider_s(calls: dict[str, Call], name: str) -> None:
    row, truth = calls[name].row, calls[name].truth
    assert row["body_us"] <= row["sent_us"] <= row["headers_us"] <= row["first_us"]
    assert row["first_us"] <= row["visible_us"] <= row["last_us"] <= row["end_us"]
    assert row["first_us"] == row["ttft_us"]
    assert row["last_us"] == row["total_us"]
    # Both stamp wall clocks of one machine, a millisecond of drift apart: nothing is seen before it was sent.
    assert (row["start_us"] + row["sent_us"]) * 1000 <= truth["received_ns"] + DRIFT_NS
    for ours, theirs in (("headers", "head"), ("first", "first"), ("visible", "visible"), ("last", "last")):
        assert (row["start_us"] + row[f"{ours}_us"]) * 1000 >= truth[f"{theirs}_ns"] - DRIFT_NS, theirs


@pytest.mark.parametrize("name", [name for name in WITH_EVENTS if name.endswith("-stall")])
def test_a_gap_at_the_provider_is_the_stall(calls: dict[str, Call], name: str) -> None:
    row, truth = calls[name].row, calls[name].truth
    assert truth["stall_ns"] >= 80_000_000
    # A gap can only be seen shortened by as much as the event before it came late.
    late_us = max(0, row["start_us"] + row["first_us"] - truth["first_ns"] // 1000)
    assert row["stall_us"] * 1000 >= truth["stall_ns"] - late_us * 1000 - 40_000_000
    assert row["last_us"] - row["first_us"] >= row["stall_us"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_EVENTS])
def test_what_is_not_streamed_has_no_stream_metrics(calls: dict[str, Call], name: str) -> None:
    row = calls[name].row
    assert row["total_us"] == row["end_us"]
    for metric in ("ttft_us", "ttfv_us", "tpot_ns", "stall_us", "first_us", "visible_us", "last_us"):
        assert row[metric] is None, metric
