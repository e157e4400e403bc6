"""Shapes of calls in Python, and what the front end says of each: product, where the client came from, three facts."""

# ruff: noqa: E501  # one row a shape

from __future__ import annotations

from textwrap import dedent

import pytest

from paceline.catalogue import load
from paceline.lint.python import may_hold_sites, sites
from paceline.lint.sites import Kind, Site

ASK = "chat.completions.create(model=M, messages=m"


def found(code: str, kind: Kind = Kind.GENERATION) -> list[Site]:
    data = dedent(code).encode()
    assert may_hold_sites(data)
    return [site for site in sites(data, "x.py", load()) if site.kind is kind]


def facts(site: Site) -> str:
    return " ".join(site.fact(name).state.value for name in ("cap", "timeout"))


SHAPES = {
    "local": ("from openai import OpenAI\ndef f():\n  c = OpenAI()\n  c.ASK)", "openai local no no"),
    "module alias": ("import openai as o\nc = o.OpenAI(timeout=3)\ndef f(): c.ASK)", "openai module no yes"),
    "renamed": ("def f():\n  from openai import OpenAI as Api\n  Api().ASK, max_tokens=3)", "openai constructor yes no"),
    "module as client": ("import openai\nopenai.ASK, timeout=2)", "openai function no yes"),
    "before version one": ("import openai\nopenai.ChatCompletion.create(model=M)", "openai function no no"),
    "self": (
        "from openai import OpenAI\nclass A:\n  def __init__(self): self.c = OpenAI(http_client=h)\n  def f(self): self.c.ASK)",
        "openai class no unknown",
    ),
    "base class": (
        "from openai import OpenAI\nclass B:\n  def __init__(self): self.c = OpenAI()\nclass A(B):\n  def f(self): self.c.ASK)",
        "openai base class no no",
    ),
    "annotated": ("from openai import OpenAI\ndef f(c: OpenAI | None): c.ASK)", "openai annotation no unknown"),
    "annotated as text": ("from openai import OpenAI\ndef f(c: 'OpenAI'): c.ASK)", "openai annotation no unknown"),
    "factory": ("from openai import OpenAI\ndef make(): return OpenAI(timeout=3)\nc = make()\nc.ASK)", "openai factory no yes"),
    "factory annotated": (
        "from openai import OpenAI\ndef make() -> OpenAI: return load()\nmake().ASK)", "openai factory no unknown",
    ),
    "over lines": ("from openai import OpenAI\nx = (\n OpenAI()\n .chat\n .completions\n .create(model=M)\n)", "openai constructor no no"),
    "part of a chain": ("from openai import OpenAI\nc = OpenAI().chat.completions\nc.create(model=M)", "openai module no no"),
    "bound method": ("from openai import OpenAI\nf = OpenAI().chat.completions.create\nf(model=M)", "openai module no no"),
    "with_options": ("from openai import OpenAI\nOpenAI().with_options(timeout=3).ASK)", "openai constructor no yes"),
    "raw response": (
        "from openai import OpenAI\nOpenAI().chat.completions.with_raw_response.create(model=M)", "openai constructor no no",
    ),
    "beta messages": (
        "import anthropic\nanthropic.Anthropic().beta.messages.create(model=M, max_tokens=3)", "anthropic constructor yes no",
    ),
    "mandatory cap": ("import anthropic\nanthropic.Anthropic().messages.create(model=M)", "anthropic constructor unknown no"),
    "instructor": ("import instructor\nfrom openai import OpenAI\nc = instructor.from_openai(OpenAI())\nc.ASK)", "openai module no no"),
    "with statement": ("from openai import OpenAI\nwith OpenAI() as c:\n  c.ASK)", "openai module no no"),
    "awaited later": ("from openai import AsyncOpenAI\nasync def f():\n  t = AsyncOpenAI().ASK)\n  await t", "openai constructor no no"),
    "lazy": ("OpenAI = lazy('OpenAI')\nOpenAI().ASK)", "openai constructor no no"),
    "imported client": ("from .clients import client\nclient.ASK)", "openai shape no unknown"),
    "google": (
        "from google import genai\nc = genai.Client()\nc.aio.models.generate_content(model=M, contents=x, config={'max_output_tokens': 3})",
        "google-genai module yes no",
    ),
    "google settings": (
        "from google import genai\nfrom google.genai import types\n"
        "genai.Client().models.generate_content(model=M, contents=x, config=types.GenerateContentConfig(temperature=0))",
        "google-genai constructor no no",
    ),
    "litellm": ("from litellm import acompletion as go\ngo(model=M, messages=m, max_tokens=9)", "litellm function yes no"),
    "unpacked": ("from openai import OpenAI\na, c = 1, OpenAI()\nc.ASK)", "openai module no no"),
    "bound again": (
        "from openai import OpenAI\nfrom anthropic import Anthropic\nc = OpenAI()\nc = Anthropic(timeout=3)\nc.messages.create(max_tokens=3)",
        "anthropic module yes yes",
    ),
    "made in two ways": (
        "from openai import AzureOpenAI, OpenAI\nif a:\n  c = AzureOpenAI(timeout=3)\nelse:\n  c = OpenAI()\nc.ASK)",
        "openai module no unknown",
    ),
    "partial": (
        "from functools import partial\nimport functools\nfrom openai import OpenAI\n"
        "make = functools.partial(OpenAI)\nOpenAI().ASK)", "openai constructor no no",
    ),
    "partial with a cap": (
        "from functools import partial\nfrom openai import OpenAI\nask = partial(OpenAI().chat.completions.create, max_tokens=3)\nask(model=M)",
        "openai module yes no",
    ),
    "partial of a function": (
        "from functools import partial\nimport litellm\nask = partial(litellm.completion, max_tokens=3)\nask(model=M)",
        "litellm function yes no",
    ),
    "handed in by the caller": (
        "from openai import OpenAI\ndef f(c): return c.ASK)\ndef main():\n  c = OpenAI(timeout=3)\n  f(c)", "openai parameter no yes",
    ),
    "annotated and handed in": (
        "from openai import OpenAI\ndef f(c: OpenAI): return c.ASK)\nf(OpenAI(timeout=3))", "openai parameter no yes",
    ),
    "several at once": (
        "from openai import OpenAI\ndef make():\n  return OpenAI(timeout=3), M\nc, name = make()\nc.ASK)", "openai factory no yes",
    ),
    "property": (
        "from openai import OpenAI\nclass A:\n  @property\n  def c(self): return OpenAI(timeout=3)\n  def f(self): self.c.ASK)",
        "openai factory no yes",
    ),
    "context manager of one's own": (
        "from contextlib import contextmanager\nfrom openai import OpenAI\n@contextmanager\ndef make():\n  yield OpenAI()\n"
        "with make() as c:\n  c.ASK)", "openai factory no no",
    ),
    "global made late": (
        "from openai import OpenAI\n_c = None\ndef get():\n  global _c\n  if _c is None:\n    _c = OpenAI(timeout=3)\n  return _c\nget().ASK)",
        "openai factory no yes",
    ),
    "kept in a dictionary": ("from openai import OpenAI\ncs = {'a': OpenAI()}\ncs['a'].ASK)", "openai module no no"),
    "injected or made": (
        "from openai import OpenAI\nclass A:\n  def __init__(self, c=None): self.c = c or OpenAI()\n  def f(self): self.c.ASK)",
        "openai class no unknown",
    ),
    "lambda": ("from openai import OpenAI\nc = OpenAI()\nf = lambda m: c.ASK)", "openai module no no"),
    "lazy import": ("import importlib\nlitellm = importlib.import_module('litellm')\nlitellm.completion(model=M)", "litellm function no no"),
    "litellm through a module of one's own": ("from myapp.llm import litellm\nlitellm.completion(model=M)", "litellm function no no"),
    "for the whole program": (
        "import litellm\nlitellm.request_timeout = 30\nlitellm.completion(model=M)", "litellm function no yes",
    ),
    "router": ("from litellm import Router\nr = Router(model_list=ms)\nr.completion(model=M)", "litellm module unknown unknown"),
    "HTTP client with a timeout": (
        "import httpx\nfrom openai import OpenAI\nOpenAI(http_client=httpx.Client(timeout=3)).ASK)", "openai constructor no yes",
    ),
    "HTTP client without one": (
        "import httpx\nfrom openai import OpenAI\nOpenAI(http_client=httpx.Client(verify=False)).ASK)", "openai constructor no no",
    ),
    "subclass of the SDK's class": (
        "from google.generativeai import GenerativeModel\nclass G(GenerativeModel): pass\nG('x').generate_content(m)",
        "google-generativeai constructor no no",
    ),
    "timeout inside two settings": (
        "from google import genai\ngenai.Client().models.generate_content(model=M, contents=x, config={'http_options': {'timeout': 3}})",
        "google-genai constructor no yes",
    ),
    "asynchronous Google": (
        "from google import genai\nc = genai.Client(http_options={'timeout': 3})\nc.aio.models.generate_content(model=M, contents=x)",
        "google-genai module no yes",
    ),
    "chat of the older Google SDK": (
        "import google.generativeai as genai\nm = genai.GenerativeModel('x', generation_config={'max_output_tokens': 3})\n"
        "chat = m.start_chat()\nchat.send_message(t)", "google-generativeai module yes no",
    ),
    "chat of Google's SDK": (
        "from google import genai\nchat = genai.Client().chats.create(model=M, config={'max_output_tokens': 3})\nchat.send_message(t)",
        "google-genai module yes no",
    ),
    "bedrock": ("import boto3\nc = boto3.client('bedrock-runtime')\nc.converse(modelId=M, inferenceConfig={'maxTokens': 3})", "bedrock-runtime shape yes unknown"),
    "bedrock with a body": ("import boto3\nc = boto3.client('bedrock-runtime')\nc.invoke_model(modelId=M, body=b)", "bedrock-runtime shape unknown unknown"),
    "bedrock from a dictionary": (
        "import boto3\nc = boto3.client('bedrock-runtime')\nk = {'modelId': M, 'inferenceConfig': {'maxTokens': 3}}\nc.converse(**k)",
        "bedrock-runtime shape yes unknown",
    ),
    "ollama": ("import ollama\nollama.chat(model=M, options={'num_predict': 3})", "ollama function yes no"),
    "mistral": ("from mistralai import Mistral\nMistral(timeout_ms=3000).chat.complete(model=M, messages=m)", "mistralai constructor no yes"),
    "cohere": ("import cohere\nco = cohere.ClientV2()\nco.chat(model=M, messages=m, max_tokens=3)", "cohere module yes no"),
    "wrapped with arguments": (
        "import instructor\nfrom openai import OpenAI\nc = instructor.from_openai(OpenAI(), max_tokens=3)\nc.ASK)", "openai module yes no",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape(name: str) -> None:
    code, expected = SHAPES[name]
    (site,) = found(code.replace("ASK", ASK))
    assert f"{site.product} {site.origin} {facts(site)}" == expected


_KEPT = "class A:\n  def __init__(self): self.k = {}\n  def f(self): c.x(extra_body=self.k)"

ARGUMENTS = {
    "dict": ("k = {'max_tokens': 3}\nc.x(**k)", "yes"),
    "dict without": ("k = {'model': 3}\nc.x(**k)", "no"),
    "dict call": ("k = dict(model=M, max_tokens=3)\nc.x(**k)", "yes"),
    "stored": ("k = {}\nk['max_tokens'] = 3\nc.x(**k)", "yes"),
    "stored afterwards": ("k = {}\nc.x(**k)\nk['max_tokens'] = 3", "no"),
    "stored on some paths": ("k = {}\nif a: k['max_tokens'] = 3\nc.x(**k)", "unknown"),
    "updated": ("k = {}\nk.update(max_tokens=3)\nc.x(**k)", "yes"),
    "updated from elsewhere": ("k = {}\nk.update(other())\nc.x(**k)", "unknown"),
    "removed": ("k = {'max_tokens': 3}\nk.pop('max_tokens')\nc.x(**k)", "no"),
    "removed on retry": ("k = {'max_tokens': 3}\nif again: k.pop('max_tokens', None)\nc.x(**k)", "unknown"),
    "handed on": ("k = {}\nfill(k)\nc.x(**k)", "unknown"),
    "merged": ("k = {**{'max_tokens': 3}, 'a': 1}\nc.x(**k)", "yes"),
    "one of two": ("k = {'max_tokens': 3} if a else {}\nc.x(**k)", "unknown"),
    "builder": ("def b(): return {'max_tokens': 3}\nc.x(**b())", "yes"),
    "builder without": ("def b():\n  k = {'model': M}\n  return k\nc.x(**b())", "no"),
    "builder elsewhere": ("from y import b\nc.x(**b())", "unknown"),
    "parameter": ("def f(**k): c.x(**k)", "unknown"),
    "None": ("c.x(max_tokens=None)", "no"),
    "not given": ("c.x(max_tokens=openai.NOT_GIVEN)", "no"),
    "may be None": ("def f(n=None): c.x(max_tokens=n)", "unknown"),
    "may be None by annotation": ("def f(n: int | None = 4): c.x(max_tokens=n)", "unknown"),
    "surely a number": ("def f(n: int = 4): c.x(max_tokens=n)", "yes"),
    "or": ("def f(n=None): c.x(max_tokens=n or 4)", "yes"),
    "either way": ("c.x(max_tokens=3 if a else None)", "unknown"),
    "looked up": ("c.x(max_tokens=settings.get('cap'))", "unknown"),
    "constant": ("CAP = 3\ndef f(): c.x(max_tokens=CAP)", "yes"),
    "extra body": ("c.x(extra_body={'max_tokens': 3})", "yes"),
    "other cap": ("c.x(max_completion_tokens=3)", "yes"),
    "starred": ("c.x(*a)", "unknown"),
    "the context window": ("c.x(max_tokens=model.context_window)", "unknown"),
    "no limit": ("c.x(max_tokens=-1)", "no"),
    "on both sides": ("k = {}\nif a: k['max_completion_tokens'] = 3\nelse: k['max_tokens'] = 4\nc.x(**k)", "yes"),
    "on one of three": ("k = {}\nif a: k['max_tokens'] = 3\nelif b: k['max_tokens'] = 4\nc.x(**k)", "unknown"),
    "filled in": ("def f(**k):\n  if 'max_tokens' not in k: k['max_tokens'] = 3\n  c.x(**k)", "yes"),
    "filled in by name": ("def f(n=None):\n  if n is None: n = 3\n  c.x(max_tokens=n)", "yes"),
    "stored on a parameter": ("def f(**k):\n  k['max_tokens'] = 3\n  c.x(**k)", "yes"),
    "updated by what may hold anything": ("k = {'max_tokens': 3}\nk.update(other())\nc.x(**k)", "yes"),
    "popped below": ("k = {\n'max_tokens': 3}\nif o1:\n  k.pop('max_tokens')\nc.x(**k)", "unknown"),
    "in one block": ("while True:\n  k = dict(x) or dict()\n  k['max_tokens'] = 3\n  c.x(**k)", "yes"),
    "builder told so": ("def b(**more): return {'model': M, **more}\nc.x(**b(max_tokens=3))", "yes"),
    "builder not told": ("def b(**more): return {'model': M, **more}\nc.x(**b(n=1))", "no"),
    "builder with a default": ("def b(n=None): return {'max_tokens': n}\nc.x(**b())", "no"),
    "awaited builder": ("async def b(): return {'max_tokens': 3}\nasync def f(): c.x(**(await b()))", "yes"),
    "method that builds": ("class A:\n  def b(self): return {'max_tokens': 3}\n  def f(self): c.x(**self.b())", "yes"),
    "kept on self": ("class A:\n  def __init__(self): self.k = {'model': M}\n  def f(self): c.x(**self.k)", "no"),
    "kept on self, another key set": (f"{_KEPT}\n  def g(self): self.k['a'] = 1", "no"),
    "kept on self, the key set": (f"{_KEPT}\n  def g(self): self.k['max_tokens'] = 1", "unknown"),
    "kept on self, any key set": (f"{_KEPT}\n  def g(self): self.k[a] = 1", "unknown"),
    "kept on self, updated": (f"{_KEPT}\n  def g(self): self.k.update(a)", "unknown"),
    "kept on self, handed on": (f"{_KEPT}\n  def g(self): fill(self.k)", "unknown"),
    "kept on self, set from outside": (f"{_KEPT}\nA().k = {{'max_tokens': 1}}", "unknown"),
    "kept on self, set by a subclass without": (
        f"{_KEPT}\ndef b(): return {{'a': 1}}\nclass B(A):\n  def __init__(self): self.k = b() or self.k",
        "no",
    ),
    "kept on self, set by a subclass": (
        f"{_KEPT}\nclass B(A):\n  def g(self): self.k = {{'max_tokens': 1}}",
        "unknown",
    ),
    "kept on self, set by no relation": (f"{_KEPT}\nclass B:\n  def g(self): self.k = {{'max_tokens': 1}}", "no"),
    "kept by a base": (
        "class B:\n  def __init__(self): self.k = None\nclass C(B): pass\nclass A(C):\n  def f(self): c.x(extra_body=self.k)",
        "no",
    ),
    "private wrapper, told so": ("def _f(**k): c.x(**k)\n_f(max_tokens=3)", "yes"),
    "private wrapper, not told": ("def _f(**k): c.x(**k)\n_f(model=M)", "no"),
    "private wrapper, handed on": ("def _f(**k): c.x(**k)\nrun(_f)\n_f(model=M)", "unknown"),
    "declared and kept on self": ("class A:\n  k: dict | None = None\n  def f(self): c.x(extra_body=self.k)", "no"),
    "field kept on self": (
        "@dataclass\nclass A:\n  k: dict | None = None\n  def f(self): c.x(**(self.k or {}))",
        "unknown",
    ),
    "field that may be given": (
        "class A(BaseModel):\n  n: int | None = None\n  def f(self): c.x(max_tokens=self.n)",
        "unknown",
    ),
    "function that gives a number": ("def n(): return 3\nc.x(max_tokens=n())", "yes"),
    "function that may give None": ("def n(a):\n  if a: return 3\n  return None\nc.x(max_tokens=n(a))", "unknown"),
    "sentinel": ("c.x(max_tokens=_UNSET_CAP)", "no"),
    "Optional attribute": ("class S:\n  cap: int | None = None\ndef f(s: S): c.x(max_tokens=s.cap)", "unknown"),
    "or None": ("c.x(max_tokens=a or None)", "unknown"),
    "last sure one": ("n = None\nn = 3\nc.x(max_tokens=n)", "yes"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_cap(name: str) -> None:
    code, expected = ARGUMENTS[name]
    head = "import openai\nfrom openai import OpenAI\nc = OpenAI()\n"
    (site,) = found(head + code.replace("c.x", "c.chat.completions.create"))
    assert site.fact("cap").state.value == expected


@pytest.mark.parametrize(
    "code",
    [
        "from letta_client import Letta\nc = Letta()\nc.agents.messages.create(agent_id=a, messages=m)",
        "from twilio.rest import Client\nc = Client()\nc.messages.create(to=a, body=b)",
        "import litellm\nlitellm.completion_cost(completion_response=x)",
        "class OpenAI:\n  pass\nOpenAI().chat.completions.create(model=M, messages=m)",
        "def completion(model): ...\ncompletion(model='x')",
        "from myapp import Agent\nAgent(name='x')",
        "db.messages.create(model=M)",
        "client.threads.messages.create(model=M, max_tokens=1, messages=m)",
        "mock.chat.completions.create.return_value = 3",
        "'client.chat.completions.create(model=M, messages=m)'",
        "from myapp import Agent\nAgent('openai:x', model='x')",
        "from sentence_transformers import SentenceTransformer\nSentenceTransformer('x').encode(texts)",
        "from sqlalchemy import insert\nmetadata.tables['messages'].create(bind=engine)",
        "from django.db import models\nMessage.objects.create(model=M, messages=m)",
        "import litellm\nlitellm.get_model_info(model='x')",
        "class Client:\n  def chat(self, **k): ...\nClient().chat(model=M, messages=m)",
        "from anthropic import Anthropic\nmail.messages.create(to=a, body=b)",
        "def generate_content(contents): ...\ngenerate_content(contents=x)",
    ],
)
def test_what_only_looks_alike(code: str) -> None:
    assert not [site for site in sites(code.encode(), "x.py", load()) if site.kind is not Kind.PROMPT]


@pytest.mark.parametrize(
    ("code", "product", "cap"),
    [
        ("from langchain_openai import ChatOpenAI as C\nC(model=M)", "langchain", "no"),
        ("from langchain_openai import ChatOpenAI\nChatOpenAI(model_kwargs={'max_tokens': 3})", "langchain", "yes"),
        ("from agno.models.openai import OpenAIChat\nOpenAIChat(id='x', max_tokens=3)", "agno", "yes"),
        ("from pydantic_ai import Agent\nAgent[int, str]('openai:x')", "pydantic-ai", "no"),
        ("from pydantic_ai import Agent\nAgent('x', model_settings={'max_tokens': 3})", "pydantic-ai", "yes"),
        ("from agents import Agent, ModelSettings\nAgent(model_settings=ModelSettings(max_tokens=3))", "openai-agents", "yes"),
        ("from agents import Agent\nAgent(model_settings=settings())", "openai-agents", "unknown"),
        ("from google.adk.agents import LlmAgent\nLlmAgent(model='x')", "google-adk", "no"),
        ("from llama_index.llms.openai import OpenAI\nOpenAI()", "llama-index", "no"),
        ("from crewai import LLM\nLLM(model='x', max_tokens=1)", "crewai", "yes"),
        ("from crewai import Agent\nAgent(role=r, goal=g)", "crewai-agent", "no"),
        ("from pydantic_ai import Agent\nfrom x import model\nAgent(model)", "pydantic-ai", "unknown"),
        ("from agents import Agent, RunConfig\nAgent(name='x', model='y')\nRunConfig(model_settings=s)", "openai-agents", "unknown"),
        ("from langchain_openai import ChatOpenAI\nllm = ChatOpenAI(model=M)\nllm.bind(max_tokens=3)", "langchain", "unknown"),
        ("from haystack.components.generators.chat import OpenAIChatGenerator as G\nG(generation_kwargs={'max_tokens': 3})", "haystack", "yes"),
        ("import dspy\ndspy.LM('openai/x', max_tokens=3)", "dspy", "yes"),
        ("from google.adk.agents import Agent\nfrom google.genai import types\nAgent(generate_content_config=types.GenerateContentConfig(max_output_tokens=3))", "google-adk", "yes"),
    ],
)  # fmt: skip
def test_frameworks(code: str, product: str, cap: str) -> None:
    (site,) = found(code, Kind.FRAMEWORK)
    assert (site.product, site.fact("cap").state.value) == (product, cap)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("extra_headers={'X-Team': t}", "yes"),
        ("extra_headers={}", "unknown"),
        ("extra_headers=none(p)", "unknown"),
        ("extra_headers=some()", "yes"),
    ],
)
def test_tags_in_headers_that_may_be_empty(given: str, expected: str) -> None:
    functions = "def none(p):\n  h = {}\n  if p: h |= MORE\n  return h\ndef some(): return {'X-Team': T}\n"
    (site,) = found(f"from openai import OpenAI\n{functions}OpenAI().chat.completions.create({given})")
    assert site.fact("tags").state.value == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [("httpx.Client()", "no"), ("httpx.Client(timeout=3)", "yes"), ("OwnHttpClient()", "unknown")],
)
def test_a_timeout_of_an_http_client(made: str, expected: str) -> None:
    head = "import httpx\nfrom openai import OpenAI\nfrom own import OwnHttpClient\n"
    (site,) = found(f"{head}OpenAI(http_client={made})", Kind.CLIENT)
    assert site.fact("timeout").state.value == expected
