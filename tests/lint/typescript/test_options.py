"""Options objects: what is set, what is not, and what cannot be told."""

# ruff: noqa: E501  # one row a case

from __future__ import annotations

import pytest
from typescript_sites import found, one, state

HEAD = "import OpenAI from 'openai';\nconst c = new OpenAI();\n"

CAPS = {
    "literal": ("c.x({ max_tokens: 3 })", "yes"),
    "other name": ("c.x({ max_completion_tokens: 3 })", "yes"),
    "quoted": ("c.x({ 'max_tokens': 3 })", "yes"),
    "shorthand": ("const max_tokens = 3;\nc.x({ max_tokens })", "yes"),
    "spread before": ("const base = { model: M };\nc.x({ ...base, max_tokens: 5 })", "yes"),
    "spread after": ("const base = { model: M };\nc.x({ max_tokens: 5, ...base })", "yes"),
    "spread with": ("const base = { max_tokens: 5 };\nc.x({ ...base })", "yes"),
    "spread without": ("const base = { model: M };\nc.x({ ...base })", "no"),
    "spread of a parameter": ("function f(base) { c.x({ ...base }) }", "unknown"),
    "conditional spread": ("c.x({ ...(a ? { max_tokens: 3 } : {}) })", "unknown"),
    "conditional spread, and": ("c.x({ ...(a && { max_tokens: 3 }) })", "unknown"),
    "conditional spread without": ("c.x({ ...(a && { tools }), ...(b ? { user } : {}) })", "no"),
    "either way": ("c.x({ ...(a ? { max_tokens: 3 } : { max_completion_tokens: 4 }) })", "yes"),
    "either way, perhaps": ("c.x({ ...(a ? { max_tokens: 3 } : { max_completion_tokens: o.n }) })", "unknown"),
    "variable": ("const p = { model: M };\nc.x(p)", "no"),
    "variable, typed": ("const p: Params = { model: M, max_tokens: 3 };\nc.x(p)", "yes"),
    "variable, cast": ("const p = { model: M } as any;\nc.x(p as OpenAI.Chat.Completions.Params)", "no"),
    "satisfies": ("const p = { max_tokens: 3 } satisfies P;\nc.x(p!)", "yes"),
    "as const": ("const p = { max_tokens: 3 } as const;\nc.x(p)", "yes"),
    "parameter": ("function f(p) { c.x(p) }", "unknown"),
    "stored": ("const p = {};\np.max_tokens = 3;\nc.x(p)", "yes"),
    "stored by name": ("const p = {};\np['max_tokens'] = 3;\nc.x(p)", "yes"),
    "stored afterwards": ("const p = {};\nc.x(p);\np.max_tokens = 3;", "no"),
    "stored on some paths": ("const p = {};\nif (a) p.max_tokens = 3;\nc.x(p)", "unknown"),
    "stored where it is used": ("const p = {};\nif (a) { p.max_tokens = 3; c.x(p) }", "yes"),
    "stored on the other path": ("const p = {};\nif (a) { p.max_tokens = 3; } else { c.x(p) }", "no"),
    "removed": ("const p = { max_tokens: 3 };\ndelete p.max_tokens;\nc.x(p)", "no"),
    "removed on retry": ("const p = { max_tokens: 3 };\nif (again) delete p.max_tokens;\nc.x(p)", "unknown"),
    "assigned": ("const p = {};\nObject.assign(p, { max_tokens: 3 });\nc.x(p)", "yes"),
    "assigned anew": ("c.x(Object.assign({}, base(), { max_tokens: 3 }))", "yes"),
    "handed on": ("const p = {};\nfill(p);\nc.x(p)", "unknown"),
    "logged": ("const p = {};\nconsole.log(p);\nc.x(p)", "no"),
    "builder": ("function b() { return { max_tokens: 3 }; }\nc.x(b())", "yes"),
    "builder without": ("const b = () => ({ model: M });\nc.x({ ...b() })", "no"),
    "builder elsewhere": ("import { b } from 'elsewhere';\nc.x({ ...b() })", "unknown"),
    "method": ("class A { b() { return { max_tokens: 3 }; }\n f() { c.x(this.b()) } }", "yes"),
    "member": ("class A { p = { max_tokens: 3 };\n f() { c.x({ ...this.p }) } }", "yes"),
    "computed key": ("c.x({ [k]: 3 })", "unknown"),
    "spread argument": ("c.x(...args)", "unknown"),
    "undefined": ("c.x({ max_tokens: undefined })", "no"),
    "null": ("c.x({ max_tokens: null })", "no"),
    "undefined, then set": ("c.x({ max_tokens: undefined, max_completion_tokens: 5 })", "yes"),
    "without bound": ("c.x({ max_tokens: Infinity })", "no"),
    "property of something": ("c.x({ max_tokens: opts.maxTokens })", "unknown"),
    "property or a number": ("c.x({ max_tokens: opts.maxTokens ?? 500 })", "yes"),
    "property or nothing": ("c.x({ max_tokens: opts.maxTokens || undefined })", "unknown"),
    "asserted": ("c.x({ max_tokens: opts.maxTokens! })", "yes"),
    "a number or nothing": ("c.x({ max_tokens: a ? 3 : undefined })", "unknown"),
    "one of two numbers": ("c.x({ max_tokens: a ? 3 : 4 })", "yes"),
    "environment": ("c.x({ max_tokens: process.env.N })", "unknown"),
    "number of the environment": ("c.x({ max_tokens: Number(process.env.N) })", "yes"),
    "constant": ("const CAP = 3;\nfunction f() { c.x({ max_tokens: CAP }) }", "yes"),
    "constant of an object": ("const L = { small: { cap: 3 } };\nc.x({ max_tokens: L.small.cap })", "yes"),
    "constant by its name": ("c.x({ max_tokens: limits[model].MAX_OUTPUT_TOKENS })", "yes"),
    "typed parameter": ("function f(n: number) { c.x({ max_tokens: n }) }", "yes"),
    "optional parameter": ("function f(n?: number) { c.x({ max_tokens: n }) }", "unknown"),
    "typed with undefined": ("function f(n: number | undefined) { c.x({ max_tokens: n }) }", "unknown"),
    "untyped parameter": ("function f(n) { c.x({ max_tokens: n }) }", "unknown"),
    "default": ("function f(n = 4) { c.x({ max_tokens: n }) }", "yes"),
    "taken out": ("function f({ n }) { c.x({ max_tokens: n }) }", "unknown"),
    "taken out, default": ("function f({ n = 4 }) { c.x({ max_tokens: n }) }", "yes"),
    "member value": ("class A { n = 4;\n f() { c.x({ max_tokens: this.n }) } }", "yes"),
    "member value, perhaps": ("class A { n?: number;\n f() { c.x({ max_tokens: this.n }) } }", "unknown"),
    "from a function": ("function n() { return 4; }\nc.x({ max_tokens: n() })", "yes"),
    "from a function by its type": ("function n(): number { return o.n; }\nc.x({ max_tokens: n() })", "yes"),
    "from elsewhere": ("c.x({ max_tokens: n() })", "unknown"),
    "product": ("c.x({ max_tokens: 4 * 1024 })", "yes"),
}  # fmt: skip


@pytest.mark.parametrize("name", CAPS)
def test_a_cap(name: str) -> None:
    code, expected = CAPS[name]
    assert state(one(HEAD + code.replace("c.x", "c.chat.completions.create")), "cap") == expected


def test_a_cap_by_the_name_of_another_api_is_left_open() -> None:
    assert state(one(HEAD + "c.responses.create({ model, input, max_completion_tokens: 3 })"), "cap") == "unknown"
    assert state(one(HEAD + "c.responses.create({ model, input, max_output_tokens: 3 })"), "cap") == "yes"
    assert state(one(HEAD + "c.responses.create({ model, input })"), "cap") == "no"


@pytest.mark.parametrize(
    ("client", "options", "expected", "value"),
    [
        ("", "", "no", None),
        ("{ timeout: 20 * 1000 }", "", "yes", 20_000),
        ("", ", { timeout: 3_000 }", "yes", 3000),
        ("{ timeout: 9000 }", ", { timeout: undefined }", "yes", 9000),
        ("{ timeout: undefined }", "", "no", None),
        ("", ", { signal: AbortSignal.timeout(5000) }", "yes", 5000),
        ("", ", { signal: controller.signal }", "unknown", None),
        ("", ", options", "unknown", None),
        ("{ fetch: mine }", "", "unknown", None),
        ("settings", "", "unknown", None),
        ("{ maxRetries: 1 }", "", "no", None),
    ],
)
def test_a_timeout(client: str, options: str, expected: str, value: int | None) -> None:
    code = f"import OpenAI from 'openai';\nconst c = new OpenAI({client});\nc.chat.completions.create({{ model, messages }}{options})"
    site = one(code)
    assert (state(site, "timeout"), site.fact("timeout").value) == (expected, value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("c.chat.completions.create({ model, messages, stream: true })", "yes"),
        ("c.chat.completions.create({ model, messages, stream: false })", "no"),
        ("c.chat.completions.create({ model, messages, stream: o.stream })", "unknown"),
        ("c.chat.completions.create({ model, messages })", "no"),
        ("c.chat.completions.stream({ model, messages })", "yes"),
    ],
)
def test_a_stream(code: str, expected: str) -> None:
    assert state(one(HEAD + code), "stream") == expected


def test_the_bytes_of_an_argument_are_known() -> None:
    code = HEAD + "c.chat.completions.create({ model: M, max_tokens: 77, messages })"
    fact = one(code).fact("cap")
    assert fact.span is not None
    assert fact.cut is not None
    assert code[slice(*fact.span)] == "77"
    assert code[slice(*fact.cut)] == "max_tokens: 77, "


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("create({ model, messages })", "create({ model, messages, max_completion_tokens: 9 })"),
        ("create({ model, messages, })", "create({ model, messages, max_completion_tokens: 9, })"),
        ("create({\n  model,\n  messages,\n})", "create({\n  model,\n  messages,\n  max_completion_tokens: 9,\n})"),
        (
            "create({\n  model,\n  messages, // all\n})",
            "create({\n  model,\n  max_completion_tokens: 9,\n  messages, // all\n})",
        ),
        ("create({ model, messages /* all */ })", "create({ model, messages, max_completion_tokens: 9 /* all */ })"),
        ("create({\n\tmodel,\n\tmessages\n})", "create({\n\tmodel,\n\tmessages,\n\tmax_completion_tokens: 9\n})"),
        ("create({})", "create({ max_completion_tokens: 9 })"),
    ],
)
def test_a_cap_can_be_added(call: str, expected: str) -> None:
    code = HEAD + f"c.chat.completions.{call}"
    edit = one(code).adding("cap", "9")
    assert edit is not None
    assert code[: edit.start] + edit.text + code[edit.end :] == HEAD + f"c.chat.completions.{expected}"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("({ model, contents })", "({ model, contents, config: { maxOutputTokens: 9 } })"),
        ("({ model, contents, config: { a: 1 } })", "({ model, contents, config: { a: 1, maxOutputTokens: 9 } })"),
        ("({ model, contents, config: settings })", None),
    ],
)
def test_a_cap_can_be_added_to_settings(call: str, expected: str | None) -> None:
    head = "import { GoogleGenAI } from '@google/genai';\nnew GoogleGenAI({}).models.generateContent"
    edit = one(head + call).adding("cap", "9")
    code = head + call
    assert (None if edit is None else code[: edit.start] + edit.text + code[edit.end :]) == (
        expected and head + expected
    )


def test_a_cap_for_another_host_has_the_name_that_it_knows() -> None:
    code = "import OpenAI from 'openai';\nconst c = new OpenAI({ baseURL: 'https://openrouter.ai/api/v1' });\n"
    edit = one(code + "c.chat.completions.create({ model, messages })").adding("cap", "9")
    assert edit is not None
    assert edit.text == ", max_tokens: 9"


@pytest.mark.parametrize(
    ("code", "parameter", "expected"),
    [
        ("import OpenAI from 'openai';\nnew OpenAI()", "timeout", "new OpenAI({ timeout: 9 })"),
        ("import OpenAI from 'openai';\nnew OpenAI({ apiKey })", "retries", "new OpenAI({ apiKey, maxRetries: 9 })"),
        ("import OpenAI from 'openai';\nnew OpenAI(settings)", "timeout", None),
        ("import { ChatAnthropic as A } from '@langchain/anthropic';\nnew A({})", "timeout", None),
        ("import { ChatAnthropic as A } from '@langchain/anthropic';\nnew A({})", "cap", "new A({ maxTokens: 9 })"),
    ],
)
def test_arguments_can_be_added_to_a_client(code: str, parameter: str, expected: str | None) -> None:
    edit = found(code)[0].adding(parameter, "9")
    after = None if edit is None else code[: edit.start] + edit.text + code[edit.end :]
    assert (after and after.partition("\n")[2]) == expected
