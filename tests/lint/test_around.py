"""What stands around a call: coroutine, retries, loops, routes, and what is done with the answer."""

# ruff: noqa: E501  # one row a shape

from __future__ import annotations

import pytest

from paceline.catalogue import load
from paceline.lint.python import sites
from paceline.lint.sites import Kind, Site

CLIENT = "from openai import AsyncOpenAI, OpenAI\nc = OpenAI()\na = AsyncOpenAI()\n"
ASK = "c.chat.completions.create(model=M, messages=m)"


def site(code: str) -> Site:
    (found,) = [each for each in sites((CLIENT + code).encode(), "x.py", load()) if each.kind is Kind.GENERATION]
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("async def f(): return ASK", "no"),
        ("def f(): return ASK", "yes"),
        ("async def f():\n  def g(): return ASK\n  return await to_thread(g)", "yes"),
        ("async def f(): return await loop.run_in_executor(None, lambda: ASK)", "yes"),
        ("async def f(): return await a.chat.completions.create(model=M)", "yes"),
        ("async def f():\n  t = a.chat.completions.create(model=M)\n  return await t", "yes"),
        ("async def f(client): return client.ASK", "unknown"),
        ("async def f(client): return await create_task(client.ASK)", "yes"),
        (
            "from azure.ai.inference.aio import ChatCompletionsClient as C\nasync def f():\n  r = C(e).complete(messages=m)",
            "yes",
        ),
        (
            "from azure.ai.inference import ChatCompletionsClient as C\nasync def f():\n  r = C(e).complete(messages=m)",
            "no",
        ),
    ],
)
def test_blocking_in_a_coroutine(code: str, expected: str) -> None:
    code = code.replace("client.ASK", "client.chat.completions.create(model=M, messages=m)").replace("ASK", ASK)
    assert site(code).fact("awaited").state.value == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("@retry(stop=s)\ndef f(): return ASK", "yes"),
        ("@backoff.on_exception(backoff.expo, Exception)\ndef f(): return ASK", "yes"),
        ("@retry(retry=retry_if_exception_type(requests.HTTPError))\ndef f(): return ASK", "no"),
        ("@app.get('/')\ndef f(): return ASK", "no"),
        ("def f():\n  for i in range(3):\n    try:\n      return ASK\n    except Exception:\n      sleep(1)", "yes"),
        ("def f():\n  while n:\n    try:\n      r = ASK\n      break\n    except Exception:\n      n -= 1", "yes"),
        ("def f():\n  for d in docs:\n    try:\n      use(ASK)\n    except Exception:\n      continue", "no"),
        ("def f():\n  for i in range(3):\n    try:\n      return ASK\n    except Exception:\n      raise", "no"),
        ("def f():\n  for attempt in Retrying(stop=s):\n    with attempt:\n      return ASK", "yes"),
        ("def f():\n  for i in range(3): use(ASK)", "no"),
    ],
)
def test_retries(code: str, expected: str) -> None:
    assert site(code.replace("ASK", ASK)).fact("retried").state.value == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("while True:\n  r = ASK\n  if not r.tools: break", "no"),
        ("while True:\n  r = ASK\n  n += 1\n  if n > 9: break", "yes"),
        ("while True:\n  r = ASK\n  if max_steps_reached(): break", "yes"),
        ("while True:\n  m = input()\n  r = ASK", "unknown"),
        ("while True:\n  job = queue.get()\n  r = ASK", "unknown"),
        ("while pending: r = ASK", "unknown"),
        ("for i in range(3): r = ASK", "unknown"),
    ],
)
def test_loops(code: str, expected: str) -> None:
    assert site(code.replace("ASK", ASK)).fact("bounded").state.value == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f():\n  r = ASK\n  return r.choices[0].message.content", "no"),
        ("def f(): return ASK.choices[0].message.content", "no"),
        ("def f():\n  r = ASK\n  log(r.choices[0].finish_reason)\n  return r.choices[0].message.content", "yes"),
        ("def f():\n  r = ASK\n  return r", "unknown"),
        ("def f():\n  r = ASK\n  choice = r.choices[0]\n  return choice.message.content", "unknown"),
        ("def f():\n  r = ASK\n  save(r.model_dump())", "unknown"),
        ("def f(): return ASK", "unknown"),
        ("async def f():\n  r = await ASK\n  return r.choices[0].message", "no"),
    ],
)
def test_endings(code: str, expected: str) -> None:
    assert site(code.replace("ASK", ASK)).fact("ending_read").state.value == expected


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("@app.post('/chat')", "yes"), ("@chat_router.websocket('/ws')", "yes"), ("@cl.on_message", "yes"),
        ("@app.command()", "unknown"), ("@cached", "unknown"), ("@client.get('/')", "unknown"),
    ],
)  # fmt: skip
def test_where_somebody_waits(decorator: str, expected: str) -> None:
    assert site(f"{decorator}\ndef f(): return {ASK}").fact("interactive").state.value == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f():\n  c = OpenAI()\n  return ASK", "no"),
        ("def main():\n  c = OpenAI()\n  return ASK", "unknown"),
        ("@lru_cache\ndef f():\n  c = OpenAI()\n  return ASK", "unknown"),
        ("def f(): return ASK", "unknown"),
        ("d = OpenAI()\ndef f():\n  c = d\n  if own: c = OpenAI()\n  return ASK", "unknown"),
    ],
)
def test_a_client_for_each_call(code: str, expected: str) -> None:
    assert site(code.replace("ASK", ASK)).fact("made_once").state.value == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(): return OpenAI().models.list()", "no"),
        ("def f():\n  d = OpenAI()\n  return [each.id for each in d.models.list()]", "no"),
        ("def f():\n  d = OpenAI()\n  d.models.list()\n  return d", "unknown"),
    ],
)
def test_clients_that_only_list(code: str, expected: str) -> None:
    found = [each for each in sites((CLIENT + code).encode(), "x.py", load()) if each.kind is Kind.CLIENT]
    assert found[-1].fact("generates").state.value == expected
