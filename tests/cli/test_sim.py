"""`paceline sim`: its options as the simulator's configuration, and the process itself."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from paceline.cli.sim import configuration
from paceline.cli.trouble import Trouble


def test_options_become_the_configuration() -> None:
    models = ("a", "b=large", "c=frontier,per_prefill_token_ms=0.05,max_running=8")
    assert json.loads(configuration("127.0.0.1:1", models, 2.0, 7)) == {
        "listen": "127.0.0.1:1",
        "models": [
            {"name": "a", "preset": None},
            {"name": "b", "preset": "large"},
            {"name": "c", "preset": "frontier", "per_prefill_token_ms": 0.05, "max_running": 8},
        ],
        "speed": 2.0,
        "seed": 7,
    }


@pytest.mark.parametrize("model", ["a=large,step_ms", "a=large,step_ms=fast"])
def test_a_field_without_a_number_is_refused(model: str) -> None:
    with pytest.raises(Trouble, match="is not FIELD=NUMBER"):
        configuration("x", (model,), 1.0, 1)


def test_a_model_that_makes_no_sense_is_refused_with_its_place() -> None:
    command = (sys.executable, "-m", "paceline", "sim", "--model", "a=huge")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "huge" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[1].startswith("  fix: ")


def test_it_serves_and_leaves_cleanly() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "paceline", "sim", "--listen", f"127.0.0.1:{port}", "--model", "m=instant")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (names := _models(port)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert names == ["m"]


def _models(port: int) -> list[str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5) as answer:
            return [one["id"] for one in json.load(answer)["data"]]
    except OSError:
        return []
