"""TLS towards callers: the certificate of the standards, over HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.installation import PATIENCE_S, Installation, until
from tests.integration.ledger_rows import row
from tests.integration.raw_client import CHAT, asking

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="needs the curl and openssl programs"
)


class Secure(Installation):
    """An installation whose gateway speaks TLS: it is ready when its admin socket says so."""

    def _is_ready(self, name: str) -> bool:
        return bool(self.link.status()["plan"]) if name == "gateway" else super()._is_ready(name)


def certificate(directory: Path) -> str:
    """Make a certificate and return the standards' text that names it."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=localhost", "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return f"gateway: {{tls: {{certificate: {directory / 'tls.crt'}, key: {directory / 'tls.key'}}}}}\n"


def curl(at: Installation, key: str, *options: str, **more: object) -> tuple[str, str, str]:
    """Ask through curl; return the protocol's version, the request id, and the body."""
    command = ["curl", "-sk", "--max-time", str(PATIENCE_S), *options]
    command += ["-w", "\n%{http_version} %header{x-paceline-request-id}"]
    command += ["-H", f"authorization: Bearer {key}", "-H", "content-type: application/json"]
    command += ["-d", json.dumps(asking(**more)), f"https://127.0.0.1:{at.gateway_port}{CHAT}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    body, _, last = told.rpartition("\n")
    version, name = last.split()
    return version, name, body


def test_https_speaks_both_protocols_and_plain_http_is_not_served(tmp_path: Path) -> None:
    at = Secure(tmp_path, extra=certificate(tmp_path))
    try:
        at.start("sim", "control")
        until(at.data.plan.exists, "the first plan")
        ledger = at.ledger()
        key = ledger.keys.create(service="helpdesk").key
        ledger.close()
        at.start("gateway")
        until(lambda: "200" in (_code(at, key)), "the gateway to know the key")
        for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
            spoken, name, body = curl(at, key, option)
            assert spoken == version
            assert json.loads(body)["choices"]
            assert row(at, name)["outcome"] == "ok"
            spoken, name, body = curl(at, key, option, stream=True)
            assert spoken == version
            assert body.endswith("data: [DONE]\n\n")
            assert row(at, name)["outcome"] == "ok"
        plain = subprocess.run(
            ["curl", "-s", f"http://127.0.0.1:{at.gateway_port}/healthz"], check=False, capture_output=True
        )
        assert plain.returncode != 0
        assert plain.stdout == b""
        at.stop()
    finally:
        at.end()


def test_the_very_first_start_speaks_tls_already(tmp_path: Path) -> None:
    at = Secure(tmp_path, extra=certificate(tmp_path))
    command = [sys.executable, "-m", "paceline", "up", "--standards", str(at.standards), "--data", str(at.data.path)]
    command += ["--gateway", f"127.0.0.1:{at.gateway_port}", "--control", f"127.0.0.1:{at.control_port}"]
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: _is_up(at, up), "paceline up to be up")
        health = ["curl", "-sk", f"https://127.0.0.1:{at.gateway_port}/healthz"]
        assert subprocess.run(health, check=True, capture_output=True).stdout == b"ok\n"
        assert at.link.status()["wait_for_restart"] == []
        told = at.log("up")
        assert f"gateway https://127.0.0.1:{at.gateway_port} " in told
        assert f"curl --cacert {tmp_path / 'tls.crt'} https://127.0.0.1:{at.gateway_port}/t/" in told
        call = told.partition("  Try it:")[2].strip()
        answer = subprocess.run(["sh", "-c", call], check=True, capture_output=True, text=True).stdout
        assert json.loads(answer)["error"]["paceline_code"] == "G408"  # it got through; there is no provider's key
        doctor = [sys.executable, "-m", "paceline", "doctor", "--standards", str(at.standards), "--data", at.data.path]
        looked = subprocess.run(doctor, check=False, capture_output=True, text=True, timeout=PATIENCE_S).stdout
        assert f"answers on 127.0.0.1:{at.gateway_port}" in looked, looked
        program = [sys.executable, "-c", "import os; print(os.environ['OPENAI_BASE_URL'])"]
        run = [sys.executable, "-m", "paceline", "run", "--service", "helpdesk", "--use-case", "support-chat"]
        run += ["--data", str(at.data.path), "--", *program]
        done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
        base = f"https://127.0.0.1:{at.gateway_port}/t/helpdesk/support-chat/v1"
        assert (done.returncode, done.stdout.strip()) == (0, base), done.stderr
        named = [*run[:4], "--gateway", f"https://127.0.0.1:{at.gateway_port}", *run[4:]]
        done = subprocess.run(named, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
        assert (done.returncode, done.stdout.strip()) == (0, base), done.stderr
        up.terminate()
        assert up.wait(PATIENCE_S) == 0
    finally:
        up.kill()
        up.wait(PATIENCE_S)


def _is_up(at: Installation, up: subprocess.Popen[bytes]) -> bool:
    assert up.poll() is None, at.log("up")
    return "Say hello" in at.log("up")


def _code(at: Installation, key: str) -> str:
    command = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"authorization: Bearer {key}"]
    url = f"https://127.0.0.1:{at.gateway_port}/v1/models"
    return subprocess.run([*command, url], check=False, capture_output=True, text=True).stdout
