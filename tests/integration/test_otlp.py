"""Export to a real OpenTelemetry collector: spans of requests and attempts, trace context, metrics by either names."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.installation import Installation, installation, until
from tests.integration.metered import CHAT, EMBEDDINGS, PRICES, Call
from tests.integration.otel_collector import Collector, attributes, collector
from tests.integration.recording_upstream import Exchange, RecordingUpstream, events

from paceline.standards import load

pytestmark = pytest.mark.otelcol

PRICE = json.dumps(PRICES["openai"]).replace("{", "{{").replace("}", "}}")
STANDARDS = f"""\
version: 1
organisation: Test
providers:
  openai: {{{{base_url: "{{sim}}/v1", engine: paceline-sim, key: env:TEST_PROVIDER_KEY}}}}
  gone: {{{{base_url: "http://127.0.0.1:1/v1", key: env:TEST_PROVIDER_KEY}}}}
models:
  small: {{{{deployments: [openai/gpt-5.4-mini]}}}}
  flaky: {{{{deployments: [gone/gpt-5.4-mini, openai/gpt-5.4-mini]}}}}
  late: {{{{deployments: [openai/gpt-late, openai/gpt-5.4-mini]}}}}
  slow: {{{{deployments: [openai/gpt-late]}}}}
  vectors: {{{{deployments: [openai/text-embedding-3-small]}}}}
tasks: {{{{chat: small}}}}
classes: {{{{chat: {{{{stream_upstream: false, prompt_cache: false}}}}}}}}
use_cases:
  support-chat: {{{{class: chat, task: chat, models: [flaky, slow, vectors], max_output_tokens: 300}}}}
  hedged: {{{{class: chat, model: late, hedge: {{{{floor: 20ms, ceiling: 40ms, requests_share: 1, cost_share: 1}}}}}}}}
  cached: {{{{class: chat, task: chat, cache: 1h}}}}
  private: {{{{class: chat, task: chat{{capture}}}}}}
teams: {{{{support: {{{{}}}}}}}}
services:
  helpdesk: {{{{owner: support, use_cases: [support-chat, hedged, cached, private], mode: warn}}}}
prices: {{{{openai/gpt-5.4-mini: {PRICE}}}}}
{{extra}}"""
SIM = tuple(
    part
    for model in ("gpt-5.4-mini=instant", "gpt-late=frontier", "text-embedding-3-small=instant")
    for part in ("--model", model)
)
TALK = [{"role": "user", "content": "Which colour is the sky?"}]
CACHED = {"model": "auto", "messages": TALK, "temperature": 0}


def otlp(endpoint: str, **options: Any) -> str:
    """Write the section of the standards file."""
    written = {"endpoint": endpoint, "protocol": "grpc", "sample": 1, "interval": "1s", "timeout": "2s", **options}
    return f"telemetry: {json.dumps({'otlp': written})}\n"


class Exporting:
    """An installation that exports to a collector."""

    def __init__(self, at: Installation, to: Collector) -> None:
        self.at, self.to = at, to
        self.text = at.standards_text
        self.keys: dict[str, str] = {}

    def set(self, protocol: str = "grpc", capture: str = "", **options: Any) -> None:
        """Run under a plan with these options from now on."""
        self.at.standards_text = self.text.replace("{capture}", capture.replace("{", "{{").replace("}", "}}"))
        self.at.write_standards(otlp(self.to.endpoint(protocol), protocol=protocol, **options))
        wanted = load(self.at.standards, env={}).plan().document

        def runs() -> bool:
            plan = json.loads(self.at.data.plan.read_bytes())
            same = all(plan[section] == wanted[section] for section in ("telemetry", "use_cases"))
            return same and self.at.link.status()["plan"] == plan["hash"]

        until(runs, "the new plan")

    def call(
        self, use_case: str = "support-chat", path: str = CHAT, headers: dict[str, str] | None = None, **body: Any
    ) -> Call:
        """Make one call of a use case."""
        if use_case not in self.keys:
            self.keys[use_case] = self.at.key("helpdesk", use_case)
        asked = {"model": "auto", "messages": TALK, **body} if path == CHAT else body
        return Call(path, asked, {"x-sim-output-tokens": "16", **(headers or {})}).make(self.at, self.keys[use_case])

    def status(self) -> dict[str, Any]:
        """Tell how export stands."""
        return dict(self.at.link.status()["export"])


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporting]:
    """A whole installation beside a collector; each test says how it exports."""
    folder = tmp_path_factory.mktemp("collector")
    with collector(os.environ["PACELINE_TEST_OTELCOL"], folder) as to:
        extra = otlp(to.endpoint("grpc"))
        text = STANDARDS.replace("{capture}", "")
        place = tmp_path_factory.mktemp("exporting")
        with installation(place, standards_text=text, sim_options=SIM, extra=extra) as at:
            made = Exporting(at, to)
            made.text = STANDARDS
            yield made


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_request_is_a_span_with_its_attempt_below(exporting: Exporting, protocol: str, compression: str) -> None:
    exporting.set(protocol, compression=compression)
    call = exporting.call(headers={"x-paceline-session": "talk-1"})
    span, (attempt,) = exporting.to.request(call.id)
    assert (span.name, span.kind, span.parent, span.failed) == ("chat auto", 2, "", False)
    assert span.started_ns <= attempt.started_ns < attempt.ended_ns <= span.ended_ns
    told = span.attributes
    cost = told.pop("paceline.cost.amount")
    assert cost == pytest.approx(float(call.headers["x-paceline-cost-usd"]))
    assert told.pop("paceline.overhead.duration") > 0
    assert told.pop("gen_ai.usage.input_tokens") > 0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "auto",
        "gen_ai.request.stream": False,
        "gen_ai.request.max_tokens": 300,
        "gen_ai.conversation.id": "talk-1",
        "gen_ai.response.model": "gpt-5.4-mini",
        "gen_ai.usage.output_tokens": 16,
        "http.response.status_code": 200,
        "paceline.request.id": call.id,
        "paceline.service": "helpdesk",
        "paceline.use_case": "support-chat",
        "paceline.team": "support",
        "paceline.class": "chat",
        "paceline.model": "small",
        "paceline.deployment": "openai/gpt-5.4-mini",
        "paceline.lane": "interactive",
        "paceline.mode": "warn",
        "paceline.outcome": "ok",
        "paceline.attempts": 1,
        "paceline.budget.judged": ["error_share mean"],
        "paceline.usage.source": "provider",
        "paceline.cost.currency": "USD",
        "paceline.cost.source": "local",
    }
    assert (attempt.name, attempt.kind) == ("chat gpt-5.4-mini", 3)
    assert attempt.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5.4-mini",
        "gen_ai.response.model": "gpt-5.4-mini",
        "server.address": "127.0.0.1",
        "server.port": exporting.at.sim_port,
        "http.response.status_code": 200,
        "paceline.deployment": "openai/gpt-5.4-mini",
        "paceline.attempt.number": 1,
        "paceline.attempt.hedge": False,
        "paceline.attempt.answered": True,
    }


def test_an_answer_from_another_deployment_shows_both_attempts(exporting: Exporting) -> None:
    exporting.set()
    call = exporting.call(model="flaky")
    span, (first, second) = exporting.to.request(call.id)
    assert span.attributes["paceline.deployment"] == "openai/gpt-5.4-mini"
    assert (first.attributes["error.type"], first.failed) == ("connect", True)
    assert (first.attributes["server.address"], first.attributes["server.port"]) == ("127.0.0.1", 1)
    assert (second.attributes["paceline.attempt.answered"], second.failed) == (True, False)
    assert "gen_ai.usage.output_tokens" not in {**first.attributes, **second.attributes}, "tokens count once"


def test_a_hedged_stream_shows_the_copy_that_won_and_the_one_given_up(exporting: Exporting) -> None:
    exporting.set()
    call = exporting.call("hedged", stream=True)
    span, (first, second) = exporting.to.request(call.id)
    answered = [each.attributes["paceline.attempt.answered"] for each in (first, second)]
    assert answered == [False, True]
    assert [each.attributes["paceline.attempt.hedge"] for each in (first, second)] == [False, True]
    assert not first.failed, "given up, not failed"
    assert first.ended_ns <= second.ended_ns
    assert "paceline.first_token" in span.events
    assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0


def test_an_answer_from_the_cache_has_no_attempt_and_costs_nothing(exporting: Exporting) -> None:
    exporting.set()
    first, again = (exporting.call("cached", temperature=0) for _ in range(2))
    span, (attempt,) = exporting.to.request(first.id)
    assert span.attributes["paceline.cache"] == "miss"
    assert attempt.attributes["paceline.attempt.answered"]
    span, attempts = exporting.to.request(again.id)
    assert (span.attributes["paceline.cache"], span.events["paceline.cache"]) == ("hit", {"paceline.cache": "hit"})
    assert (attempts, span.attributes["paceline.cost.amount"]) == ([], 0)


def test_a_caller_who_leaves_is_seen_as_one(exporting: Exporting) -> None:
    exporting.set()
    body = json.dumps({"model": "slow", "stream": True, "messages": TALK}).encode()
    exporting.call()
    key = exporting.keys["support-chat"]
    trace = secrets.token_hex(16)
    fields = (
        f"POST {CHAT} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {key}",
        f"traceparent: 00-{trace}-{'1' * 16}-01",
        "x-sim-output-tokens: 300",
        f"content-length: {len(body)}",
    )
    with socket.create_connection(("127.0.0.1", exporting.at.gateway_port)) as connection:
        connection.sendall("\r\n".join([*fields, "", ""]).encode() + body)
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
    span = until(
        lambda: next((each for each in exporting.to.spans() if each.trace == trace and each.is_request), None), "it"
    )
    assert span.attributes["paceline.outcome"] == span.attributes["error.type"] == "cancelled"
    assert not span.failed, "the caller's own doing"


def stream(at: Installation, upstream: RecordingUpstream, key: str, *fields: str) -> Exchange:
    """Have one stream with these fields in the request's head; return what the provider was asked."""
    body = json.dumps({"model": "auto", "stream": True, "messages": TALK}).encode()
    head = [f"POST {CHAT} HTTP/1.1", "host: gateway", f"authorization: Bearer {key}", f"content-length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", at.gateway_port)) as connection:
        connection.sendall("\r\n".join([*head, *fields, "", ""]).encode() + body)
        asked = upstream.take()
        asked.begin()
        for event in events(["blue"]):
            asked.chunk(event)
        asked.chunk(b"")
        answer = b""
        while b"[DONE]" not in answer:
            answer += connection.recv(65536)
    return asked


def test_trace_context_is_taken_over_and_each_attempt_names_its_own_span(exporting: Exporting, tmp_path: Path) -> None:
    trace, caller = secrets.token_hex(16), secrets.token_hex(8)
    text = STANDARDS.replace("{capture}", "")
    extra = otlp(exporting.to.endpoint("http"), protocol="http")
    state = "tracestate: vendor=a,other=b"
    with (
        RecordingUpstream() as upstream,
        installation(tmp_path, "gateway", "control", standards_text=text, upstream=upstream.url, extra=extra) as at,
    ):
        key = at.key("helpdesk", "support-chat")
        asked = stream(at, upstream, key, f"traceparent: 00-{trace}-{caller}-01", state)
        twice = stream(at, upstream, key, *[f"traceparent: 00-{trace}-{caller}-01"] * 2, state)
        malformed = stream(at, upstream, key, f"traceparent: 00-{'0' * 32}-{caller}-01", state)
        at.stop("gateway")
    for begun in (twice, malformed):
        assert [name for name, _ in begun.fields].count("traceparent") == 1
        assert begun.headers["traceparent"].split("-")[1] not in {trace, "0" * 32}
        assert "tracestate" not in begun.headers, "it is of a trace that was not taken over"
    version, told, span_id, flags = asked.headers["traceparent"].split("-")
    assert (version, told, flags) == ("00", trace, "01")
    assert asked.headers["tracestate"] == "vendor=a,other=b"
    assert [name for name, _ in asked.fields].count("traceparent") == 1
    of = lambda: [each for each in exporting.to.spans() if each.trace == trace]  # noqa: E731
    until(lambda: len(of()) == 2, "both spans, exported at the stop")
    request, attempt = sorted(of(), key=lambda each: each.kind)
    assert (request.parent, request.state) == (caller, "vendor=a,other=b")
    assert (attempt.parent, attempt.id) == (request.id, span_id)


def test_the_caller_s_flag_decides_and_without_one_the_share_but_failures_always_show(exporting: Exporting) -> None:
    exporting.set(sample=0)
    flag = lambda sampled: {"traceparent": f"00-{secrets.token_hex(16)}-{'2' * 16}-0{sampled}"}  # noqa: E731
    unseen = [exporting.call(), exporting.call(headers=flag(0))]
    failed = exporting.call(headers={"x-sim-fault": "status=500"})
    last = exporting.call(headers=flag(1))
    exporting.to.request(last.id)
    span, attempts = exporting.to.request(failed.id)
    assert span.failed
    assert span.attributes["error.type"] == "provider_error"
    assert {each.attributes["error.type"] for each in attempts} == {"500"}
    answered = [each.attributes["paceline.attempt.answered"] for each in attempts]
    assert answered == [False] * (len(attempts) - 1) + [True], "the caller got the last one's own words"
    known = {each.attributes.get("paceline.request.id") for each in exporting.to.spans()}
    assert not known & {each.id for each in unseen}


OLD = {"gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.token.usage"}
NEW = {
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.time_to_first_chunk",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
}
EVER = {
    "gen_ai.server.request.duration",
    "gen_ai.server.time_to_first_token",
    "gen_ai.server.time_per_output_token",
    "paceline.requests",
    "paceline.cost",
    "paceline.overhead.duration",
}


@pytest.mark.parametrize(("names", "wanted"), [("v1.41", OLD | EVER), ("new", NEW | EVER), ("both", OLD | NEW | EVER)])
def test_metrics_have_the_names_that_are_wanted(exporting: Exporting, names: str, wanted: set[str]) -> None:
    exporting.set(names=names, attributes={"suite": names})
    exporting.call(stream=True)
    found = until(lambda: (now := exporting.to.metrics(names)).keys() >= wanted and now, "the metrics")
    assert not {name for name in found if name.startswith("gen_ai.client")} - wanted
    point = found["gen_ai.server.request.duration"]["exponentialHistogram"]["dataPoints"][0]
    assert int(point["count"]) >= 1
    assert sum(map(int, point["positive"]["bucketCounts"])) == int(point["count"])
    assert point["scale"] == 5
    told = attributes(point)
    assert (told["paceline.service"], told["paceline.team"], told["gen_ai.request.model"]) == (
        *("helpdesk", "support"),
        "gpt-5.4-mini",
    )
    if names == "v1.41":
        points = found["gen_ai.client.token.usage"]["exponentialHistogram"]["dataPoints"]
        assert {attributes(each)["gen_ai.token.type"] for each in points} == {"input", "output"}


def test_what_is_no_inference_keeps_the_old_name_under_the_new_ones(exporting: Exporting) -> None:
    exporting.set(names="new", attributes={"suite": "embeddings"})
    exporting.call(path=EMBEDDINGS, model="vectors", input="a word")
    name = "gen_ai.client.operation.duration"
    found = until(lambda: exporting.to.metrics("embeddings").get(name), "the metric")
    (point,) = found["exponentialHistogram"]["dataPoints"]
    assert attributes(point)["gen_ai.operation.name"] == "embeddings"


def test_explicit_boundaries_and_deltas_on_request(exporting: Exporting) -> None:
    exporting.set(histograms="explicit", temporality="delta", attributes={"suite": "explicit"})
    exporting.call()
    name = "gen_ai.client.operation.duration"
    found = until(lambda: exporting.to.metrics("explicit").get(name), "the metric")["histogram"]
    assert found["aggregationTemporality"] == 1
    (point,) = found["dataPoints"]
    assert (len(point["explicitBounds"]), len(point["bucketCounts"]), point["count"]) == (14, 15, "1")
    exports = exporting.to.exports()
    exporting.call()
    again = until(lambda: exporting.to.metrics("explicit", exports).get(name), "the next one")["histogram"][
        "dataPoints"
    ]
    assert [each["count"] for each in again] == ["1"], "what came since the last export"


def captured(last: datetime) -> str:
    """Write the leave to capture until that day."""
    who = {"until": last.date().isoformat(), "reason": "a test", "requester": "dana", "approver": "lee"}
    return f", capture: {json.dumps(who)}"


def test_no_text_leaves_without_a_capture_and_only_its_own_use_case_with_one(exporting: Exporting) -> None:
    now = datetime.now(UTC)
    prompts = {name: f"canary-{secrets.token_hex(8)}" for name in ("none", "past", "other", "leave", "stream")}

    def ask(name: str, use_case: str, **more: Any) -> Call:
        return exporting.call(use_case, messages=[{"role": "user", "content": prompts[name]}], **more)

    exporting.set(attributes={"suite": "capture-none"})
    ask("none", "private")
    exporting.set(capture=captured(now - timedelta(days=1)))
    ended = ask("past", "private")
    exporting.set(capture=captured(now + timedelta(days=1)))
    other = ask("other", "support-chat")
    leave, stream = ask("leave", "private"), ask("stream", "private", stream=True)
    for call in (ended, other):
        span, _ = exporting.to.request(call.id)
        assert not {name for name in span.attributes if name.endswith(".messages")}
    for call, name in ((leave, "leave"), (stream, "stream")):
        told = exporting.to.request(call.id)[0].attributes
        assert json.loads(told["gen_ai.input.messages"]) == [
            {"role": "user", "parts": [{"type": "text", "content": prompts[name]}]}
        ]
        (answered,) = json.loads(told["gen_ai.output.messages"])
        assert answered["role"] == "assistant"
        assert answered["parts"][0]["content"]
    sent = exporting.to.raw()
    assert {name for name, text in prompts.items() if text.encode() in sent} == {"leave", "stream"}
