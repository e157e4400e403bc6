"""The language server, driven over standard input and output with the messages that an editor sends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paceline.lint.editing import Open
from paceline.lint.findings import Fix
from paceline.lint.sites import Edit

APP = "# 😋\nfrom openai import OpenAI\nc = OpenAI(timeout=None)  # 😋\nx = '😋', c.chat.completions.create(model=M)\n"


class Editor:
    """Speaks the protocol's framing with a server in a process of its own."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-m", "paceline", "check", "--lsp"]
        self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.told: list[dict[str, Any]] = []

    def send(self, method: str, params: object, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found = json.loads(self.process.stdout.read(length))
        assert isinstance(found, dict)
        return found

    def ask(self, method: str, params: object) -> Any:
        self.number += 1
        self.send(method, params, self.number)
        while (answer := self.receive()).get("id") != self.number:
            self.told.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def wait(self, method: str) -> Any:
        while True:
            message = self.told.pop(0) if self.told else self.receive()
            if message.get("method") == method:
                return message["params"]

    def diagnostics(self, path: str = "app.py") -> list[dict[str, Any]]:
        """Return the next that are told of a file."""
        while True:
            told = self.wait("textDocument/publishDiagnostics")
            if told["uri"].endswith(path):
                found = told["diagnostics"]
                assert isinstance(found, list)
                return found


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path)
    answer = made.ask("initialize", {"processId": None, "rootUri": tmp_path.as_uri(), "capabilities": {}})
    assert answer["serverInfo"]["name"] == "paceline"
    made.send("initialized", {})
    yield made
    made.ask("shutdown", None)
    made.send("exit", None)
    assert made.process.wait(60) == 0
    for stream in (made.process.stdin, made.process.stdout):
        assert stream is not None
        stream.close()


def opened(editor: Editor, path: Path, text: str) -> str:
    document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
    editor.send("textDocument/didOpen", {"textDocument": document})
    return path.as_uri()


def actions(editor: Editor, uri: str, line: int, only: list[str] | None = None) -> list[dict[str, Any]]:
    here = {"line": line, "character": 0}
    context: dict[str, Any] = {"diagnostics": []} | ({"only": only} if only else {})
    found = editor.ask(
        "textDocument/codeAction",
        {"textDocument": {"uri": uri}, "range": {"start": here, "end": here}, "context": context},
    )
    assert isinstance(found, list)
    return found


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """Apply edits as an editor does, whose columns count in UTF-16."""

    def offset(position: dict[str, int]) -> int:
        lines = text.splitlines(keepends=True)
        line = (lines[position["line"]] if position["line"] < len(lines) else "").encode("utf-16-le")
        before = sum(map(len, lines[: position["line"]]))
        return before + len(line[: position["character"] * 2].decode("utf-16-le"))

    for edit in sorted(edits, key=lambda each: offset(each["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


def test_what_is_open_is_linted_as_it_changes(editor: Editor, tmp_path: Path) -> None:
    uri = opened(editor, tmp_path / "app.py", APP)
    found = {each["code"]: each for each in editor.diagnostics()}
    assert found["T303"]["range"]["start"] == {"line": 2, "character": 19}
    assert found["C201"]["range"]["start"] == {"line": 3, "character": 10}, "columns count in UTF-16"
    assert (found["C201"]["severity"], found["C201"]["source"]) == (1, "paceline")
    editor.send(
        "textDocument/didChange",
        {
            "textDocument": {"uri": uri, "version": 2},
            "contentChanges": [{"text": APP.replace("timeout=None", "timeout=3")}],
        },
    )
    assert "T303" not in {each["code"] for each in editor.diagnostics()}
    editor.send("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert editor.diagnostics() == []


def test_a_pragma_is_offered_and_waits_for_its_reason(editor: Editor, tmp_path: Path) -> None:
    uri = opened(editor, tmp_path / "app.py", APP)
    editor.diagnostics()
    (action,) = [each for each in actions(editor, uri, 3) if each["title"].startswith("Ignore C201")]
    text = applied(APP, action["edit"]["changes"][uri])
    assert text.splitlines()[3] == '# paceline: ignore[C201] reason=""'
    codes = [each.code for each in linted(tmp_path / "app.py", text)]
    assert {"C201", "L001"} <= set(codes)
    assert "C201" not in [each.code for each in linted(tmp_path / "app.py", text.replace('""', '"one word"'))]


def linted(path: Path, text: str) -> list[Any]:
    found = Open(path, text)
    found.lint()
    return found.findings


def test_fixes_are_offered_when_they_are_proven(tmp_path: Path) -> None:
    found = Open(tmp_path / "app.py", APP)
    found.lint()
    (at, finding) = next((at, each) for at, each in enumerate(found.findings) if each.code == "T303")
    start = APP.encode().index(b"timeout=None")
    for end, offered in ((start + 12, True), (start + 13, False)):
        found.findings[at] = replace(finding, fix=Fix("Remove it", "safe", (Edit(start, end, ""),)))
        mending = [each for each in found.actions(2, 2) if each.title == "Remove it (T303)"]
        assert [each.changes for each in mending] == ([(((2, 11), (2, 23), ""),)] if offered else [])
        assert (found.all_safe() == APP.replace("timeout=None", "")) is offered


def test_hovering_shows_the_page(editor: Editor, tmp_path: Path) -> None:
    uri = opened(editor, tmp_path / "app.py", APP)
    where = {"textDocument": {"uri": uri}, "position": {"line": 3, "character": 12}}
    assert "# C201 cap-missing" in editor.ask("textDocument/hover", where)["contents"]["value"]
    where["position"] = {"line": 0, "character": 0}
    assert editor.ask("textDocument/hover", where) is None


def test_trouble_is_told_and_does_not_end_it(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "paceline-check.toml").write_text("nothing = 1\n")
    uri = opened(editor, tmp_path / "app.py", APP)
    assert "there is no key `nothing`" in editor.wait("window/showMessage")["message"]
    (tmp_path / "paceline-check.toml").unlink()
    editor.send("textDocument/didSave", {"textDocument": {"uri": uri}})
    editor.diagnostics()
    opened(editor, tmp_path / "broken.py", "import openai\ndef (")
    assert editor.diagnostics("broken.py") == []
    opened(editor, tmp_path / "notes.txt", "openai")
    assert editor.diagnostics("notes.txt") == []


def test_configuration_and_baseline_count_in_an_editor_too(tmp_path: Path) -> None:
    (tmp_path / "paceline-check.toml").write_text("select = ['C201', 'T303']\n")
    counts = {"version": 1, "findings": {"app.py": {"C201": 1}}}
    (tmp_path / "paceline-baseline.json").write_text(json.dumps(counts))
    assert [each.code for each in linted(tmp_path / "app.py", APP)] == ["T303"]
    assert linted(tmp_path / "test_app.py", APP) == []


def test_what_another_file_sets_for_the_whole_program_counts(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    text = "import litellm\nlitellm.completion(model=M, max_tokens=3)\n"
    (tmp_path / "app.py").write_text(text)
    (tmp_path / "boot.py").write_text("import litellm\nlitellm.request_timeout = 30\n")
    found = Open(tmp_path / "app.py", text)
    found.lint()
    assert "T302" in {each.code for each in found.findings}, "boot.py is not git's yet"
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    found.lint()
    assert found.findings
    assert "T302" not in {each.code for each in found.findings}


def test_a_pragma_ends_as_the_lines_of_its_file_do(tmp_path: Path) -> None:
    for end in ("\n", "\r\n"):
        found = Open(tmp_path / "app.py", APP.replace("\n", end))
        found.lint()
        texts = [change[2] for each in found.actions(0, 9) for change in each.changes if "paceline:" in change[2]]
        assert texts
        assert all(text.endswith(f'reason=""{end}') for text in texts)
