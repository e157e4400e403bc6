"""The calls of the demo as bytes on the wire, and what their answers say."""

from __future__ import annotations

import json

from paceline.demo.cast import Role
from paceline.demo.client import Answer
from paceline.demo.prompts import split
from paceline.demo.traces import Call

# Agents set their own cap; theirs is far above what the traces hold.
AGENT_CAP_TOKENS = 32_000
# Tells the simulated provider how long the answer was in the trace. Real providers would never see it.
LENGTH_HEADER = "x-sim-output-tokens"


def path(role: Role) -> str:
    """Return where a role's calls go."""
    end = "messages" if role.dialect == "anthropic" else "chat/completions"
    return f"/t/{role.service}/{role.use_case}/v1/{end}"


def headers(role: Role, call: Call, key: str) -> dict[str, str]:
    """Return the request headers of one call."""
    credential = {"x-api-key": key} if role.dialect == "anthropic" else {"authorization": f"Bearer {key}"}
    version = {"anthropic-version": "2023-06-01"} if role.dialect == "anthropic" else {}
    fixed = {"content-type": "application/json", LENGTH_HEADER: str(max(call.output_tokens, 1))}
    return credential | version | fixed


def fields(role: Role, call: Call, index: int) -> dict[str, object]:
    """Return the request's fields, as the SDKs take them too; `stream` is left to the caller."""
    system, user = split(call, index)
    if role.dialect == "anthropic":
        return {
            "model": role.model,
            "max_tokens": AGENT_CAP_TOKENS,
            "system": system,
            "messages": [{"role": "user", "content": user}],
        }
    return {"model": role.model, "messages": [{"role": "user", "content": f"{system}{user}"}]}


def body(role: Role, call: Call, index: int) -> bytes:
    """Return the request's body."""
    return json.dumps(fields(role, call, index) | {"stream": call.streamed}, separators=(",", ":")).encode()


def is_whole(role: Role, call: Call, answer: Answer) -> bool:
    """Tell whether an answer is a complete one: a success with, if streamed, its terminal event."""
    if answer.status != 200:
        return False
    if not call.streamed:
        return answer.body.startswith(b"{")
    return (b"event: message_stop" if role.dialect == "anthropic" else b"data: [DONE]") in answer.body[-512:]
