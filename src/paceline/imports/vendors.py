"""Other products' names of vendors and engines, and where each is for us: a vendor, an engine, or an address.

Owns this table and what addresses look like on both sides. Sources: docs.litellm.ai/docs/providers (prefixes of
`model`), `src/globals.ts` of Portkey-AI/gateway, learn.microsoft.com "Azure OpenAI v1 API" (address without
`api-version`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from paceline.standards.names import suggestion
from paceline.standards.vendors import VENDORS

__all__ = ["AZURE", "Kind", "address_name", "guessed_kind", "kind_of", "vendor_at", "vendor_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a foreign name of a provider stands for.

    `path` follows a bare host; `address` is where it is by default; it is then called `name`, and its key is in the
    variable `key`.
    """

    vendor: str = ""
    engine: str = ""
    path: str = ""
    address: str = ""
    name: str = ""
    key: str = ""


AZURE: Final = Kind(path="/openai/v1")
_KINDS: Final = {
    "openai": Kind("openai"),
    "text-completion-openai": Kind("openai"),
    "anthropic": Kind("anthropic", path="/v1"),
    "groq": Kind("groq"),
    "mistral": Kind("mistral"),
    "mistral-ai": Kind("mistral"),
    "openrouter": Kind("openrouter"),
    "together_ai": Kind("together"),
    "together-ai": Kind("together"),
    "deepseek": Kind("deepseek"),
    "xai": Kind("xai"),
    "x-ai": Kind("xai"),
    "fireworks_ai": Kind("fireworks"),
    "fireworks-ai": Kind("fireworks"),
    "cerebras": Kind("cerebras"),
    "gemini": Kind("google"),
    "google": Kind("google"),
    "perplexity": Kind("perplexity"),
    "perplexity-ai": Kind("perplexity"),
    "moonshot": Kind("moonshot"),
    "hosted_vllm": Kind(engine="vllm", path="/v1", address="http://localhost:8000/v1"),
    "vllm": Kind(engine="vllm", path="/v1", address="http://localhost:8000/v1"),
    "ollama": Kind(engine="ollama", path="/v1", address="http://localhost:11434/v1"),
    "ollama_chat": Kind(engine="ollama", path="/v1", address="http://localhost:11434/v1"),
    "huggingface": Kind(engine="tgi", path="/v1"),
    "llamafile": Kind(engine="llamacpp", path="/v1"),
    "lm_studio": Kind(path="/v1"),
    "xinference": Kind(path="/v1"),
    "custom_openai": Kind(),
    "openai_like": Kind(),
    "litellm_proxy": Kind(),
    "nvidia_nim": Kind(address="https://integrate.api.nvidia.com/v1", name="nvidia-nim", key="NVIDIA_NIM_API_KEY"),
    "novita": Kind(address="https://api.novita.ai/v3/openai", name="novita", key="NOVITA_API_KEY"),
    "minimax": Kind(address="https://api.minimax.io/v1", name="minimax", key="MINIMAX_API_KEY"),
    "hyperbolic": Kind(address="https://api.hyperbolic.xyz/v1", name="hyperbolic", key="HYPERBOLIC_API_KEY"),
    "lambda_ai": Kind(address="https://api.lambda.ai/v1", name="lambda-ai", key="LAMBDA_API_KEY"),
    "dashscope": Kind(
        address="https://dashscope-intl.aliyuncs.com/compatible-mode/v1", name="dashscope", key="DASHSCOPE_API_KEY"
    ),
    "baseten": Kind(address="https://inference.baseten.co/v1", name="baseten", key="BASETEN_API_KEY"),
    "azure": AZURE,
    "azure_ai": AZURE,
    "azure-openai": AZURE,
}
_BARE: Final = (
    (re.compile(r"(ft:)?(gpt-|o[134](-|$)|chatgpt-|text-embedding-|babbage|davinci)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
)


def kind_of(name: str) -> Kind | None:
    """Return what a provider's foreign name stands for; none if we cannot speak to it."""
    return _KINDS.get(name)


def guessed_kind(name: str) -> Kind | None:
    """Guess what a name that people gave to a key stands for: `open-ai-key-04ba3e`; none if it tells nothing."""
    flat = re.sub(r"[^a-z0-9]", "", name.lower())
    known = sorted(_KINDS, key=lambda each: (not each.startswith("azure"), -len(each)))
    for each in known:
        plain = re.sub(r"[^a-z0-9]", "", each)
        if len(plain) > 3 and plain in flat:
            return _KINDS[each]
    return None


def vendor_at(model: str) -> str:
    """Guess the vendor of a model that names none, as LiteLLM does; empty if it cannot be told."""
    return next((vendor for pattern, vendor in _BARE if pattern.match(model)), "")


def vendor_of(kind: Kind, address: str) -> str:
    """Return the vendor whose defaults hold at an address (empty: its own); empty if none's do.

    A vendor's host may speak another dialect too, at an address that is then no default.
    """
    if not address:
        return kind.vendor
    host, dialect = urlsplit(address).hostname, VENDORS[kind.vendor].dialect if kind.vendor else "openai"
    here = (name for name, vendor in VENDORS.items() if urlsplit(vendor.base_url).hostname == host)
    return next((name for name in here if VENDORS[name].dialect == dialect), "")


def address_name(address: str) -> str:
    """Make a provider's name of its address: its host's first part, and the port if it says one."""
    parts = urlsplit(address)
    host = parts.hostname or "provider"
    first = host if re.fullmatch(r"[0-9.:]+", host) else re.sub(r"^(www|api)\.", "", host).split(".")[0]
    name = suggestion(f"{first}-{parts.port}" if parts.port else first) or "provider"
    return f"at-{name}" if name in VENDORS else name
