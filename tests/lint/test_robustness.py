"""No input crashes the linter: broken, huge, deeply nested, wrongly encoded, binary and empty files of every kind.

A file that cannot be parsed is reported and skipped, and what lies beside it is still linted. Owns no rule's meaning.
"""

from __future__ import annotations

import json
import os
import random
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from paceline.catalogue import load
from paceline.cli.check import command as check
from paceline.lint import fronts
from paceline.lint.findings import Policy
from paceline.lint.run import Outcome, check_bytes

PYTHON = b"""\
import openai
from langchain_openai import ChatOpenAI
llm = ChatOpenAI(model="gpt-5.4", base_url=URL)
client = openai.OpenAI(timeout=30, **options)


class Asker(Base[T]):
    async def ask(self, *args, limit: int | None = None, **more):
        params = {"max_tokens": limit, **more}
        params |= {"stream": True}
        with client.beta.chat.completions.stream(messages=[f"{now()}"], **params) as stream:
            return [piece async for piece in stream if (found := piece.choices)]
"""
SCRIPT = b"""\
import OpenAI, { AzureOpenAI as Azure } from "openai";
import { streamText } from "ai";
const client = new OpenAI({ apiKey: `${key}`, ...options });
export async function ask<T>(limit?: number): Promise<T> {
  const params = { model, max_tokens: limit ?? undefined };
  for await (const chunk of await client.chat
    .completions.create({ ...params, messages, stream: true })) yield chunk;
  return streamText({ model: openai("gpt-5.4"), prompt: text! });
}
"""
MARKUP = SCRIPT.replace(b"text!", b"<b>{text}</b>").replace(b"<T>(limit?: number): Promise<T>", b"(limit)")
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": ["# Ask\n"]},
            {"cell_type": "code", "source": ["%pip install openai\n", "!ls\n", "from openai import OpenAI\n"]},
            {"cell_type": "code", "source": "client = OpenAI()\nclient.responses.create(model='m', input='hi')"},
        ],
        "nbformat": 4,
    }
).encode()
SEEDS = {
    "app.py": PYTHON,
    "app.ts": SCRIPT,
    "app.jsx": MARKUP,
    "Page.vue": b'<template><p :title="a > b" /></template>\n<script lang="ts">\n' + SCRIPT + b"</script>\n",
    "app.ipynb": NOTEBOOK,
}
DEEP = 20_000


def is_read(name: str) -> bool:
    try:
        fronts.front(fronts.language(name) or "")
    except fronts.AbsentError:
        return False
    return True


NAMES = [pytest.param(name, marks=() if is_read(name) else pytest.mark.skip("no such front end")) for name in SEEDS]


def lint(data: bytes, name: str) -> Outcome:
    """Lint bytes; whatever is wrong with them must come out as a finding or as one reason for skipping."""
    outcome = Outcome()
    check_bytes(data, name, load(), Policy(), date(2026, 11, 28), outcome)
    assert all(reason and path == name for path, reason in outcome.unread)
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\\n") + data.count(b"source") + 2  # a cell ends a line
    for finding in outcome.findings:
        assert 1 <= finding.line <= lines
        assert finding.column >= 1
    return outcome


ODD = {
    "empty": b"",
    "blank": b" \n\t\n\r\n\f",
    "null bytes": b"import openai\x00\nclient = openai.OpenAI()\n",
    "only nulls": bytes(4096),
    "byte order mark alone": b"\xef\xbb\xbf",
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbfimport openai\n",
    "UTF-16": "import openai\nopenai.OpenAI()\n".encode("utf-16"),
    "no UTF-8": b"import openai\nname = '\xff\xfe\xe9'\nopenai.OpenAI()\n",
    "half a character": "import openai # é".encode()[:-1],
    "an unknown encoding": b"# -*- coding: klingon -*-\nimport openai\n",
    "another encoding": "# -*- coding: latin-1 -*-\nimport openai\nopenai.OpenAI(user='é')\n".encode("latin-1"),
    "binary": random.Random(5).randbytes(64_000),
    "ELF": b"\x7fELF\x02\x01\x01" + bytes(9) + b"openai" * 100,
    "an open string": b"import openai\nopenai.OpenAI(api_key='",
    "an open comment": b"/* import openai from 'openai'\n'''",
    "a conflict": b"import openai\n<<<<<<< HEAD\nx = openai.OpenAI()\n=======\n>>>>>>> other\n",
    "open brackets": b"import openai\nopenai.OpenAI(" + b"(" * DEEP,
    "closed brackets": b"import openai\nx = " + b"(" * DEEP + b")" * DEEP,
    "lists in lists": b"import openai\nx = " + b"[" * DEEP + b"]" * DEEP,
    "a long chain": b"import openai\nopenai" + b".chat" * DEEP + b".create()\n",
    "calls of calls": b"import openai\nopenai.OpenAI" + b"()" * DEEP + b"\n",
    "a long sum": b"import openai\nx = 1" + b" + 1" * DEEP + b"\n",
    "nots": b"import openai\nx = " + b"not " * DEEP + b"y\n",
    "blocks in blocks": b"import openai\n"
    + b"".join(b" " * at + b"if x:\n" for at in range(99))
    + b" " * 99
    + b"pass\n",
    "a line of a megabyte": b"import openai\nx = '" + b"openai " * 150_000 + b"'\nopenai.OpenAI()\n",
    "many lines": b"import openai\n" + b"client = openai.OpenAI()\n" * 3_000,
    "a dictionary that holds itself": b"import openai\nd = {**d}\nd.update(d)\nopenai.OpenAI(**d)\nd = d | d\n",
    "names bound to each other": b"import openai\na = b\nb = a\nc = a.chat\na = c\nc.completions.create(**a)\n",
    "a function that returns itself": b"import openai\ndef f():\n    return f()\nf().chat.completions.create(**f())\n",
    "a class that is its own base": b"import openai\nclass A(A):\n x = A()\n def f(s): s.x.chat.completions.create()",
    "stars of stars": b"import openai\nopenai.OpenAI(*a, *b, **c, **{**d, **{**e}})\n",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ODD)
def test_no_odd_file_crashes_a_front_end(what: str, name: str) -> None:
    lint(ODD[what], name)


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_do_not_move_findings(name: str) -> None:
    plain = [(each.line, each.code) for each in lint(SEEDS[name], name).findings]
    assert plain
    assert [(each.line, each.code) for each in lint(SEEDS[name].replace(b"\n", b"\r\n"), name).findings] == plain


def test_lines_that_end_in_a_carriage_return_alone_are_counted_as_pythons_own() -> None:
    plain = [(each.line, each.code) for each in lint(PYTHON, "app.py").findings]
    assert [(each.line, each.code) for each in lint(PYTHON.replace(b"\n", b"\r"), "app.py").findings] == plain


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_order_mark_changes_nothing(name: str) -> None:
    plain = [(each.line, each.code) for each in lint(SEEDS[name], name).findings]
    assert [(each.line, each.code) for each in lint(b"\xef\xbb\xbf" + SEEDS[name], name).findings] == plain


ODD_NOTEBOOKS = [
    b"[]", b"null", b"7", b'"cells"', b"{}", b'{"cells": null}', b'{"cells": 7}', b'{"cells": [null, 7, []]}',
    b'{"cells": [{"cell_type": "code"}]}', b'{"cells": [{"cell_type": "code", "source": null}]}',
    b'{"cells": [{"cell_type": "code", "source": [7, null]}]}',
    b'{"cells": [{"cell_type": 7, "source": "import openai"}]}',
    b'{"cells": [{"cell_type": "code", "source": "\\ud800 import openai\\nopenai.OpenAI()"}]}',
    b'{"cells": [{"cell_type": "code", "source": "%%bash\\nimport openai ("}]}', b'{"cells": ' + b"[" * DEEP,
    b'{"worksheets": [{"cells": [{"cell_type": "code", "input": "import openai"}]}]}',
]  # fmt: skip


@pytest.mark.skipif(not is_read("app.ipynb"), reason="no such front end")
@pytest.mark.parametrize("data", ODD_NOTEBOOKS)
def test_no_odd_notebook_crashes(data: bytes) -> None:
    lint(data, "app.ipynb")


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_broken_program_crashes(name: str, data: st.DataObject) -> None:
    """Cut, copy and overwrite pieces of a program that is rich in what the linter follows."""
    seed = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(seed)))
        end = data.draw(st.integers(start, min(len(seed), start + 40)))
        seed[start:end] = data.draw(
            st.one_of(
                st.just(b""), st.binary(max_size=6), st.just(bytes(seed[start:end]) * 3),
                st.sampled_from([b"(", b")", b"**", b"\n", b"'''", b"`${", b"openai.", b" = client = ", b"\x00"]),
            )
        )  # fmt: skip
    lint(bytes(seed), name)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_no_bytes_crash(name: str, data: bytes) -> None:
    lint(data, name)
    lint(b"import openai from 'openai'\n" + data, name)


def test_what_cannot_be_read_is_reported_and_the_rest_is_linted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_bytes(PYTHON)
    (tmp_path / "broken.py").write_bytes(b"import openai\nopenai.OpenAI(")
    (tmp_path / "huge.py").write_bytes(b"import openai\n" * (fronts.BYTES_MAX // 14 + 1))
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    os.mkfifo(tmp_path / "pipe.py")
    done = CliRunner().invoke(check, ["--format", "json", "--fail-on", "never", "--mode", "enforce", "."])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {each["path"] for each in told["findings"]} == {"good.py"}
    reasons = {each["path"]: each["reason"] for each in told["unread"]}
    assert {"broken.py", "huge.py", "pipe.py"} <= set(reasons)
    assert "regular" in reasons["pipe.py"]
    assert "never closed" in reasons["broken.py"]
    assert "4 MiB" in reasons["huge.py"]
