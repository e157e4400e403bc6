"""`paceline demo` whole: a few seconds of the real thing, and what can be asked afterwards."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paceline.demo.stage import MARK_NAME, NotOursError, set_stage

pytestmark = pytest.mark.slow
PATIENCE_S = 100.0


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "paceline", *arguments)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_in_a_pipe_it_ends_with_the_report_and_every_number_agrees(tmp_path: Path) -> None:
    done = run("demo", "--seconds", "6", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    for service in ("helpdesk", "editor", "builder"):
        assert re.search(rf"^{service} ", done.stdout, re.MULTILINE), done.stdout
    made, by_sdk = (
        int(number) for number in _one(r"Clients made (\d+) calls, (\d+) of them with the SDKs", done.stdout)
    )
    held, ok = (int(number) for number in _one(r"The ledger holds (\d+) calls, (\d+) of them answered", done.stdout))
    assert (held, by_sdk > 0, ok > 0) == (made, True, True)
    assert "Next: paceline report --data .paceline-demo --format html > report.html" in done.stdout

    report = json.loads(run("report", "--data", ".paceline-demo", "--format", "json", cwd=tmp_path).stdout)
    assert sum(one["requests"] for one in report["services"]) == made
    assert {one["owner"] for one in report["services"]} == {"support", "devtools", "platform"}
    assert all(one["cost_coverage"] == 1 for one in report["services"])
    assert report["gateway"]["overhead_us"]["n"] == made


def _one(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    assert found is not None, text
    return found.groups()


def test_on_a_terminal_it_keeps_serving_until_ctrl_c(tmp_path: Path) -> None:
    here, there = pty.openpty()
    process = subprocess.Popen(
        command("demo", "--seconds", "2"), cwd=tmp_path, stdin=there, stdout=there, stderr=there, start_new_session=True
    )
    os.close(there)
    printed = b""
    asked = False
    while chunk := _read(here):
        printed += chunk
        if b"/metrics the gateway's metrics" in printed.replace(b"\r\n", b" ") and not asked:
            asked = True
            process.send_signal(signal.SIGINT)
    os.close(here)
    assert process.wait(PATIENCE_S) == 0, printed.decode(errors="replace")
    text = printed.decode(errors="replace")
    assert "Everything still runs; Ctrl-C ends it." in text
    assert re.search(r"Bearer pk-\w{40}", text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed: the program has ended
        return b""


def test_a_directory_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    done = run("demo", "--data", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[1] == "  fix: name another directory with --data."
    assert (tmp_path / "precious").read_text() == "mine"
    with pytest.raises(NotOursError):
        set_stage(tmp_path)


def test_the_directory_is_made_afresh_and_says_so(tmp_path: Path) -> None:
    first = set_stage(tmp_path / "demo")
    (first.data.path / "old").touch()
    second = set_stage(tmp_path / "demo")
    assert sorted(path.name for path in second.data.path.iterdir()) == [MARK_NAME, "paceline.yaml"]
    assert f"http://{second.sim}/v1" in second.standards.read_text()
