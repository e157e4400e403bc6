"""From the call to the report: numbers equal to the provider's own, keys and modes in effect on a running gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.integration.installation import PATIENCE_S, Installation, installation, until
from tests.integration.ledger_rows import require_agreement
from tests.integration.metered import CAP, CHAT, MESSAGES, PRICES, SIM, STANDARDS, Call, join

TALK = [{"role": "user", "content": "Good morning, dear machine"}]
CAP_ADDED, OFF_STANDARD = 1 << 1, 1 << 4
PERCENTILES = ("p50", "p95", "p99")


def paceline(at: Installation, *arguments: str) -> Any:
    """Run a command on the installation's data and read its JSON."""
    command = [sys.executable, "-m", "paceline", *arguments, "--data", str(at.data.path), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def row_of(report: dict[str, Any], service: str) -> dict[str, Any]:
    """Return a service's row."""
    return next(one for one in report["services"] if one["service"] == service)


def ask(at: Installation, key: str, fault: str = "", path: str = CHAT, **more: Any) -> Call:
    """Make one call."""
    fields = {"x-sim-output-tokens": "7", **({"x-sim-fault": fault} if fault else {})}
    return Call(path, {"model": "auto", "messages": TALK, **more}, fields).make(at, key)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Calls of two services on an installation of their own, and the report on them."""
    place = tmp_path_factory.mktemp("flow")
    with installation(place, standards_text=STANDARDS, sim_options=SIM) as at:
        helpdesk, watcher = at.key("helpdesk", "support-chat"), at.key("watcher", "support-chat")
        made = [ask(at, helpdesk, stream=streamed) for streamed in (True, False) * 10]
        made += [ask(at, helpdesk, path=MESSAGES, max_tokens=20) for _ in range(3)]
        made += [ask(at, helpdesk, fault) for fault in ("status=500", "status=400", "reset")]
        made += [ask(at, helpdesk, "cut=2500", stream=True, max_tokens=50)]
        watched = [ask(at, watcher) for _ in range(5)]
        calls = {call.id: call for call in made + watched}
        join(at, calls)
        require_agreement(at)
        yield paceline(at, "report"), made, watched, at


def test_the_report_has_the_documented_shape(told: Any) -> None:
    report = told[0]
    assert {"since", "until", "gateway", "services"} <= report.keys()
    overhead = report["gateway"]["overhead_us"]
    assert all(overhead[name] > 0 for name in PERCENTILES)
    # Calls with a key nobody knows (the fixture waits for its keys with them) stand in a row of their own, by no name.
    named = [one for one in report["services"] if one["service"]]
    assert [(one["service"], one["use_case"]) for one in named] == [
        ("helpdesk", "support-chat"),
        ("hurry", "hasty"),
        ("strict", "support-chat"),
        ("watcher", "support-chat"),
    ]
    wanted = {"service", "use_case", "owner", "requests", "metrics", "outcomes", "tokens", "cost_usd", "cost_coverage"}
    for one in named:
        assert wanted | {"verdict"} <= one.keys()
        assert one["owner"] == "support"
        for metric in one["metrics"].values():
            assert {*PERCENTILES, "limits", "over"} <= metric.keys()
    assert named[0]["metrics"]["ttft_ms"]["limits"] == {"p95": 1000.0, "p99": 2000.0}


def test_the_report_s_numbers_are_the_provider_s(told: Any) -> None:
    report, made, watched, _ = told
    for name, calls in (("helpdesk", made), ("watcher", watched)):
        one = row_of(report, name)
        assert one["requests"] == len(calls)
        answered = [call for call in calls if call.row["outcome"] == "ok"]
        counted = {"input": "prompt_tokens", "output": "output_tokens", "cached": "cached_tokens"}
        cut = [call.row for call in calls if call.row["token_source"] == "estimated"]
        for kind, theirs in counted.items():
            estimated = sum(row[f"tokens_{kind}"] for row in cut)
            assert one["tokens"][kind] == sum(call.truth[theirs] for call in answered) + estimated, kind
        usd = sum(
            call.truth["prompt_tokens"] * PRICES["anthropic" if call.path == MESSAGES else "openai"]["input"]
            + call.truth["output_tokens"] * PRICES["anthropic" if call.path == MESSAGES else "openai"]["output"]
            for call in answered
        )
        lost = sum(row["cost_nanousd"] for row in cut) / 1e9
        assert one["cost_usd"] == pytest.approx(usd / 1e6 + lost, abs=1e-9)
        assert one["cost_coverage"] == 1.0


def test_the_report_tells_how_calls_ended(told: Any) -> None:
    one = row_of(told[0], "helpdesk")
    ended = {name: count for name, count in one["outcomes"].items() if count}
    assert ended == {"ok": 23, "provider_error": 1, "caller_error": 1, "truncated": 2}
    share = one["metrics"]["error_share"]
    assert (share["mean"], share["over"]) == (pytest.approx(3 / 26), pytest.approx(3 / 26))
    # Ten streams were answered and one was cut: every limit of a stream counts the cut one as over.
    assert one["metrics"]["ttft_ms"]["over"] == pytest.approx(1 / 11)
    assert one["metrics"]["ttft_ms"]["n_failed"] >= 1


def test_a_key_made_or_revoked_takes_effect_on_the_running_gateway(house: Installation) -> None:
    made = paceline(house, "keys", "create", "--service", "helpdesk", "--use-case", "support-chat")
    assert made["service"] == "helpdesk"
    key = made["key"]
    before = house.processes["gateway"].pid
    until(lambda: house.knows(key), "the gateway to know the key")
    assert ask(house, key).status == 200
    ledger = house.ledger()
    try:
        ledger.keys.revoke(made["id"])
    finally:
        ledger.close()
    until(lambda: not house.knows(key), "the gateway to refuse the revoked key")
    refused = ask(house, key)
    assert (refused.status, refused.headers["x-paceline-code"]) == (401, "G102")
    assert house.processes["gateway"].pid == before


def test_modes_differ_in_what_they_do(house: Installation) -> None:
    keys = {name: house.key(name) for name in ("watcher", "helpdesk", "strict")}
    off = {name: ask(house, key, model="large", stream=False) for name, key in keys.items()}
    assert [off[name].status for name in keys] == [200, 200, 403]
    assert "x-paceline-advice" not in off["watcher"].headers
    assert "large" in off["helpdesk"].headers["x-paceline-advice"]
    assert off["strict"].headers["x-paceline-code"] == "G204"
    sent = {name: call for name, call in off.items() if name != "strict"}
    join(house, sent)
    assert all(call.row["flags"] & OFF_STANDARD for call in sent.values())
    long = {name: Call(CHAT, {"model": "auto", "messages": TALK}, {"x-sim-output-tokens": "900"}) for name in keys}
    for name, call in long.items():
        call.make(house, keys[name])
    join(house, {name: call for name, call in long.items() if call.status == 200})
    assert long["watcher"].truth["output_tokens"] == 900, "observe adds no cap"
    assert not long["watcher"].row["flags"] & CAP_ADDED
    assert long["helpdesk"].truth["output_tokens"] == CAP
    assert long["helpdesk"].row["flags"] & CAP_ADDED
