"""`paceline up` with its real processes and a simulated provider: first start, calls, a kill, the next start."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

STANDARDS = """\
version: 1
organisation: Test
providers: {{house: {{dialect: openai, base_url: "http://127.0.0.1:{sim}/v1"}}}}
models: {{small: {{deployments: [house/m]}}}}
tasks: {{chat: small}}
use_cases: {{support-chat: {{class: chat, task: chat}}}}
teams: {{support: {{}}}}
services: {{helpdesk: {{owner: support, use_cases: [support-chat]}}}}
"""
PATIENCE_S = 60.0
ASK = {"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
    return value


def paceline(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "paceline", *arguments)
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


class Up:
    """One run of `paceline up`, with what it has printed."""

    def __init__(self, home: Path) -> None:
        self.gateway, self.control = free_port(), free_port()
        self.printed = ""
        command = (sys.executable, "-m", "paceline", "up")
        addresses = ("--gateway", f"127.0.0.1:{self.gateway}", "--control", f"127.0.0.1:{self.control}")
        self.process = subprocess.Popen(
            (*command, *addresses), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line

    def wait_for(self, text: str) -> None:
        until(lambda: text in self.printed or self.process.poll() is not None, text)
        assert text in self.printed, self.printed

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def ask(self, key: str, path: str = "/v1/chat/completions") -> int:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        url = f"http://127.0.0.1:{self.gateway}{path}"
        request = urllib.request.Request(url, json.dumps(ASK).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control}/api/status", timeout=PATIENCE_S) as answer:
            return dict(json.load(answer))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    port = free_port()
    (tmp_path / "paceline.yaml").write_text(STANDARDS.format(sim=port))
    command = (sys.executable, "-m", "paceline", "sim", "--listen", f"127.0.0.1:{port}", "--model", "m=instant")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as sim:
        yield tmp_path
        sim.terminate()


@contextmanager
def up(home: Path) -> Iterator[Up]:
    running = Up(home)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            assert running.end() == 0, running.printed


def test_the_first_start_prints_keys_and_a_call_that_works_and_the_next_one_neither(home: Path) -> None:
    with up(home) as first:
        first.wait_for("curl")
        key = re.search(r"Bearer (pk-\w{40})", first.printed)
        assert key is not None
        assert re.search(r"admin key +pa-\w{40} ", first.printed)
        assert first.ask(key[1], "/t/helpdesk/support-chat/v1/chat/completions") == 200
        until(lambda: first.status()["plan"]["is_current"], "control to find its plan in force")
    assert first.printed.endswith("paceline: stopped\n")
    with up(home) as second:
        second.wait_for("paceline keys create --service NAME")
        assert not re.search(r"p[ka]-\w{40}", second.printed)
    report = json.loads(paceline("report", "--format", "json", cwd=home).stdout)
    assert [(one["service"], one["requests"], one["outcomes"]["ok"]) for one in report["services"]] == [
        ("helpdesk", 1, 1)
    ]


def test_a_providers_key_that_is_not_there_is_warned_of_at_the_start(home: Path) -> None:
    path = home / "paceline.yaml"
    path.write_text(path.read_text().replace("house: {dialect", "house: {key: env:NO_SUCH_KEY, dialect"))
    with up(home) as running:
        running.wait_for("curl")
    warning = "paceline: warning: no key for provider house: env:NO_SUCH_KEY is not there; calls to it will fail"
    assert warning in running.printed.splitlines()


def test_keys_of_a_first_start_that_fails_are_shown_all_the_same(home: Path) -> None:
    (home / ".paceline" / "journal").mkdir(parents=True)
    (home / ".paceline" / "journal" / "gateway").mkdir()  # what no journal can be opened with
    addresses = ("--gateway", f"127.0.0.1:{free_port()}", "--control", f"127.0.0.1:{free_port()}")
    done = paceline("up", *addresses, cwd=home)
    assert done.returncode == 2
    assert re.search(r"admin key +pa-\w{40} ", done.stdout)
    assert re.search(r"key +pk-\w{40} ", done.stdout)


def test_no_key_and_no_prompt_is_in_any_log(home: Path) -> None:
    with up(home) as running:
        running.wait_for("curl")
        key = re.search(r"Bearer (pk-\w{40})", running.printed)
        assert key is not None
        assert running.ask(key[1]) == 200
        assert running.ask("pk-" + "x" * 40) == 401
    for log in (home / ".paceline").glob("*.log"):
        text = log.read_text()
        assert "pk-" not in text
        assert "Say hello" not in text


def test_keys_take_effect_on_a_running_gateway_and_a_killed_gateway_comes_back(home: Path) -> None:
    with up(home) as running:
        running.wait_for("curl")
        made = json.loads(paceline("keys", "create", "--service", "helpdesk", "--format", "json", cwd=home).stdout)
        until(lambda: running.ask(made["key"]) == 200, "the key to work")
        state = json.loads((home / ".paceline" / "up.json").read_text())
        os.kill(state["parts"]["gateway"], signal.SIGKILL)
        running.wait_for("gateway ended (SIGKILL); starting it again in 0.25 s")
        running.wait_for("gateway is ready again")
        assert running.ask(made["key"]) == 200
        assert paceline("keys", "revoke", made["id"], cwd=home).stdout == f"revoked {made['id']}\n"
        until(lambda: running.ask(made["key"]) == 401, "the key to be refused")
        assert paceline("keys", "revoke", made["id"], cwd=home).returncode == 1


def test_run_finds_the_gateway_makes_a_key_and_revokes_it(home: Path) -> None:
    script = (
        "import os, json, urllib.request as u;"
        "r = u.Request(os.environ['OPENAI_BASE_URL'] + '/chat/completions',"
        f" json.dumps({ASK!r}).encode(),"
        " {'authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'content-type': 'application/json'});"
        "print(u.urlopen(r).headers['x-paceline-model']); raise SystemExit(3)"
    )
    with up(home) as running:
        running.wait_for("curl")
        asked = ("run", "--service", "helpdesk", "--use-case", "support-chat", "--", sys.executable, "-c", script)
        done = paceline(*asked, cwd=home)
        assert (done.returncode, done.stdout) == (3, "small\n"), done.stderr
        doctor = json.loads(paceline("doctor", "--format", "json", cwd=home).stdout)
    keys = json.loads(paceline("keys", "list", "--format", "json", cwd=home).stdout)["keys"]
    assert [bool(key["revoked_at"]) for key in keys if key["name"].startswith("run ")] == [True]
    states = {check["name"]: check["state"] for check in doctor["checks"]}
    assert states == dict.fromkeys(states, "ok")
    assert {"gateway", "control", "plan in force", "journal", "ledger"} <= set(states)


def test_a_port_in_use_is_said_so_with_another_to_try(home: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = paceline("up", "--gateway", f"127.0.0.1:{port}", cwd=home)
    assert done.returncode == 2
    assert f"error: 127.0.0.1:{port} for the gateway is in use." in done.stderr
    assert f"--gateway 127.0.0.1:{port + 10}" in done.stderr


def test_a_second_up_on_the_same_directory_names_the_first(home: Path) -> None:
    with up(home) as running:
        running.wait_for("curl")
        addresses = ("--gateway", f"127.0.0.1:{free_port()}", "--control", f"127.0.0.1:{free_port()}")
        done = paceline("up", *addresses, cwd=home)
    assert done.returncode == 2
    pid = running.process.pid
    assert f"`paceline up` runs already on {home}/.paceline (process {pid})." in done.stderr
    assert f"`kill {pid}`" in done.stderr


def test_both_processes_leave_when_up_is_killed_and_the_next_one_starts(home: Path) -> None:
    with up(home) as running:
        running.wait_for("curl")
        children = json.loads((home / ".paceline" / "up.json").read_text())["parts"]
        assert set(children) == {"gateway", "control"}
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        for name, pid in children.items():
            until(lambda pid=pid: has_ended(pid), f"{name} to leave")
    with up(home) as again:
        again.wait_for("paceline keys create --service NAME")


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or only waits for its new parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_faults_in_the_standards_stop_the_start_with_the_way_to_see_them(home: Path) -> None:
    path = home / "paceline.yaml"
    path.write_text(path.read_text().replace("owner: support", "owner: suport"))
    addresses = ("--gateway", f"127.0.0.1:{free_port()}", "--control", f"127.0.0.1:{free_port()}")
    done = paceline("up", *addresses, cwd=home)
    assert done.returncode == 2
    assert "paceline.yaml has 1 fault; the first: line 8: services.helpdesk.owner" in done.stderr
    assert "`paceline validate paceline.yaml` shows all of them with fixes." in done.stderr


def test_run_for_a_service_that_the_standards_do_not_have_is_refused_at_once(home: Path) -> None:
    (home / ".paceline").mkdir(mode=0o700)
    done = paceline("run", "--service", "nobody", "--use-case", "support-chat", "--", "true", cwd=home)
    assert done.returncode == 2
    assert "paceline.yaml has no service 'nobody' (it has helpdesk)." in done.stderr
    assert json.loads(paceline("keys", "list", "--format", "json", cwd=home).stdout)["keys"] == []
