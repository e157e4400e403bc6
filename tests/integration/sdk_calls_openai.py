"""A program of its own: what a user of the openai SDK does, one function a habit.

Runs under any major of the SDK: `python sdk_calls_openai.py BASE KEY KEY-IN-A-HURRY KEY-ENFORCED` prints each
function's name and what went wrong in it, as JSON. Imports nothing of the project.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import traceback
from typing import Any

import openai

BASE, KEY, HURRY, STRICT = sys.argv[1:5]
TALK: Any = [{"role": "user", "content": "Good morning, dear machine"}]
PARAMETERS = {"type": "object", "properties": {"q": {"type": "string"}}}
TOOLS: Any = [{"type": "function", "function": {"name": "find", "parameters": PARAMETERS}}]
WITH_USAGE: Any = {"include_usage": True}


@functools.cache  # each one reads the system's certificates
def client(key: str = KEY, base: str = BASE) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=30)


def sim(**wishes: Any) -> dict[str, str]:
    return {f"x-sim-{name.replace('_', '-')}": str(value) for name, value in wishes.items()}


def raised(kind: type[BaseException], call: Any, *positional: Any, **named: Any) -> Any:
    """Return the error of that kind which the call raises."""
    try:
        answer = call(*positional, **named)
    except kind as error:
        return error
    message = f"no {kind.__name__} but {answer!r}"
    raise AssertionError(message)


def text_of(chunks: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def chat() -> None:
    answer = client().chat.completions.create(model="auto", messages=TALK, extra_headers=sim(output_tokens=5))
    assert answer.choices[0].message.content.count(" ") == 5
    assert (answer.usage.completion_tokens, answer.usage.prompt_tokens) == (5, 7)
    assert answer.model == "gpt-5.4-mini"


def chat_async() -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0) as own:
            ask = own.chat.completions.create
            answers = [ask(model="auto", messages=TALK, extra_headers=sim(output_tokens=count)) for count in (3, 4, 5)]
            assert [answer.usage.completion_tokens for answer in await asyncio.gather(*answers)] == [3, 4, 5]
            stream = await ask(model="auto", messages=TALK, stream=True, extra_headers=sim(output_tokens=4))
            assert text_of([chunk async for chunk in stream]).count(" ") == 4

    asyncio.run(main())


def stream_without_usage() -> None:
    made = client().chat.completions.create(
        model="auto", messages=TALK, stream=True, extra_headers=sim(output_tokens=5)
    )
    chunks = list(made)
    assert text_of(chunks).count(" ") == 5
    assert all(chunk.choices for chunk in chunks), "the extra event is not the caller's"
    assert all(not chunk.usage for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def stream_with_usage() -> None:
    ask = client().chat.completions.create
    chunks = list(
        ask(model="auto", messages=TALK, stream=True, stream_options=WITH_USAGE, extra_headers=sim(output_tokens=5))
    )
    assert not chunks[-1].choices
    assert chunks[-1].usage.completion_tokens == 5
    assert sum(1 for chunk in chunks if chunk.usage) == 1


def tools() -> None:
    answer = client().chat.completions.create(
        model="auto", messages=TALK, tools=TOOLS, extra_headers=sim(output_tokens=9, tools=1)
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.name == "find"
    assert json.loads(choice.message.tool_calls[0].function.arguments)["q"]


def tools_streamed() -> None:
    with client().chat.completions.stream(
        model="auto", messages=TALK, tools=TOOLS, extra_headers=sim(output_tokens=9, tools=1)
    ) as stream:
        final = stream.get_final_completion()
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments)["q"]


def embeddings() -> None:
    answer = client().embeddings.create(model="vectors", input=["one", "two words"], dimensions=8)
    assert [len(one.embedding) for one in answer.data] == [8, 8]
    assert answer.usage.prompt_tokens > 0


def completions() -> None:
    ask = client().completions.create
    assert ask(model="auto", prompt="def f", extra_headers=sim(output_tokens=4)).usage.completion_tokens == 4
    chunks = list(ask(model="auto", prompt="def f", stream=True, extra_headers=sim(output_tokens=4)))
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def responses() -> None:
    answer = client().responses.create(model="auto", input="Good morning", extra_headers=sim(output_tokens=4))
    assert answer.output_text.count(" ") == 4
    assert (answer.status, answer.usage.output_tokens) == ("completed", 4)


def responses_streamed() -> None:
    for more, kind in (({}, "message"), ({"tools": 1}, "function_call")):
        wishes = sim(output_tokens=6, reasoning=2, **more)
        with client().responses.stream(model="auto", input="Good morning", extra_headers=wishes) as stream:
            seen = [event.type for event in stream]
            final = stream.get_final_response()
        assert seen[-1] == "response.completed"
        assert [item.type for item in final.output] == ["reasoning", kind]
        assert final.usage.output_tokens_details.reasoning_tokens == 2


def models() -> None:
    assert {"auto", "small", "task:chat"} <= {model.id for model in client().models.list()}


def tagged_address() -> None:
    answer = client(base=f"{BASE}/t/helpdesk/support-chat").chat.completions.create(model="auto", messages=TALK)
    assert answer.choices


def headers_of_the_gateway() -> None:
    raw = client().chat.completions.with_raw_response.create(model="auto", messages=TALK)
    assert raw.headers["x-paceline-deployment"] == "openai/gpt-5.4-mini"
    assert float(raw.headers["x-paceline-cost-usd"]) > 0


def wrong_key() -> None:
    error = raised(openai.AuthenticationError, client("pk-wrong").chat.completions.create, model="a", messages=TALK)
    assert error.code == "key_unknown"
    assert "G102" in error.message
    assert "pk-wrong" not in str(error)


def off_standard() -> None:
    ask = client(STRICT, f"{BASE}/t/strict/support-chat").chat.completions.create
    error = raised(openai.PermissionDeniedError, ask, model="large", messages=TALK)
    assert error.code == "model_off_standard"


def unknown_model() -> None:
    error = raised(openai.NotFoundError, client().chat.completions.create, model="smal", messages=TALK)
    assert error.code == "model_unknown"
    assert "small" in error.message, "a near name is offered"


def bad_request() -> None:
    ask = client().chat.completions.create
    error = raised(openai.BadRequestError, ask, model="auto", messages=TALK, extra_body={"stream": "yes"})
    assert error.code == "field_wrong_type"
    fault = sim(fault="status=400")
    assert raised(openai.BadRequestError, ask, model="auto", messages=TALK, extra_headers=fault).status_code == 400


def rate_limit() -> None:
    ask = client().chat.completions.create
    wishes = sim(fault="status=429;retry-after=2")
    error = raised(openai.RateLimitError, ask, model="auto", messages=TALK, extra_headers=wishes)
    assert error.response.headers["retry-after"] == "2"
    assert error.code == "rate_limit_exceeded"


def provider_failure() -> None:
    ask = client().chat.completions.create
    for fault in ("status=500", "reset", "cut=50"):
        raised(openai.InternalServerError, ask, model="auto", messages=TALK, extra_headers=sim(fault=fault))


def timeouts() -> None:
    ask = client(HURRY).chat.completions.create
    late = sim(fault="delay=20000")
    error = raised(openai.InternalServerError, ask, model="auto", messages=TALK, stream=True, extra_headers=late)
    assert (error.status_code, error.code) == (504, "provider_timeout_first_token")
    soon = {**late, "x-paceline-timeout-ms": "150"}
    error = raised(openai.InternalServerError, ask, model="auto", messages=TALK, extra_headers=soon)
    assert (error.status_code, error.code) == (504, "provider_timeout_total")


def broken_streams() -> None:
    """A stream that does not end as it should raises, whatever its way of breaking."""
    chat_of = client(HURRY).chat.completions.create
    answer_of = client(HURRY).responses.create
    for fault in ("stall=20000@3", "no-terminal", "cut=2500", "error-event=3"):
        wishes = sim(output_tokens=30, fault=fault)
        stream = chat_of(model="auto", messages=TALK, stream=True, extra_headers=wishes)
        raised(Exception, list, stream)
        try:
            events = list(answer_of(model="auto", input="hello", stream=True, extra_headers=wishes))
        except Exception:  # noqa: S112, BLE001
            continue
        assert events[-1].type in {"response.failed", "error"}, fault


def environment() -> None:
    """Nothing is given: `paceline run` has set what is needed."""
    answer = openai.OpenAI().chat.completions.create(model="auto", messages=TALK)
    assert answer.model == "gpt-5.4-mini"


HABITS = [
    *(chat, chat_async, stream_without_usage, stream_with_usage, tools, tools_streamed, embeddings, completions),
    *(responses, responses_streamed, models, tagged_address, headers_of_the_gateway, wrong_key, off_standard),
    *(unknown_model, bad_request, rate_limit, provider_failure, timeouts, broken_streams, environment),
]


def main() -> None:
    found = {"version": openai.__version__}
    for habit in HABITS:
        try:
            habit()
            found[habit.__name__] = ""
        except Exception:  # noqa: BLE001
            found[habit.__name__] = traceback.format_exc(limit=-4)
    print(json.dumps(found))


main()
