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
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape(name: str) -> None:
    code, expected = SHAPES[name]
    (site,) = found(code.replace("ASK", ASK))
    assert f"{site.product} {site.origin} {facts(site)}" == expected


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
    ],
)  # fmt: skip
def test_frameworks(code: str, product: str, cap: str) -> None:
    (site,) = found(code, Kind.FRAMEWORK)
    assert (site.product, site.fact("cap").state.value) == (product, cap)
