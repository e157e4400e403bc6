"""Every fault of a provider: the right outcome, code and status, and the right limits judged and exceeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.installation import Installation
from tests.integration.metered import CHAT, MESSAGES, RESPONSES, Call, cost_nanousd, join

TALK = [{"role": "user", "content": "Good morning, dear machine"}]
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "auto", "messages": TALK},
    RESPONSES: {"model": "auto", "input": "Good morning, dear machine"},
    MESSAGES: {"model": "auto", "max_tokens": 64, "messages": TALK},
}
TERMINAL = (b"[DONE]", b"message_stop", b"response.completed", b"response.incomplete")


def bit(metric: int, percentile: int) -> int:
    """Return a limit's place in the masks."""
    return 1 << (metric * 5 + percentile)


# What the class `chat` limits: ttft p95 and p99, tpot p99, stall p99, error_share mean.
ERROR_SHARE = bit(6, 4)
OF_STREAMS = bit(0, 2) | bit(0, 3) | bit(2, 3) | bit(3, 3)


@dataclass(frozen=True)
class Expected:
    """How a fault is to be told: to the caller by status, in the ledger by outcome and code."""

    fault: str
    status: int
    outcome: str
    code: int
    events: bool = False
    """True when some of the answer came."""


STREAMED = {
    "cut": Expected("cut=2500", 200, "truncated", 406, events=True),
    "no-terminal": Expected("no-terminal", 200, "truncated", 406, events=True),
    "stall": Expected("stall=20000@3", 200, "timeout_stall", 404, events=True),
    "late": Expected("delay=20000", 504, "timeout_first_token", 403),
    "reset": Expected("reset", 502, "truncated", 406),
    "error-event": Expected("error-event=3", 200, "provider_error", 0, events=True),
    "500": Expected("status=500", 500, "provider_error", 0),
    "429": Expected("status=429;retry-after=7", 429, "provider_error", 0),
    "400": Expected("status=400", 400, "caller_error", 0),
    "401": Expected("status=401", 502, "gateway_error", 409),
}
WHOLE = {
    "cut": Expected("cut=60", 502, "truncated", 406),
    "late": Expected("delay=20000", 504, "timeout_total", 405),
    "reset": Expected("reset", 502, "truncated", 406),
    "500": Expected("status=500", 500, "provider_error", 0),
    "503": Expected("status=503", 503, "provider_error", 0),
    "429": Expected("status=429;retry-after=7", 429, "provider_error", 0),
    "400": Expected("status=400", 400, "caller_error", 0),
    "401": Expected("status=401", 502, "gateway_error", 409),
}
CASES: dict[str, tuple[str, bool, Expected]] = {
    f"{path.rpartition('/')[2]}{'-streamed' if streamed else ''}-{name}": (path, streamed, expected)
    for path in BODIES
    for streamed, table in ((True, STREAMED), (False, WHOLE))
    for name, expected in table.items()
}


@pytest.fixture(scope="module")
def calls(house: Installation, hurry: str) -> dict[str, Call]:
    """Every call, made and joined."""
    made = {}
    for name, (path, streamed, expected) in CASES.items():
        fields = {"x-sim-output-tokens": "30", "x-sim-fault": expected.fault}
        if expected.outcome == "timeout_total":
            fields["x-paceline-timeout-ms"] = "200"
        body = {**BODIES[path], **({"stream": True} if streamed else {})}
        made[name] = Call(path, body, fields).make(house, hurry)
    join(house, made)
    return made


@pytest.mark.parametrize("name", CASES)
def test_outcome_code_and_status(calls: dict[str, Call], name: str) -> None:
    call, expected = calls[name], CASES[name][2]
    row = call.row
    assert (call.status, row["outcome"], row["code"]) == (expected.status, expected.outcome, expected.code)
    assert row["status"] == call.status
    assert call.headers.get("x-paceline-code", "") == (
        f"G{expected.code}" if expected.code and call.status > 200 else ""
    )


@pytest.mark.parametrize("name", CASES)
def test_the_limits_it_counts_against(calls: dict[str, Call], name: str) -> None:
    _, streamed, expected = CASES[name]
    row = calls[name].row
    offered = expected.outcome != "caller_error"
    wanted = (ERROR_SHARE | (OF_STREAMS if streamed else 0)) if offered else 0
    assert row["judged"] == wanted
    assert row["over_limit"] == wanted, "a failed request is over every limit that could have judged it"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2].status == 200])
def test_a_broken_stream_never_looks_finished(calls: dict[str, Call], name: str) -> None:
    call = calls[name]
    if name == "responses-streamed-error-event":
        assert b"response.failed" in call.received, "this API has a terminal event for failures"
        return
    assert not call.whole, "the framing itself ends early"
    assert not any(mark in call.received for mark in TERMINAL)
    if name.endswith(("no-terminal", "stall")):
        assert f"G{call.row['code']}".encode() in call.received, "an error event tells the caller"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2].events])
def test_what_came_before_is_counted_and_priced(calls: dict[str, Call], name: str) -> None:
    call = calls[name]
    row, truth = call.row, call.truth
    assert 0 < row["events"] <= truth["events"]
    assert row["tokens_output"] > 0
    assert row["total_us"] is None
    assert row["first_us"] is not None
    assert row["cost_nanousd"] == cost_nanousd("anthropic" if call.path == MESSAGES else "openai", row)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2].fault.startswith("status")])
def test_a_provider_s_refusal_passes_and_costs_nothing(calls: dict[str, Call], name: str) -> None:
    call = calls[name]
    assert call.row["cost_nanousd"] == 0
    assert call.row["provider_status"] == call.truth["status"]
    if call.truth["status"] == 401:  # the provider refused our key, not the caller's: that one is not passed on
        assert (call.status, call.headers["x-paceline-code"]) == (502, "G409")
    else:
        assert call.status == call.truth["status"]
    assert call.document["error"]["message"]
    if "429" in name:
        assert call.headers["retry-after"] == "7"


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith(("stall", "late"))])
def test_a_provider_given_up_on_is_left(calls: dict[str, Call], name: str) -> None:
    assert calls[name].truth["cancelled_ns"] is not None
