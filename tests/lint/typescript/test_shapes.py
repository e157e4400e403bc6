"""How a client gets to its call: every way that must be followed, and every one that only looks alike."""

# ruff: noqa: E501  # one row a case

from __future__ import annotations

import pytest
from typescript_sites import calls, found, one, state

from paceline.lint.sites import Kind

ASK = "chat.completions.create({ model: M, messages })"

SHAPES = {
    "default import": ("import OpenAI from 'openai';\nconst c = new OpenAI();\nc.ASK", "openai module no no"),
    "default import, another name": ("import Api from 'openai';\nconst c = new Api({ timeout: 3000 });\nc.ASK", "openai module no yes"),
    "named import": ("import { OpenAI as O } from 'openai';\nnew O().ASK", "openai constructor no no"),
    "namespace import": ("import * as o from 'openai';\nnew o.OpenAI().ASK", "openai constructor no no"),
    "import equals": ("import O = require('openai');\nnew O().ASK", "openai constructor no no"),
    "require": ("const O = require('openai');\nnew O().ASK", "openai constructor no no"),
    "require, property": ("const O = require('openai').default;\nnew O().ASK", "openai constructor no no"),
    "require in a function": (
        "function f() {\n const { OpenAI: Api } = require('openai');\n const c = new Api();\n return c.ASK;\n}", "openai local no no",
    ),
    "dynamic import": ("async function f() {\n const { default: O } = await import('openai');\n new O().ASK;\n}", "openai constructor no no"),
    "dynamic import, later": ("let O;\nasync function f() {\n O = (await import('openai')).default;\n new O().ASK;\n}", "openai constructor no no"),
    "loaded when first used": (
        "class A { client;\n async e() { const sdk = await load('openai', () => import('openai')); this.client = new sdk.default(); }\n f() { return this.client.ASK; } }",
        "openai class no no",
    ),
    "Deno": ("import OpenAI from 'https://esm.sh/openai@4.20.1';\nnew OpenAI().ASK", "openai constructor no no"),
    "npm specifier": ("import OpenAI from 'npm:openai@^4';\nnew OpenAI().ASK", "openai constructor no no"),
    "over lines": ("import OpenAI from 'openai';\nconst c = new OpenAI();\nawait c.chat.completions\n  .create({ model: M, messages });", "openai module no no"),
    "optional chain": ("import OpenAI from 'openai';\nlet c: OpenAI | undefined = new OpenAI();\nc?.chat?.completions.create({ model: M, messages })", "openai module no no"),
    "beta": ("import OpenAI from 'openai';\nnew OpenAI().beta.chat.completions.parse({ model: M, messages })", "openai constructor no no"),
    "destructured below": ("import OpenAI from 'openai';\nconst { chat } = new OpenAI();\nchat.completions.create({ model: M, messages })", "openai module no no"),
    "bound method": ("import OpenAI from 'openai';\nconst k = new OpenAI().chat.completions;\nk.create({ model: M, messages })", "openai module no no"),
    "field": ("import OpenAI from 'openai';\nclass A { private c = new OpenAI();\n f() { return this.c.ASK; } }", "openai class no no"),
    "private field": ("import OpenAI from 'openai';\nclass A { #c = new OpenAI();\n f() { return this.#c.ASK; } }", "openai class no no"),
    "constructor": ("import OpenAI from 'openai';\nclass A { c;\n constructor() { this.c = new OpenAI(); }\n f() { return this.c.ASK; } }", "openai class no no"),
    "parameter property": ("import OpenAI from 'openai';\nclass A { constructor(private readonly c: OpenAI) {}\n f() { return this.c.ASK; } }", "openai annotation no unknown"),
    "annotated field": ("import type { OpenAI } from 'openai';\nclass A { c!: OpenAI;\n f() { return this.c.ASK; } }", "openai annotation no unknown"),
    "annotated parameter": ("import OpenAI from 'openai';\nconst f = (c: OpenAI | null) => c.ASK;", "openai annotation no unknown"),
    "type of an object": ("import OpenAI from 'openai';\nfunction f({ c }: { c: OpenAI }) { return c.ASK; }", "openai annotation no unknown"),
    "interface": ("import OpenAI from 'openai';\ninterface Deps { c: OpenAI }\nfunction f(d: Deps) { return d.c.ASK; }", "openai annotation no unknown"),
    "factory": ("import OpenAI from 'openai';\nfunction make() { return new OpenAI({ timeout: 9000 }); }\nconst c = make();\nc.ASK", "openai factory no yes"),
    "factory by its type": ("import OpenAI from 'openai';\nasync function make(): Promise<OpenAI> { return other(); }\nasync function f() { const c = await make(); c.ASK }", "openai factory no unknown"),
    "getter": ("import OpenAI from 'openai';\nclass A { _c = new OpenAI();\n get c() { return this._c; }\n f() { return this.c.ASK; } }", "openai factory no no"),
    "base class": ("import OpenAI from 'openai';\nclass B { c = new OpenAI(); }\nclass A extends B { f() { return this.c.ASK; } }", "openai base class no no"),
    "lazily made": ("import OpenAI from 'openai';\nlet c: OpenAI | null = null;\nfunction f() { c ??= new OpenAI();\n return c.ASK; }", "openai module no no"),
    "in an object": ("import OpenAI from 'openai';\nconst clients = { a: new OpenAI() };\nclients.a.ASK", "openai constructor no no"),
    "wrapped": ("import OpenAI from 'openai';\nimport { wrapOpenAI } from 'langsmith/wrappers';\nconst c = wrapOpenAI(new OpenAI());\nc.ASK", "openai module no no"),
    "cast": ("import OpenAI from 'openai';\nconst c = getClient() as unknown as OpenAI;\nc.ASK", "openai annotation no unknown"),
    "with options": ("import OpenAI from 'openai';\nnew OpenAI().withOptions({ timeout: 900 }).ASK", "openai constructor no yes"),
    "made in two ways": ("import { OpenAI, AzureOpenAI } from 'openai';\nconst c = a ? new OpenAI() : new AzureOpenAI({ timeout: 900 });\nc.ASK", "openai module no unknown"),
    "either in a branch": (
        "import OpenAI from 'openai';\nlet c;\nif (a) { c = new OpenAI({ timeout: 3000 }); } else { c = new OpenAI({ timeout: 9000 }); }\nc.ASK", "openai module no yes",
    ),
    "imported client": ("import { client } from './nowhere';\nclient.ASK", "openai shape no unknown"),
    "pre-v1": ("const { Configuration, OpenAIApi } = require('openai');\nconst c = new OpenAIApi(new Configuration({}));\nc.createChatCompletion({ model: M, messages })", "openai module no no"),
    "anthropic": ("import Anthropic from '@anthropic-ai/sdk';\nnew Anthropic().messages.stream({ model: M, messages, max_tokens: 5 })", "anthropic constructor yes no"),
    "mandatory cap": ("import Anthropic from '@anthropic-ai/sdk';\nnew Anthropic().beta.messages.create({ model: M, messages })", "anthropic constructor unknown no"),
    "google": ("import { GoogleGenAI } from '@google/genai';\nnew GoogleGenAI({ apiKey }).models.generateContent({ model: M, contents, config: { maxOutputTokens: 5 } })", "google-genai constructor yes no"),
    "google chat": ("import { GoogleGenAI } from '@google/genai';\nconst chat = new GoogleGenAI({}).chats.create({ model: M, config: { maxOutputTokens: 5 } });\nchat.sendMessage({ message })", "google-genai module yes no"),
    "google, older": (
        "import { GoogleGenerativeAI } from '@google/generative-ai';\nconst m = new GoogleGenerativeAI(key).getGenerativeModel({ model: M, generationConfig: { maxOutputTokens: 4 } });\nm.generateContent(prompt)",
        "google-generativeai module yes no",
    ),
    "groq": ("import Groq from 'groq-sdk';\nnew Groq().ASK", "groq constructor no no"),
    "ai sdk": ("import { generateText as g } from 'ai';\nimport { openai } from '@ai-sdk/openai';\ng({ model: openai('gpt-4o'), prompt })", "ai-sdk function no no"),
    "ai sdk, namespace": ("import * as ai from 'ai';\nai.streamText({ model, prompt, maxOutputTokens: 4 })", "ai-sdk function yes no"),
    "mistral": ("import { Mistral } from '@mistralai/mistralai';\nnew Mistral({ apiKey }).chat.complete({ model: M, messages })", "mistral constructor no no"),
    "cohere": ("import { CohereClientV2 } from 'cohere-ai';\nnew CohereClientV2({}).chat({ model: M, messages, maxTokens: 3 })", "cohere constructor yes no"),
    "ollama": ("import ollama from 'ollama';\nollama.chat({ model: M, messages, options: { num_predict: 4 } })", "ollama package yes no"),
    "bedrock": ("import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';\nclient.send(new ConverseCommand({ modelId, messages }))", "bedrock function unknown unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape(name: str) -> None:
    code, expected = SHAPES[name]
    site = one(code.replace("ASK", ASK))
    assert f"{site.product} {site.origin} {state(site, 'cap')} {state(site, 'timeout')}" == expected


@pytest.mark.parametrize(
    "code",
    [
        "import { Letta } from '@letta-ai/letta-client';\nconst c = new Letta();\nc.agents.messages.create(id, { messages })",
        "import twilio from 'twilio';\nconst c = twilio();\nc.messages.create({ to, from, body })",
        "class OpenAI {}\nnew OpenAI().chat.completions.create({ model: M, messages })",
        "function generateText(o) {}\ngenerateText({ model: M, prompt })",
        "import { generateText } from './mine';\ngenerateText({ model: M, prompt })",
        "import { generateText as sdk } from 'ai';\nconst generateText: typeof sdk = wrapped();\ngenerateText({ model: M, prompt })",
        "import { Agent } from './agents';\nnew Agent({ name: 'x' })",
        "import { Agent } from 'http';\nnew Agent({ keepAlive: true })",
        "db.messages.create({ data })",
        "prisma.messages.create({ model: M, messages })",
        "openai.beta.threads.messages.create(id, { model: M, messages, max_tokens: 1 })",
        "const s = `client.chat.completions.create({ model: M, messages })`;",
        "// client.chat.completions.create({ model: M, messages })",
        "client.chat.completions.create.mockResolvedValue({ messages });",
        "const o = { chat: { completions: { create: vi.fn() } } };\no.chat.completions.create({ model: M, messages })",
    ],
)
def test_what_only_looks_alike(code: str) -> None:
    assert not [site for site in found(code) if site.kind is not Kind.PROMPT]


@pytest.mark.parametrize(
    ("code", "product", "cap"),
    [
        ("import { ChatOpenAI as C } from '@langchain/openai';\nnew C({ model: M })", "langchain", "no"),
        ("import { ChatOpenAI } from 'langchain/chat_models/openai';\nnew ChatOpenAI({ maxTokens: 3 })", "langchain", "yes"),
        ("import { ChatOpenAI } from '@langchain/openai';\nnew ChatOpenAI({ modelKwargs: { max_tokens: 3 } })", "langchain", "yes"),
        ("import { ChatOpenAI } from '@langchain/openai';\nnew ChatOpenAI({ maxTokens: -1 })", "langchain", "no"),
        ("import { ChatOpenAI } from '@langchain/openai';\nfunction f(fields) { return new ChatOpenAI(fields); }", "langchain", "unknown"),
        ("import { ChatOllama } from '@langchain/ollama';\nnew ChatOllama({ numPredict: 9 })", "langchain-fetch", "yes"),
        ("import { Agent } from '@openai/agents';\nnew Agent({ name: 'a', modelSettings: { maxTokens: 3 } })", "openai-agents", "yes"),
        ("import { Agent } from '@openai/agents';\nnew Agent({ name: 'a' })", "openai-agents", "no"),
        ("import { Experimental_Agent as Agent } from 'ai';\nnew Agent({ model })", "ai-sdk", "no"),
    ],
)  # fmt: skip
def test_frameworks(code: str, product: str, cap: str) -> None:
    (site,) = [site for site in found(code) if site.kind is Kind.FRAMEWORK]
    assert (site.product, state(site, "cap")) == (product, cap)


def test_a_client_that_calls_nothing_is_still_one() -> None:
    code = "import OpenAI from 'openai';\nconst { data } = await new OpenAI().models.list();"
    assert [site.kind for site in found(code)] == [Kind.CLIENT]
    assert calls(code) == []


def test_embeddings() -> None:
    code = "import OpenAI from 'openai';\nawait new OpenAI().embeddings.create({ model: 'small', input })"
    site = next(site for site in found(code) if site.kind is Kind.EMBEDDING)
    assert (site.api, site.fact("model").value, "cap" in site.facts) == ("embeddings", "small", False)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai('gpt-4o')", "gpt-4o"),
        ("openai.chat('gpt-4o')", "gpt-4o"),
        ("registry.languageModel('openai:gpt-4o')", "openai:gpt-4o"),
        ("'openai/gpt-4o'", "openai/gpt-4o"),
        ("openai(name)", None),
        ("pick('gpt-4o')", None),
    ],
)
def test_models_of_the_ai_sdk(model: str, expected: str | None) -> None:
    code = f"import {{ generateText }} from 'ai';\nimport {{ openai }} from '@ai-sdk/openai';\ngenerateText({{ model: {model} }})"
    site = one(code)
    assert (state(site, "model"), site.fact("model").value) == ("yes", expected)


def test_a_provider_of_the_ai_sdk_has_a_say() -> None:
    code = (
        "import { generateText } from 'ai';\nimport { createOpenAI } from '@ai-sdk/openai';\n"
        "const p = createOpenAI({ baseURL: 'http://localhost:4100/v1', headers: { 'x-paceline-use-case': 'a' } });\n"
        "generateText({ model: p('m'), prompt })"
    )
    client, call = found(code)
    assert (client.kind, client.fact("base_url").value) == (Kind.CLIENT, "http://localhost:4100/v1")
    assert state(call, "tags") == "yes"


def test_a_key_never_gets_into_a_record() -> None:
    code = "import OpenAI from 'openai';\nconst c = new OpenAI({ apiKey: 'sk-secret', timeout: 5 });"
    assert "sk-secret" not in repr(found(code)[0].as_dict())
