"""Providers' own prompt caches: asked for where the caller did not, and a miss has its cause in the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.installation import STANDARDS, Installation, installation
from tests.integration.ledger_rows import row
from tests.integration.raw_client import Answer, dial, read_answer, request
from tests.integration.recording_upstream import RecordingUpstream

SYSTEM = "Be kind, be brief. " * 1_200
"""Longer than the least prefix that any of the models here caches."""
ASKING = STANDARDS.replace("prompt_cache: false", "prompt_cache: true")


@pytest.fixture
def provider() -> Iterator[RecordingUpstream]:
    with RecordingUpstream() as made:
        yield made


@pytest.fixture
def at(tmp_path: Path, provider: RecordingUpstream) -> Iterator[Installation]:
    with installation(tmp_path, "gateway", "control", standards_text=ASKING, upstream=provider.url) as made:
        yield made


def ask(
    at: Installation, provider: RecordingUpstream, key: str, body: dict[str, Any], usage: dict[str, Any]
) -> tuple[dict[str, Any], Answer]:
    """Send a request, answer it with this usage; return what the provider read and what the caller got."""
    path = "/v1/messages" if "system" in body else "/v1/chat/completions"
    with dial(at.gateway_port) as caller:
        caller.sendall(request(key, json.dumps(body).encode(), path=path))
        exchange = provider.take()
        exchange.answer(json.dumps({"id": "x", "usage": usage, "content": [], "choices": []}).encode())
        return json.loads(exchange.body), read_answer(caller)


def test_anthropic_gets_a_mark_once_a_prefix_repeats_and_misses_have_a_cause(
    at: Installation, provider: RecordingUpstream
) -> None:
    key = at.key("builder", "repo-agent")
    talk = [{"role": "user", "content": "one"}]
    missed = {"input_tokens": 9_000, "cache_read_input_tokens": 0, "output_tokens": 1}
    hit = {"input_tokens": 10, "cache_read_input_tokens": 8_990, "output_tokens": 1}

    def send(system: str, messages: list[dict[str, str]], usage: dict[str, int]) -> tuple[Any, str, int]:
        body = {"model": "auto", "max_tokens": 5, "system": system, "messages": messages}
        read, answer = ask(at, provider, key, body, usage)
        noted = row(at, answer.headers["x-paceline-request-id"])
        return read["system"], noted["prefix"], noted["tokens_cached"]

    system, prefix, cached = send(SYSTEM, talk, missed)
    assert (system, prefix, cached) == (SYSTEM, "first", 0)
    more = [*talk, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "two"}]
    system, prefix, cached = send(SYSTEM, more, hit)
    assert system == [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    assert (prefix, cached) == ("hit", 8_990)
    _, prefix, _ = send(SYSTEM + "Today is Monday.", more, missed)
    assert prefix == "system"


def test_openai_gets_a_key_of_service_and_prefix(at: Installation, provider: RecordingUpstream) -> None:
    key, other = at.key("helpdesk", "support-chat"), at.key("watcher", "support-chat")
    usage = {"prompt_tokens": 6_000, "completion_tokens": 1}

    def cache_key(who: str, system: str, **more: Any) -> str | None:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": "hi"}]
        body = {"model": "auto", "messages": messages, **more}
        found: str | None = ask(at, provider, who, body, usage)[0].get("prompt_cache_key")
        return found

    mine = cache_key(key, SYSTEM)
    assert mine is not None
    assert mine.startswith("helpdesk-")
    assert cache_key(key, SYSTEM) == mine
    assert cache_key(key, SYSTEM + "!") != mine
    assert cache_key(key, SYSTEM, prompt_cache_key="theirs") == "theirs"
    assert cache_key(key, "short") is None
    assert cache_key(other, SYSTEM) is None, "in observe nothing is added"
