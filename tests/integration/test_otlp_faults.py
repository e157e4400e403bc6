"""Export that fails: a collector that is down, slow, or refuses costs spans, which are counted, and no request."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.installation import PATIENCE_S, Installation, installation, until
from tests.integration.metered import CHAT, SIM, STANDARDS, Call
from tests.integration.otel_collector import Collector
from tests.integration.recording_upstream import RecordingUpstream
from tests.integration.test_otlp import otlp

TALK = [{"role": "user", "content": "Which colour is the sky?"}]


def ask(at: Installation, key: str) -> Call:
    """Make one call, which is answered; its caller wants to see its spans."""
    fields = {"x-sim-output-tokens": "4", "traceparent": f"00-{secrets.token_hex(16)}-{'3' * 16}-01"}
    call = Call(CHAT, {"model": "auto", "messages": TALK}, fields).make(at, key)
    assert call.status == 200
    return call


def export(at: Installation) -> dict[str, Any]:
    """Tell how export stands."""
    return dict(at.link.status()["export"])


def metrics(at: Installation) -> str:
    """Return the gateway's metrics text, by way of the control process."""
    with urllib.request.urlopen(f"http://127.0.0.1:{at.control_port}/metrics", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def figure(at: Installation, name: str) -> float:
    """Read one figure out of the metrics text."""
    found = re.search(rf"^{name} (\S+)$", metrics(at), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Collector]:
    """A collector that has not been started."""
    folder = tmp_path / "collector"
    folder.mkdir()
    made = Collector(os.environ["PACELINE_TEST_OTELCOL"], folder)
    yield made
    made.stop()


def doctor(at: Installation) -> dict[str, dict[str, str]]:
    """Return what `paceline doctor` finds."""
    command = [sys.executable, "-m", "paceline", "doctor", "--format", "json", "--data", str(at.data.path)]
    done = subprocess.run(
        [*command, "--standards", str(at.standards)],
        capture_output=True,
        check=False,
        env={**os.environ, "TEST_PROVIDER_KEY": "k"},
    )
    return {each["name"]: each for each in json.loads(done.stdout)["checks"]}


@pytest.mark.otelcol
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_collector_that_is_down_is_said_once_and_found_again(tmp_path: Path, lone: Collector, protocol: str) -> None:
    extra = otlp(lone.endpoint(protocol), protocol=protocol)
    with installation(tmp_path, standards_text=STANDARDS, sim_options=SIM, extra=extra) as at:
        key = at.key("helpdesk", "support-chat")
        first = ask(at, key)
        why = until(lambda: export(at)["failing"], "the first failure")
        assert figure(at, "paceline_otlp_failing") == 1
        check = doctor(at)["OTLP export"]
        assert (check["state"], check["seen"].startswith(f"{lone.endpoint(protocol)}: {why}")) == ("wrong", True)
        until(lambda: export(at)["failures"] > 2, "further tries")
        lone.start()
        lone.request(first.id)
        span, _ = lone.request(ask(at, key).id)
        assert span.attributes["paceline.outcome"] == "ok"
        until(lambda: export(at)["failing"] is None, "it to work again")
        assert figure(at, "paceline_otlp_failing") == 0
        until(lambda: figure(at, "paceline_otlp_spans_total") >= 4, "the spans to be counted")
        lines = [line for line in at.log("gateway").splitlines() if "OTLP" in line]
        assert ["fails" in line for line in lines] == [True, False], lines


@pytest.mark.otelcol
@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program")
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_over_tls_a_collector_is_trusted_by_the_machine_s_store_or_not_at_all(
    tmp_path: Path, lone: Collector, protocol: str
) -> None:
    lone.certificate = tmp_path / "collector.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(lone.certificate.with_suffix(".key")), "-out", str(lone.certificate)]
    command += ["-days", "1", "-subj", "/CN=collector", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE"]  # it is no authority, it is trusted itself
    subprocess.run(command, check=True, capture_output=True)
    lone.start()
    extra = otlp(lone.endpoint(protocol), protocol=protocol)
    for trusted in (False, True):
        place = tmp_path / f"trusted-{trusted}"
        place.mkdir()
        environment = {"SSL_CERT_FILE": str(lone.certificate)} if trusted else {}
        made = {"standards_text": STANDARDS, "sim_options": SIM, "extra": extra, "environment": environment}
        with installation(place, **made) as at:
            call = ask(at, at.key("helpdesk", "support-chat"))
            if trusted:
                assert lone.request(call.id)[0].attributes["paceline.service"] == "helpdesk"
            else:
                assert "TLS" in until(lambda: export(at)["failing"], "the refusal")


def test_a_collector_that_never_answers_costs_spans_and_no_request(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        extra = otlp(endpoint, protocol="http", timeout="200ms", queue_max=4)
        with installation(tmp_path, standards_text=STANDARDS, sim_options=SIM, extra=extra) as at:
            key = at.key("helpdesk", "support-chat")
            served = 0
            while not export(at)["requests_dropped"]:
                ask(at, key)
                served += 1
                assert export(at)["waiting"] <= 4
                assert served < 1000
            assert export(at)["spans_sent"] == 0
            assert figure(at, "paceline_otlp_dropped_requests_total") >= 1
            assert figure(at, "paceline_otlp_waiting_requests") <= 4
            at.stop("gateway")  # does not hang on the collector either


def test_what_a_collector_refuses_is_not_sent_again_and_headers_are_read_from_secrets(tmp_path: Path) -> None:
    with RecordingUpstream() as collector:
        headers = {"Api-Key": "env:TEST_OTLP_KEY", "x-tenant": "env:TEST_NOT_THERE"}
        extra = otlp(collector.url, protocol="http", headers=headers, metrics=False, sample=0, compression="none")
        made = {"standards_text": STANDARDS, "sim_options": SIM, "extra": extra}
        with installation(tmp_path, environment={"TEST_OTLP_KEY": "s3cret-otlp"}, **made) as at:
            key = at.key("helpdesk", "support-chat")
            ask(at, key)
            sent = collector.take()
            assert sent.target == "/v1/traces"
            assert sent.headers["content-type"] == "application/x-protobuf"
            assert (sent.headers["api-key"], "x-tenant" in sent.headers) == ("s3cret-otlp", False)
            assert b"helpdesk" in sent.body
            assert TALK[0]["content"].encode() not in sent.body
            sent.answer(b"", status="400 Bad Request")
            until(lambda: export(at)["requests_dropped"] == 1, "the batch to be given up")
            told = export(at)
            assert (told["failures"], told["failing"]) == (1, "the collector answered 400")
            assert told["headers_missing"] == ["env:TEST_NOT_THERE"]
            ask(at, key)
            again = collector.take()
            again.answer(b"", "retry-after: 1", status="503 Service Unavailable")
            third = collector.take()
            assert third.body == again.body, "what it could not take for now is sent again"
            third.answer(b"")
            until(lambda: export(at)["failing"] is None, "it to work")
            assert "s3cret-otlp" not in at.log("gateway") + json.dumps(at.link.status())


@pytest.mark.prometheus
def test_the_metrics_text_is_what_promtool_accepts(tmp_path: Path) -> None:
    promtool = os.environ["PACELINE_TEST_PROMETHEUS"]
    with installation(tmp_path, standards_text=STANDARDS, sim_options=SIM, extra=otlp("http://127.0.0.1:1")) as at:
        key = at.key("helpdesk", "support-chat")
        ask(at, key)
        text = until(lambda: (now := metrics(at)).count("paceline_total_seconds_count") and now, "the metrics")
    done = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    complaints = (done.stdout + done.stderr).decode()
    assert done.returncode in {0, 3}, complaints
    assert "error while linting" not in complaints
    for boundary in (1.0, 2.0):  # limits of the class: ttft p95 and p99
        assert f'le="{boundary}"' in text
