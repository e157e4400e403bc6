"""Which models have a prompt cache that must be asked for, how, and from which length on: data, each with its source.

Owns this table; a deployment's `prompt_cache` and `prompt_cache_tokens_min` override it. A model that is not in it is
not asked for a cache: fields that a model does not know are errors at some providers. A prefix shorter than the minimum
is passed over in silence by every provider, so where sources disagree the larger figure stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from paceline.standards.serving import PromptCacheName

__all__ = ["PROMPT_CACHES", "PromptCache", "prompt_cache"]

_ANTHROPIC: Final = "Anthropic's prompt caching guide, by way of LiteLLM's (October 2026)"
_SONNET_4_6: Final = "anthropic-sdk-python issue 1194: 2,048 measured where the guide says 1,024"
_OPENAI: Final = "OpenAI's prompt caching guide: by itself from 1,024 tokens on, the key keeps a prefix on one machine"


@dataclass(frozen=True, slots=True)
class PromptCache:
    """A family of models at one vendor; `pattern` matches the start of the provider's model id in lower case."""

    vendor: str
    family: str
    pattern: str
    how: PromptCacheName
    tokens_min: int
    source: str


PROMPT_CACHES: Final = (
    PromptCache("anthropic", "Opus 5, Fable 5, Mythos 5", r"claude-(opus|fable|mythos)-5", "markers", 512, _ANTHROPIC),
    PromptCache("anthropic", "Sonnet 5", r"claude-sonnet-5", "markers", 1_024, _ANTHROPIC),
    PromptCache("anthropic", "Opus 4.8", r"claude-opus-4-8", "markers", 1_024, _ANTHROPIC),
    PromptCache(
        "anthropic", "Haiku 4.5, Opus 4.5 to 4.7", r"claude-(haiku-4-5|opus-4-[567])", "markers", 4_096, _ANTHROPIC
    ),
    PromptCache("anthropic", "Sonnet 4.6", r"claude-sonnet-4-6", "markers", 2_048, _SONNET_4_6),
    PromptCache("anthropic", "Haiku 3 and 3.5", r"claude-3(-5)?-haiku", "markers", 2_048, _ANTHROPIC),
    PromptCache(
        "anthropic",
        "Sonnet 4 and 4.5, Opus 4 and 4.1, Claude 3",
        r"claude-((sonnet|opus)-4(-[015])?(-20\d{6})?$|3-)",
        "markers",
        1_024,
        _ANTHROPIC,
    ),
    PromptCache("anthropic", "any other Claude", r"claude-", "markers", 4_096, "the largest minimum of its family"),
    PromptCache(
        "openai",
        "gpt-4o and later, o-series",
        r"(ft:)?(gpt-4o(?!-2024-05-13)|gpt-4\.[1-9]|gpt-([5-9]|[1-9]\d)|o[1-9])",
        "key",
        1_024,
        _OPENAI,
    ),
)
"""The first family that matches counts."""


def prompt_cache(vendor: str | None, model: str) -> tuple[PromptCacheName, int]:
    """Return how the prompt cache of a vendor's model is asked for, and its shortest prefix in tokens."""
    for each in PROMPT_CACHES:
        if each.vendor == vendor and re.match(each.pattern, model.lower()):
            return each.how, each.tokens_min
    return "none", 0
