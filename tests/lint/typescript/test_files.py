"""Files of every kind: Vue and Svelte, JSX, broken, huge and odd ones, and files beside a file."""

# ruff: noqa: E501  # one row a case

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typescript_sites import calls, found, one, state

from paceline.catalogue import load
from paceline.lint import fronts
from paceline.lint.sites import Site
from paceline.lint.typescript import may_hold_sites, sites

CODE = "import OpenAI from 'openai';\nconst c = new OpenAI();\nc.chat.completions.create({ model, messages });\n"


@pytest.mark.parametrize("suffix", [s for s in fronts.SCRIPTS if s not in {".vue", ".svelte"}])
def test_every_suffix(suffix: str) -> None:
    assert one(CODE, f"src/a{suffix}").place.line == 3


@pytest.mark.parametrize("path", ["a.tsx", "a.jsx", "a.js"])
def test_jsx(path: str) -> None:
    code = CODE + "export const A = () => <p onClick={() => c.chat.completions.create({ max_tokens: 3 })}>x</p>;\n"
    assert [state(site, "cap") for site in calls(code, path)] == ["no", "yes"]


def test_generics_that_would_be_jsx() -> None:
    assert len(calls(CODE + "const f = <T>(x: T) => <any>x;\n", "a.ts")) == 1


def test_a_type_that_the_grammar_does_not_know() -> None:
    code = "vi.mock('a', async (original) => ({ ...(await original<typeof import('a')>()) }));\n" + CODE
    assert state(one(code), "cap") == "no"


def test_types_of_flow_in_a_script() -> None:
    code = "// @flow\nimport type { A } from './a';\n" + CODE + "function f(a: ?A): number { return (a: any); }\n"
    assert len(calls(code, "a.js")) == 1


@pytest.mark.parametrize("path", ["a.vue", "a.svelte"])
def test_script_blocks(path: str) -> None:
    code = (
        "<script>\nimport OpenAI from 'openai';\nconst c = new OpenAI();\n</script>\n<template>it's {{ a }} `</template>\n"
        "<script setup lang='ts'>\nconst f = (n: number) => c.chat.completions.create({ model, max_tokens: n });\n</script>\n"
        "<script type='application/json'>{ new OpenAI( }</script>\n<style>a { b: c }</style>\n"
    )
    site = one(code, path)
    assert (site.place.line, state(site, "cap"), site.origin) == (7, "yes", "module")
    assert found("<p>no script: openai</p>", path) == []
    assert found("<script>openai", path) == []


def test_a_broken_place_leaves_facts_open_and_others_alone() -> None:
    code = CODE + "c.chat.completions.create({ model, messages, !! ?: })\nfunction (((\n"
    first, second = calls(code)
    assert (state(first, "cap"), state(second, "cap"), second.insert) == ("no", "unknown", None)


def judged(data: bytes, path: str) -> str:
    """Say how many sites there are, or why the file cannot be read: nothing else may happen."""
    try:
        return str(len(sites(data, path, load("typescript"))))
    except fronts.UnreadableError as error:
        return str(error)


def test_a_file_that_is_mostly_no_code_is_named() -> None:
    with pytest.raises(fronts.UnreadableError, match=r"cannot be parsed \(line \d+\)"):
        found("]]} openai ) {{ ( <<< " * 40)
    with pytest.raises(fronts.UnreadableError, match="null bytes"):
        found("\0" + CODE)


@pytest.mark.parametrize(
    "data",
    [
        b"\0import OpenAI from 'openai';",
        b"]]]} openai )",
        b"\xff\xfe" + CODE.encode("utf-16-le"),
        b"import openai " + b"\xff\xfe\x80" * 50,
        b"openai(" * 30_000,
        b"const openai = " + b"{a:" * 20_000,
        b"openai" + b"?.a" * 50_000,
        b"const openai = " + b"1+" * 30_000 + b"1;",
        b"f(" + b"`openai ${" * 5_000,
        b"const system_prompt = (" + b"'openai' + " * 20_000 + b"'x');",
        b"type openai = " + b"A<" * 20_000,
        b"<script>" * 10_000 + b"openai",
        b"const openai = openai2 || openai3; const openai2 = openai || openai3; const openai3 = openai || openai2;"
        b"openai.chat.completions.create({ model, messages });",
        b"import OpenAI from 'openai';" + b"a ? " * 3_000 + b"new OpenAI()" + b" : 1" * 3_000,
        b"class A extends A { f() { return this.c.chat.completions.create(openai); } }",
    ],
    ids=range(15),
)
@pytest.mark.parametrize("path", ["a.ts", "a.jsx", "a.vue"])
def test_no_file_crashes_it(data: bytes, path: str) -> None:
    assert judged(data, path)


@given(st.binary(max_size=300), st.sampled_from(["a.ts", "a.tsx", "a.js", "a.vue"]), st.integers(0, len(CODE)))
@settings(max_examples=150, deadline=None)
def test_nor_does_one_that_was_damaged(damage: bytes, path: str, at: int) -> None:
    data = CODE.encode()
    assert judged(data[:at] + damage + data[at:], path)


def test_bytes_are_looked_at_first() -> None:
    assert may_hold_sites(CODE.encode())
    assert may_hold_sites(b"import { generateText } from 'ai'")
    assert may_hold_sites(b"const systemPrompt = `${new Date()}`")
    assert may_hold_sites(b"client.messages.create({})")
    assert not may_hold_sites(b"export const add = (a: number, b: number) => a + b;")


def beside(root: Path, files: dict[str, str], name: str) -> tuple[Site, dict[str, str | None]]:
    for path, code in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(code, encoding="utf-8")
    with fronts.recording(root) as looks:
        site = one(files[name], name)
    return site, looks.seen


CLIENT = "import OpenAI from 'openai';\nexport const client = new OpenAI({ timeout: 9000 });\nexport default client;\n"
ASK = "client.chat.completions.create({ model, messages });\n"


@pytest.mark.parametrize(
    ("files", "read"),
    [
        ({"src/a.ts": f"import {{ client }} from './b';\n{ASK}", "src/b.ts": CLIENT}, "src/b.ts"),
        ({"src/a.ts": f"import client from './b.js';\n{ASK}", "src/b.ts": CLIENT}, "src/b.ts"),
        ({"src/a.ts": f"import * as b from '../lib/b';\nb.{ASK}", "lib/b/index.ts": CLIENT}, "lib/b/index.ts"),
        ({"src/x/a.ts": f"import {{ client }} from '@/lib/b';\n{ASK}", "src/lib/b.ts": CLIENT}, "src/lib/b.ts"),
        ({"app/x/a.ts": f"import {{ client }} from '@/lib/b';\n{ASK}", "lib/b.ts": CLIENT}, "lib/b.ts"),
        (
            {
                "a.js": f"const {{ client }} = require('./b');\n{ASK}",
                "b.js": "const O = require('openai');\nconst client = new O({ timeout: 9000 });\nmodule.exports = { client };\n",
            },
            "b.js",
        ),
        (
            {
                "a.js": f"const client = require('./b')();\n{ASK}",
                "b.js": "const O = require('openai');\nmodule.exports = () => new O({ timeout: 9000 });\n",
            },
            "b.js",
        ),
        (
            {
                "a.ts": f"import {{ client }} from './all';\n{ASK}",
                "all.ts": "export * from './b';\n",
                "b.ts": CLIENT,
            },
            "b.ts",
        ),
        (
            {
                "a.ts": f"import {{ c as client }} from './all';\n{ASK}",
                "all.ts": "export { client as c } from './b';\n",
                "b.ts": CLIENT,
            },
            "b.ts",
        ),
        (
            {
                "a.ts": f"import {{ Base }} from './b';\nclass A extends Base {{ f() {{ return this.{ASK} }} }}",
                "b.ts": "import OpenAI from 'openai';\nexport class Base { client = new OpenAI({ timeout: 9000 }); }\n",
            },
            "b.ts",
        ),
    ],
)
def test_a_client_from_a_file_beside(tmp_path: Path, files: dict[str, str], read: str) -> None:
    site, looked = beside(tmp_path, files, next(iter(files)))
    assert (site.product, state(site, "timeout")) == ("openai", "yes")
    assert site.fact("timeout").value == 9000
    assert looked[read] is not None


def test_what_is_not_there_is_noted_and_a_circle_ends(tmp_path: Path) -> None:
    _, looked = beside(tmp_path, {"a.ts": f"import {{ client }} from './b';\n{ASK}"}, "a.ts")
    assert looked["b.ts"] is None
    circle = {"a.ts": f"import {{ client }} from './b';\n{ASK}", "b.ts": "export * from './a';\nexport * from './b';\n"}
    site, _ = beside(tmp_path, circle, "a.ts")
    assert site.origin == "shape"
