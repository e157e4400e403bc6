"""Calls made with the real `openai` and `anthropic` packages, as applications make them.

Both are optional: the demo says so and goes on without them when they are not installed.
"""

from __future__ import annotations

from typing import Any

from paceline.demo import wire
from paceline.demo.cast import Role
from paceline.demo.traces import Call

# One call in so many is made with an SDK. An SDK decodes every event, at some hundred times the lean client's cost.
EVERY = 20
# No retries, so that one call is one request and both sides can be counted.
_OPTIONS: dict[str, Any] = {"timeout": 120.0, "max_retries": 0}


def versions() -> dict[str, str]:
    """Return name and version of both packages; empty unless both are installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {name: version(name) for name in ("openai", "anthropic")}
    except PackageNotFoundError:
        return {}


class SdkCalls:
    """One client of each SDK per service, pointed at the gateway as `paceline run` would."""

    def __init__(self, gateway_url: str) -> None:
        self._url = gateway_url
        self._clients: dict[str, Any] = {}

    def load(self, role: Role, key: str) -> None:
        """Import the role's SDK and make its client, which takes a second, before the clock runs."""
        (self._anthropic if role.dialect == "anthropic" else self._openai)(role, key)

    def streamed(self, index: int) -> bool:
        """Choose for the `index`-th call of a service: every other one streams, whatever the trace says."""
        return index // EVERY % 2 == 0

    async def make(self, role: Role, call: Call, index: int, key: str) -> bool:
        """Make one call; return whether the answer was whole. Raises nothing of the SDKs' own but a bug's errors."""
        fields: dict[str, Any] = wire.fields(role, call, index)
        length = {wire.LENGTH_HEADER: str(max(call.output_tokens, 1))}
        made = self._anthropic(role, key) if role.dialect == "anthropic" else self._openai(role, key)
        try:
            if self.streamed(index):
                stream = await made.create(**fields, stream=True, extra_headers=length)
                events = [event async for event in stream]
                return bool(events)
            answer = await made.create(**fields, extra_headers=length)
            return bool(answer.id)
        except self._errors():
            return False

    def _openai(self, role: Role, key: str) -> Any:
        import openai

        if role.service not in self._clients:
            base = f"{self._url}/t/{role.service}/{role.use_case}/v1"
            self._clients[role.service] = openai.AsyncOpenAI(api_key=key, base_url=base, **_OPTIONS)
        return self._clients[role.service].chat.completions

    def _anthropic(self, role: Role, key: str) -> Any:
        import anthropic

        if role.service not in self._clients:
            base = f"{self._url}/t/{role.service}/{role.use_case}"
            self._clients[role.service] = anthropic.AsyncAnthropic(api_key=key, base_url=base, **_OPTIONS)
        return self._clients[role.service].messages

    @staticmethod
    def _errors() -> tuple[type[Exception], ...]:
        import anthropic
        import openai

        return (openai.OpenAIError, anthropic.AnthropicError)

    async def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients.values():
            await client.close()
