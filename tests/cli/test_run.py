"""`paceline run`: what the program's environment says, and whose exit code comes out, with real children."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from inline_snapshot import snapshot

from paceline.gateway.sdk_environment import Tag, sdk_environment

PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def run(*program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    arguments = ("run", "--service", "helpdesk", "--use-case", "support-chat", "--gateway", "http://127.0.0.1:9/")
    return subprocess.run(
        (sys.executable, "-m", "paceline", *arguments, "--", *program),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PACELINE_KEY": "pk-test"} | environment,
    )


def test_every_variable_is_set_with_the_tag_in_the_path() -> None:
    own = {"HOME": "/root", "OPENAI_ORGANIZATION": "org-1", "ANTHROPIC_AUTH_TOKEN": "secret", "NO_PROXY": "example.com"}
    found = sdk_environment(own, "http://127.0.0.1:4100", "pk-test", Tag("helpdesk", "support-chat"))
    assert found == snapshot(
        {
            "HOME": "/root",
            "NO_PROXY": "example.com,127.0.0.1",
            "OPENAI_BASE_URL": "http://127.0.0.1:4100/t/helpdesk/support-chat/v1",
            "OPENAI_API_BASE": "http://127.0.0.1:4100/t/helpdesk/support-chat/v1",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:4100/t/helpdesk/support-chat",
            "ANTHROPIC_API_BASE": "http://127.0.0.1:4100/t/helpdesk/support-chat",
            "ANTHROPIC_API_URL": "http://127.0.0.1:4100/t/helpdesk/support-chat",
            "OPENAI_API_KEY": "pk-test",
            "ANTHROPIC_API_KEY": "pk-test",
            "PACELINE_KEY": "pk-test",
            "OPENAI_CUSTOM_HEADERS": """\
x-paceline-service: helpdesk
x-paceline-use-case: support-chat\
""",
            "ANTHROPIC_CUSTOM_HEADERS": """\
x-paceline-service: helpdesk
x-paceline-use-case: support-chat\
""",
            "PACELINE_URL": "http://127.0.0.1:4100",
            "PACELINE_SERVICE": "helpdesk",
            "PACELINE_USE_CASE": "support-chat",
            "no_proxy": "127.0.0.1",
        }
    )


def test_headers_of_ones_own_stay() -> None:
    found = sdk_environment({"OPENAI_CUSTOM_HEADERS": "x-team: a\n"}, "http://g", "k", Tag("s", "u"))
    assert found["OPENAI_CUSTOM_HEADERS"].splitlines() == [
        "x-team: a",
        "x-paceline-service: s",
        "x-paceline-use-case: u",
    ]


def test_a_tag_is_quoted_in_the_path() -> None:
    assert Tag("a/b", "c d").path == "/t/a%2Fb/c%20d"


def test_a_real_child_sees_the_variables_and_its_arguments() -> None:
    done = run(sys.executable, "-c", PRINT_ENVIRONMENT, "--service", "its own")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["OPENAI_BASE_URL"] == "http://127.0.0.1:9/t/helpdesk/support-chat/v1"
    assert seen["OPENAI_API_KEY"] == "pk-test"


def test_both_sdks_take_the_variables_as_meant() -> None:
    script = (
        "import anthropic, openai;"
        "o, a = openai.OpenAI(), anthropic.Anthropic();"
        "print(o.base_url, a.base_url, o.api_key, a.api_key, a.auth_token)"
    )
    done = run(sys.executable, "-W", "ignore", "-c", script, ANTHROPIC_AUTH_TOKEN="someone else's")
    assert done.stdout.split() == [
        "http://127.0.0.1:9/t/helpdesk/support-chat/v1/",
        "http://127.0.0.1:9/t/helpdesk/support-chat/",
        "pk-test",
        "pk-test",
        "None",
    ]


def test_the_exit_code_is_the_childs() -> None:
    assert run(sys.executable, "-c", "raise SystemExit(7)").returncode == 7


def test_a_program_that_is_not_there_is_said_so_with_a_shells_exit_code() -> None:
    done = run("no-such-program")
    assert done.returncode == 127
    assert done.stderr == snapshot("""\
error: cannot start 'no-such-program': No such file or directory.
  fix: check the command after `--`.
""")


def test_a_program_that_cannot_be_executed_is_said_so(tmp_path: object) -> None:
    done = run(str(tmp_path))
    assert done.returncode == 126


def test_without_a_key_and_without_a_data_directory_both_ways_out_are_named(tmp_path: object) -> None:
    done = run("true", PACELINE_KEY="", PACELINE_DATA=f"{tmp_path}/none")
    assert done.returncode == 2
    assert "set PACELINE_KEY, or name the gateway's data directory with --data." in done.stderr


def test_a_key_for_an_https_address_never_travels_in_plain_text(tmp_path: Path) -> None:
    heard = b""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hear() -> None:
            nonlocal heard
            connection, _ = listener.accept()
            with connection:
                heard = connection.recv(4096)

        listening = threading.Thread(target=hear)
        listening.start()
        address = f"https://127.0.0.1:{listener.getsockname()[1]}"
        asked = ("run", "--gateway", address, "--service", "helpdesk", "--use-case", "support-chat", "--", "true")
        command = (sys.executable, "-m", "paceline", *asked)
        environment = {name: value for name, value in os.environ.items() if name != "PACELINE_KEY"}
        environment["PACELINE_DATA"] = str(tmp_path)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        listening.join()
    assert done.returncode == 2
    assert b"pk-" not in heard
    assert heard.startswith(b"\x16\x03")  # a TLS handshake
