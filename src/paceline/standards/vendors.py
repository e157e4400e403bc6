"""The vendors and engines paceline knows: address, key variable, dialect, APIs, headers, paths, price catalogue.

Owns these defaults, all of which a provider in the standards file may override. Must not make a network call.
Addresses end before the API's own path (`/chat/completions`, `/messages`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["ENGINES", "VENDORS", "Engine", "PriorityOrder", "Vendor", "cap_field"]

PriorityOrder = Literal["none", "lower-first", "higher-first"]

_OPENAI_APIS = ("chat", "completions", "embeddings", "responses", "models")
_COMPATIBLE = ("chat", "completions", "embeddings", "models")
_CHAT_ONLY = ("chat", "models")
_ANTHROPIC_APIS = ("messages", "count_tokens", "models")


@dataclass(frozen=True, slots=True)
class Engine:
    """Defaults of one serving engine. `priority` is which way its `priority` field runs, where it has one."""

    apis: tuple[str, ...] = _COMPATIBLE
    priority: PriorityOrder = "none"
    passthrough: tuple[str, ...] = ()
    forward_headers: tuple[str, ...] = ()


ENGINES: dict[str, Engine] = {
    "vllm": Engine(_OPENAI_APIS, "lower-first", ("/audio", "/rerank", "/responses", "/score")),
    "sglang": Engine(_COMPATIBLE, "higher-first", ("/rerank", "/score")),
    "ollama": Engine(),
    "llamacpp": Engine(),
    "tgi": Engine(("chat", "completions", "models")),
    "paceline-sim": Engine(
        _OPENAI_APIS,
        "lower-first",
        ("/audio", "/batches", "/files", "/images", "/messages/batches", "/moderations", "/rerank", "/responses"),
        ("x-sim-*",),
    ),
}
"""Serving engines and the OpenAI APIs they serve. Any other engine counts as OpenAI-compatible."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Defaults of one vendor; `catalogue` is its id in the price catalogue."""

    base_url: str
    key: str
    dialect: str = "openai"
    apis: tuple[str, ...] = _COMPATIBLE
    headers: dict[str, str] = field(default_factory=dict)
    catalogue: str = ""
    passthrough: tuple[str, ...] = ()


VENDORS: dict[str, Vendor] = {
    "openai": Vendor(
        "https://api.openai.com/v1",
        "env:OPENAI_API_KEY",
        apis=_OPENAI_APIS,
        catalogue="openai",
        passthrough=("/audio", "/batches", "/files", "/images", "/moderations", "/responses", "/uploads"),
    ),
    "anthropic": Vendor(
        "https://api.anthropic.com/v1",
        "env:ANTHROPIC_API_KEY",
        dialect="anthropic",
        apis=_ANTHROPIC_APIS,
        headers={"anthropic-version": "2023-06-01"},
        catalogue="anthropic",
        passthrough=("/files", "/messages/batches"),
    ),
    "groq": Vendor(
        "https://api.groq.com/openai/v1", "env:GROQ_API_KEY", apis=("chat", "responses", "models"), catalogue="groq"
    ),
    "mistral": Vendor(
        "https://api.mistral.ai/v1", "env:MISTRAL_API_KEY", apis=("chat", "embeddings", "models"), catalogue="mistral"
    ),
    "openrouter": Vendor(
        "https://openrouter.ai/api/v1", "env:OPENROUTER_API_KEY", apis=_OPENAI_APIS, catalogue="openrouter"
    ),
    "together": Vendor("https://api.together.xyz/v1", "env:TOGETHER_API_KEY", catalogue="together"),
    "deepseek": Vendor("https://api.deepseek.com/v1", "env:DEEPSEEK_API_KEY", apis=_CHAT_ONLY, catalogue="deepseek"),
    "xai": Vendor(
        "https://api.x.ai/v1", "env:XAI_API_KEY", apis=("chat", "completions", "responses", "models"), catalogue="x-ai"
    ),
    "fireworks": Vendor("https://api.fireworks.ai/inference/v1", "env:FIREWORKS_API_KEY", catalogue="fireworks"),
    "cerebras": Vendor(
        "https://api.cerebras.ai/v1",
        "env:CEREBRAS_API_KEY",
        apis=("chat", "completions", "models"),
        catalogue="cerebras",
    ),
    "google": Vendor(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "env:GEMINI_API_KEY",
        apis=("chat", "embeddings", "models"),
        catalogue="google",
    ),
    "perplexity": Vendor("https://api.perplexity.ai", "env:PERPLEXITY_API_KEY", apis=("chat",), catalogue="perplexity"),
    "moonshot": Vendor("https://api.moonshot.ai/v1", "env:MOONSHOT_API_KEY", apis=_CHAT_ONLY, catalogue="moonshotai"),
}
"""Known vendors by the name a provider has in the standards file."""

# OpenAI's chat models before gpt-5 and the o-series take `max_tokens`; the later ones refuse it.
_OPENAI_MAX_TOKENS = re.compile(r"(ft:)?(gpt-3\.5|gpt-4(?![0-9])|chatgpt-4o)")


def cap_field(vendor: str | None, dialect: str, model: str) -> str:
    """Name the field that caps output tokens in a chat request to `model`."""
    if dialect == "openai" and vendor == "openai" and not _OPENAI_MAX_TOKENS.match(model.lower()):
        return "max_completion_tokens"
    return "max_tokens"
