"""What stands around a call, raw requests, keys, and prompts that change."""

# one row a case

from __future__ import annotations

import pytest
from typescript_sites import found, one, state

from paceline.lint.sites import Kind, State

HEAD = "import OpenAI from 'openai';\nconst c = new OpenAI();\n"
ASK = "c.chat.completions.create({ model, messages })"


@pytest.mark.parametrize(
    ("code", "path", "expected"),
    [
        (f"export async function POST(req) {{ return {ASK}; }}", "app/api/chat/route.ts", "yes"),
        (f"export const POST = async (req) => {{ return {ASK}; }};", "src/routes/chat/+server.ts", "yes"),
        (f"export default async function handler(req, res) {{ {ASK} }}", "pages/api/chat.ts", "yes"),
        (f"app.post('/chat', async (req, res) => {{ {ASK} }});", "server.js", "yes"),
        (f"chatRouter.get('/chat', check, async (req, res) => {{ {ASK} }});", "server.js", "yes"),
        (f"Deno.serve(async (req) => {{ {ASK} }});", "index.ts", "yes"),
        (f"io.on('connection', (s) => {{ socket.on('message', async (m) => {{ {ASK} }}); }});", "a.ts", "yes"),
        (f"export default {{ async fetch(request) {{ return {ASK}; }} }};", "worker.ts", "yes"),
        (f"class A {{ @Post('chat')\n async ask() {{ {ASK} }} }}", "chat.controller.ts", "yes"),
        (f"export async function ask() {{ {ASK} }}", "lib/ask.ts", "unknown"),
        (f"map.get('/chat', () => {{ {ASK} }});", "a.ts", "unknown"),
        (ASK, "scripts/a.ts", "unknown"),
    ],
)
def test_who_waits(code: str, path: str, expected: str) -> None:
    assert state(one(HEAD + code, path), "interactive") == expected


@pytest.mark.parametrize(
    ("code", "expected", "value"),
    [
        (
            f"for (let attempt = 0; attempt < 3; attempt++) {{ try {{ return await {ASK}; }} catch {{}} }}",
            "yes",
            "loop",
        ),
        (f"while (retries-- > 0) {{ try {{ await {ASK}; break; }} catch {{}} }}", "yes", "loop"),
        (f"pRetry(() => {ASK}, {{ retries: 3 }});", "yes", "decorator"),
        (f"await withBackoff(async () => {{ return {ASK}; }});", "yes", "decorator"),
        (f"for (const item of items) {{ try {{ await {ASK}; }} catch {{}} }}", "no", None),
        (f"for (let attempt = 0; attempt < 3; attempt++) {{ await {ASK}; }}", "no", None),
        (ASK, "no", None),
    ],
)
def test_what_tries_again(code: str, expected: str, value: str | None) -> None:
    fact = one(HEAD + f"async function f() {{ {code} }}").fact("retried")
    assert (fact.state.value, fact.value) == (expected, value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"while (true) {{ const r = await {ASK}; if (!r.choices[0].message.tool_calls) break; }}", "no"),
        (f"for (;;) {{ const r = await {ASK}; if (done(r)) return; }}", "no"),
        (f"while (true) {{ await {ASK}; if (steps++ > 9) break; }}", "unknown"),
        (f"while (true) {{ const q = await rl.question('> '); await {ASK}; }}", "unknown"),
        (f"while (calls.length) {{ await {ASK}; }}", "unknown"),
        (f"for (let i = 0; i < 5; i++) {{ await {ASK}; }}", "unknown"),
        (f"for (const q of questions) {{ await {ASK}; }}", "yes"),
        (f"while (true) {{ on(async () => {{ await {ASK}; }}); }}", "yes"),
        (f"await {ASK};", "yes"),
    ],
)
def test_what_ends_a_loop(code: str, expected: str) -> None:
    assert state(one(HEAD + f"async function f() {{ {code} }}"), "bounded") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"return (await {ASK}).choices[0].message.content;", "no"),
        (f"const r = await {ASK};\nreturn r.choices[0].message.content;", "no"),
        (f"const {{ choices }} = await {ASK};", "no"),
        (f"const r = await {ASK};\nif (r.choices[0].finish_reason === 'length') fail();", "unknown"),
        (f"return {ASK};", "unknown"),
        (f"const r = await {ASK};\nkeep(r);", "unknown"),
    ],
)
def test_whether_the_ending_is_read(code: str, expected: str) -> None:
    assert state(one(HEAD + f"async function f() {{ {code} }}"), "ending_read") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"function ask() {{ const c = new OpenAI(); return {ASK}; }}", "no"),
        (f"function ask() {{ return new OpenAI().{ASK[2:]}; }}", "no"),
        (f"function main() {{ const c = new OpenAI(); return {ASK}; }}", "yes"),
        (f"(async () => {{ const c = new OpenAI(); await {ASK}; }})();", "yes"),
        (f"app.post('/chat', async () => {{ const c = new OpenAI(); await {ASK}; }});", "no"),
        (f"each(async () => {{ const c = new OpenAI(); await {ASK}; }});", "unknown"),
        (f"const c = new OpenAI();\nfunction ask() {{ return {ASK}; }}", "yes"),
        (
            f"class A {{ c = new OpenAI(); ask() {{ let c = this.pick(); if (k) c = new OpenAI(); return {ASK}; }} }}",
            "unknown",
        ),
        (f"import {{ c }} from './c';\nfunction ask() {{ return {ASK}; }}", "unknown"),
    ],
)
def test_where_a_client_is_made(code: str, expected: str) -> None:
    assert state(one("import OpenAI from 'openai';\n" + code), "made_once") == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("stream: true", "no"),
        ("stream: true, stream_options: { include_usage: true }", "yes"),
        ("stream: true, stream_options: options", "unknown"),
        ("stream: false", None),
    ],
)
def test_usage_of_a_stream(options: str, expected: str | None) -> None:
    site = one(HEAD + f"c.chat.completions.create({{ model, messages, {options} }})")
    assert (state(site, "usage") if "usage" in site.facts else None) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("const list = await new OpenAI().models.list();", "no"),
        ("async function f() { const c = new OpenAI({ baseURL }); const m = await c.models.list(); return m; }", "no"),
        ("async function f() { const c = new OpenAI(); await c.models.list(); return c.chat.completions; }", "unknown"),
        (
            "async function f() { const openai = new OpenAI({ baseURL: 'https://api.groq.com/openai/v1' });"
            " const m = await openai.models.list().catch(() => ask('openai', 'openai')); return m; }",
            "no",
        ),
        ("async function f() { const c = new OpenAI(); await c.models.list(); return { c }; }", "unknown"),
        ("export const c = new OpenAI();", "unknown"),
    ],
)
def test_a_client_that_only_lists(code: str, expected: str) -> None:
    assert state(found("import OpenAI from 'openai';\n" + code)[0], "generates") == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("'sk-abcdefghijklmnopqrstuvwxyz0123'", ("yes", "literal")),
        ("'ollama'", ("yes", None)),
        ("process.env.OPENAI_API_KEY", ("unknown", None)),
    ],
)
def test_a_key(key: str, expected: tuple[str, str | None]) -> None:
    fact = found(f"import OpenAI from 'openai';\nnew OpenAI({{ apiKey: {key} }});")[0].fact("key")
    assert (fact.state.value, fact.value) == expected


PROMPT = "a".join(["Answer."] * 2000)


@pytest.mark.parametrize(
    ("code", "length", "marker"),
    [
        ("a.messages.create({ model, max_tokens: 5, system: 'Be brief.', messages })", 9, "no"),
        (
            f"const P = `{PROMPT}`;\na.messages.create({{ model, max_tokens: 5, system: P, messages }})",
            len(PROMPT),
            "no",
        ),
        ("a.messages.create({ model, max_tokens: 5, system: 'x', messages: [{ cache_control }] })", 1, "yes"),
        ("use('cache_control');\na.messages.create({ model, max_tokens: 5, system: 'x', messages })", 1, "unknown"),
        ("a.messages.create({ model, max_tokens: 5, system: build(), messages })", None, None),
    ],
)
def test_a_constant_system_prompt(code: str, length: int | None, marker: str | None) -> None:
    site = one("import Anthropic from '@anthropic-ai/sdk';\nconst a = new Anthropic();\n" + code)
    assert site.fact("prefix").value == length
    assert (state(site, "marker") if "marker" in site.facts else None) == marker


@pytest.mark.parametrize(
    ("code", "url"),
    [
        (
            "fetch('https://api.openai.com/v1/chat/completions', { method: 'POST' })",
            "https://api.openai.com/v1/chat/completions",
        ),
        ("await fetch(`https://api.anthropic.com/v1/${path}?x=1`)", "https://api.anthropic.com/v1/"),
        ("const BASE = 'https://api.openai.com/v1';\nfetch(`${BASE}/responses`)", "https://api.openai.com/v1"),
        ("const BASE = 'https://api.openai.com/v1';\nfetch(BASE + '/responses')", "https://api.openai.com/v1"),
        ("axios.post('https://api.groq.com/openai/v1', body)", "https://api.groq.com/openai/v1"),
        (
            "fetch(`https://generativelanguage.googleapis.com/v1beta/models/${m}:generateContent`)",
            "https://generativelanguage.googleapis.com/v1beta/models/",
        ),
        ("axios({ url: 'https://api.openai.com/v1', method })", "https://api.openai.com/v1"),
        ("axios.create({ baseURL: 'https://api.openai.com/v1' })", "https://api.openai.com/v1"),
    ],
)
def test_raw_requests(code: str, url: str) -> None:
    (site,) = found("// openai\n" + code)
    assert (site.kind, site.fact("url").value) == (Kind.HTTP, url)


@pytest.mark.parametrize(
    "code",
    [
        "fetch('/v1/chat/completions')",
        "fetch(`${base}/v1/chat/completions`)",
        "fetch('https://example.com/?to=https://api.openai.com/v1')",
        "link('https://api.openai.com/v1')",
        "const url = 'https://api.openai.com/v1';",
        "cache.get('https://api.openai.com/v1')",
        "fetch('https://api.openai.com/v1/models')",
        "fetch(`https://api.openai.com/v1/files/${id}/content`)",
    ],
)
def test_what_is_no_raw_request(code: str) -> None:
    assert found("// openai\n" + code) == []


PROMPTS = {
    "`You are it. ${new Date()}`": "fine",
    "`${new Date().toISOString()} x`": "fine",
    "`${Date.now()} x`": "fine",
    "'It is ' + new Date() + '.'": "fine",
    "`${crypto.randomUUID()} x`": "fine",
    "`${uuidv4()} x`": "fine",
    "`${Math.random().toString(36)} x`": "fine",
    "`${now} x`": "fine",
    "`${dayjs().format('HH:mm')} x`": "fine",
    "`${dayjs().format('YYYY-MM-DD')} x`": "day",
    "`${new Date().toDateString()} x`": "day",
    "`${new Date().toLocaleDateString('en')} x`": "day",
    "`${new Date().toISOString().split('T')[0]} x`": "day",
    "`${new Date().toISOString().slice(0, 10)} x`": "day",
    "`${new Date().getFullYear()} x`": "day",
    "`${new Date(created)} x`": None,
    "`${userId} ${rules}`": "identity",
    "`${ctx.sessionId} " + "x" * 200 + "`": "identity",
    "`Session ${sessionId} not found`": None,
    "`${grid} x`": None,
    "`${who} x`": None,
    "`${when()} x`": None,
    "`" + "x" * 5000 + "${Date.now()}`": None,
}


@pytest.mark.parametrize("text", PROMPTS)
def test_prompts(text: str) -> None:
    (site,) = found(
        f"function f(who, created) {{ const now = new Date();\n const systemPrompt = {text};\n return systemPrompt; }}"
    )
    fact = site.fact("stable")
    assert (fact.value if fact.state is State.NO else None) == PROMPTS[text]


def test_a_constant_that_is_put_in_counts_by_its_length() -> None:
    (site,) = found(f"const RULES = '{'x' * 5000}';\nconst f = () => ask({{ system: `${{RULES}} ${{Date.now()}}` }});")
    assert site.fact("stable").state is State.UNKNOWN


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("const SYSTEM_PROMPT = `${Date.now()} x`;", 0),
        ("const f = () => ask({ system: `${Date.now()} x`, prompt });", 1),
        ("const f = () => [{ role: 'system', content: `${Date.now()} x` }];", 1),
        ("const f = () => new SystemMessage(`${Date.now()} x`);", 1),
        ("const buildSystemPrompt = () => `${Date.now()} x`;", 1),
        ("function getSystemPrompt() { return `${Date.now()} x`; }", 1),
        ("class A { f() { this.instructions = `${Date.now()} x`; } }", 1),
        ("const f = () => [{ role: 'user', content: `${Date.now()} x` }];", 0),
        ("const f = () => { const fileSystem = `${Date.now()} x`; };", 0),
        ("const f = () => ask(`You are a clerk. It is ${Date.now()}. ${x}`);", 1),
        ("const build = () => { const text = `You are ${name}. ${Date.now()}`; return text; };", 1),
        ("const f = () => show(`Saved at ${Date.now()}`);", 0),
        ("const f = () => { const systemId = `${Date.now()} x`; };", 0),
        ("const f = () => { const text = `${Date.now()} x`; ask({ system: text }); };", 1),
        ("const f = () => { const text = `${Date.now()} x`; ask({ user: text }); };", 0),
        ("const TEXT = `${Date.now()} x`;\nconst f = () => ask({ system: TEXT });", 0),
        ("function made() { return `${Date.now()} x`; }\nconst f = () => ask({ system: made() });", 1),
        ("const made = () => `${Date.now()} x`;\nconst f = () => ask({ system: made().trim() });", 1),
        ("const made = () => `${Date.now()} x`;\nconst TEXT = made();\nconst f = () => ask({ system: TEXT });", 0),
        ("const made = () => `${Date.now()} x`;\nnew Agent({ instructions: made });", 1),
        ("const made = () => `${Date.now()} x`;\nnew Agent({ instructions: made() });", 0),
        ("new Agent({ instructions: () => `${Date.now()} x` });", 1),
        ("const f = (a) => ask({ system: a ? `${Date.now()} x` : `${uuidv4()} x` });", 2),
        ("const f = () => ask({ system: dedent`${Date.now()} x` });", 1),
        ("const f = (text) => ask({ system: text });", 0),
        ("const f = () => { const system = f(); ask({ system }); };", 0),
    ],
)
def test_what_is_a_system_prompt(code: str, count: int) -> None:
    assert len([site for site in found(code) if site.fact("stable").state is State.NO]) == count
