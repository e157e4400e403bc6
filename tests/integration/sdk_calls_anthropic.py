"""A program of its own: what a user of the anthropic SDK does, one function a habit.

Runs under any major of the SDK: `python sdk_calls_anthropic.py BASE KEY KEY-IN-A-HURRY KEY-ENFORCED` prints each
function's name and what went wrong in it, as JSON. Imports nothing of the project.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import traceback
from typing import Any

import anthropic

BASE, KEY, HURRY, STRICT = sys.argv[1:5]
TALK: Any = [{"role": "user", "content": "Good morning, dear machine"}]
TOOLS: Any = [{"name": "find", "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}]
ASK: Any = {"model": "auto", "max_tokens": 50, "messages": TALK}


@functools.cache  # each one reads the system's certificates
def client(key: str = KEY, base: str = BASE) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=30)


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


def messages() -> None:
    answer = client().messages.create(**ASK, extra_headers=sim(output_tokens=4))
    assert answer.content[0].text.count(" ") == 4
    assert (answer.usage.output_tokens, answer.usage.input_tokens, answer.stop_reason) == (4, 7, "end_turn")
    assert answer.model == "claude-haiku-4-5"


def messages_async() -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=BASE, api_key=KEY, max_retries=0) as own:
            answers = [own.messages.create(**ASK, extra_headers=sim(output_tokens=count)) for count in (3, 4)]
            assert [answer.usage.output_tokens for answer in await asyncio.gather(*answers)] == [3, 4]
            async with own.messages.stream(**ASK, extra_headers=sim(output_tokens=5)) as stream:
                assert "".join([text async for text in stream.text_stream]).count(" ") == 5

    asyncio.run(main())


def cap() -> None:
    answer = client().messages.create(**{**ASK, "max_tokens": 2}, extra_headers=sim(output_tokens=9))
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 2)


def stream() -> None:
    with client().messages.stream(**ASK, extra_headers=sim(output_tokens=6)) as own:
        text = "".join(own.text_stream)
        final = own.get_final_message()
    assert text.count(" ") == 6
    assert (final.usage.output_tokens, final.usage.input_tokens, final.stop_reason) == (6, 7, "end_turn")


def raw_stream() -> None:
    events = [event.type for event in client().messages.create(**ASK, stream=True, extra_headers=sim(output_tokens=3))]
    assert (events[0], events[-1]) == ("message_start", "message_stop")


def tools() -> None:
    answer = client().messages.create(**ASK, tools=TOOLS, extra_headers=sim(output_tokens=9, tools=1))
    assert answer.stop_reason == "tool_use"
    assert answer.content[-1].input["q"]


def tools_and_thinking_streamed() -> None:
    with client().messages.stream(**ASK, tools=TOOLS, extra_headers=sim(output_tokens=9, tools=1, reasoning=2)) as own:
        final = own.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "tool_use"]
    assert final.content[1].input["q"]
    assert final.usage.output_tokens == 9


def thinking() -> None:
    answer = client().messages.create(**ASK, extra_headers=sim(output_tokens=9, reasoning=3))
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].thinking


def count_tokens() -> None:
    assert client().messages.count_tokens(model="auto", messages=TALK).input_tokens == 7


def beta() -> None:
    answer = client().beta.messages.create(**ASK, betas=["context-1m-2025-08-07"], extra_headers=sim(output_tokens=3))
    assert answer.usage.output_tokens == 3


def models() -> None:
    assert {"auto", "small", "task:chat"} <= {model.id for model in client().models.list()}


def tagged_address() -> None:
    assert client(base=f"{BASE}/t/helpdesk/support-chat").messages.create(**ASK).content


def bearer_token() -> None:
    own = anthropic.Anthropic(base_url=BASE, auth_token=KEY, api_key=None, max_retries=0)
    assert own.messages.create(**ASK).content


def wrong_key() -> None:
    error = raised(anthropic.AuthenticationError, client("pk-wrong").messages.create, **ASK)
    assert error.body["error"]["type"] == "authentication_error"
    assert "G102" in error.body["error"]["message"]


def off_standard() -> None:
    ask = client(STRICT, f"{BASE}/t/strict/support-chat").messages.create
    error = raised(anthropic.PermissionDeniedError, ask, **{**ASK, "model": "large"})
    assert error.body["error"]["type"] == "permission_error"


def unknown_model() -> None:
    error = raised(anthropic.NotFoundError, client().messages.create, **{**ASK, "model": "smal"})
    assert error.body["error"]["type"] == "not_found_error"


def bad_request() -> None:
    ask = client().messages.create
    error = raised(anthropic.BadRequestError, ask, **ASK, extra_body={"stream": "yes"})
    assert error.body["error"]["type"] == "invalid_request_error"
    assert raised(anthropic.BadRequestError, ask, **ASK, extra_headers=sim(fault="status=400")).status_code == 400


def rate_limit() -> None:
    wishes = sim(fault="status=429;retry-after=2")
    error = raised(anthropic.RateLimitError, client().messages.create, **ASK, extra_headers=wishes)
    assert error.response.headers["retry-after"] == "2"
    assert error.body["error"]["type"] == "rate_limit_error"


def provider_failure() -> None:
    for fault in ("status=500", "status=529", "reset", "cut=50"):
        error = raised(anthropic.APIStatusError, client().messages.create, **ASK, extra_headers=sim(fault=fault))
        assert error.status_code >= 500


def timeouts() -> None:
    ask = client(HURRY).messages.create
    late = sim(fault="delay=20000")
    error = raised(anthropic.APIStatusError, ask, **ASK, stream=True, extra_headers=late)
    assert (error.status_code, error.response.headers["x-paceline-code"]) == (504, "G403")
    error = raised(anthropic.APIStatusError, ask, **ASK, extra_headers={**late, "x-paceline-timeout-ms": "150"})
    assert (error.status_code, error.response.headers["x-paceline-code"]) == (504, "G405")


def broken_streams() -> None:
    """A stream that does not end as it should raises, whatever its way of breaking."""
    for fault in ("stall=20000@3", "no-terminal", "cut=2500", "error-event=3"):
        wishes = sim(output_tokens=30, fault=fault)
        raised(Exception, list, client(HURRY).messages.create(**ASK, stream=True, extra_headers=wishes))


def environment() -> None:
    """Nothing is given: `paceline run` has set what is needed."""
    assert anthropic.Anthropic().messages.create(**ASK).model == "claude-haiku-4-5"


HABITS = [
    *(messages, messages_async, cap, stream, raw_stream, tools, tools_and_thinking_streamed, thinking, count_tokens),
    *(beta, models, tagged_address, bearer_token, wrong_key, off_standard, unknown_model, bad_request, rate_limit),
    *(provider_failure, timeouts, broken_streams, environment),
]


def main() -> None:
    found = {"version": anthropic.__version__}
    for habit in HABITS:
        try:
            habit()
            found[habit.__name__] = ""
        except Exception:  # noqa: BLE001
            found[habit.__name__] = traceback.format_exc(limit=-4)
    print(json.dumps(found))


main()
