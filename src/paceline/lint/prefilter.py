"""Which Python files are worth parsing, told from their bytes alone: sharp, for parsing is what a run costs.

Must miss nothing that `python` would find, and owes nothing but speed.
"""

from __future__ import annotations

import re

_MODULES = (
    rb"openai|anthropic|litellm|google\.genai|google\.generativeai|genai|generative_models|langchain\w*|llama_index"
    rb"|agno|phi\.model|pydantic_ai|agents|google\.adk|crewai|groq|instructor|mistralai|cohere|ollama|together"
    rb"|huggingface_hub|autogen_ext|smolagents|zhipuai|portkey_ai|cerebras|fireworks|azure\.ai\.inference"
    rb"|haystack\w*|dspy|langfuse\.openai|posthog\.ai"
)
_IMPORT = re.compile(
    rb"(?:^|\n)[ \t]*(?:from[ \t]+(?:%s)[. \t]|import[ \t]+[^\n]*\b(?:%s)\b|from[ \t]+[^\n]+?[ \t]import[ \t]"
    rb"[^\n]*\b(?:litellm|openai|anthropic|genai|generativeai|adk|generative_models)\b)" % (_MODULES, _MODULES)
)
_IMPORTED = (
    b"openai", b"anthropic", b"litellm", b"genai", b"generativeai", b"generative_models", b"langchain", b"llama_index",
    b"agno", b"phi.model", b"pydantic_ai", b"from agents", b"google.adk", b"crewai", b"groq", b"instructor",
    b"mistralai", b"cohere", b"ollama", b"together", b"huggingface_hub", b"haystack", b"dspy", b"autogen_ext",
    b"smolagents", b"import agents", b"zhipuai", b"portkey_ai", b"cerebras", b"fireworks", b"azure.ai.inference",
)  # fmt: skip
_LAZY = re.compile(rb"lazy|import_module|__import__|optional_import|try_import")
_CHAIN = re.compile(
    rb"\.\s*(?:completions|messages|responses|embeddings)(?:\s*\.\s*with_\w+)?\s*\\?\s*\.\s*(?:create|stream|parse)\s*\("
)
_DIRECT = (b".generate_content", b"litellm.", b".invoke_model", b".converse", b"ChatCompletion.")
_HOSTS = (
    b"api.openai.com", b"openai.azure.com", b"api.anthropic.com", b"generativelanguage.googleapis.com",
    b"aiplatform.googleapis.com", b"api.groq.com", b"api.mistral.ai", b"api.cohere.", b"api.together.",
    b"router.huggingface.co", b"api-inference.huggingface.co",
)  # fmt: skip
_CLOCKS = (b"datetime", b"uuid", b"time.time", b"strftime")
_CHANGES = (b"datetime", b"uuid", b"time", b"random", b"secrets", b"timezone", b"_id", b"set(", b"listdir", b"glob")
_RETURNED = re.compile(
    rb"def \w*(?:system|instruction|prompt)\w*\(|SystemMessage\(|[\"'](?:system|developer)[\"']\s*,"
    rb"|\b(?:system|instruction)\w*=(?:lambda\b|await |[a-z_]\w*[,)(\n])",
    re.IGNORECASE,
)
_PROMPT = re.compile(
    rb"(?:(?:system|SYSTEM|System|instruction|INSTRUCTION)\w*[\"']?\s*(?::[^=\n{]{1,40})?[=:]\s*\(?\s*(?:[fF][rR]?[\"']"
    rb"|[rR][fF][\"']|[\"']|\w+\.format\(|\w+\s*\+)"
    rb"|[\"'](?:system|developer)[\"']\s*,\s*[\"']content[\"']\s*:)"
)


def may_hold_sites(data: bytes) -> bool:
    """Say from the bytes alone whether it is worth parsing a file."""
    if any(name in data for name in _IMPORTED) and (_IMPORT.search(data) or _LAZY.search(data)):
        return True
    if any(name in data for name in _DIRECT) or any(host in data for host in _HOSTS):
        return True
    if (b".create" in data or b".stream" in data or b".parse" in data) and _CHAIN.search(data):
        return True
    if any(name in data for name in _CLOCKS) and (
        b"prompt" in data or b"SystemMessage" in data or b"nstruction" in data
    ):
        return _RETURNED.search(data) is not None or _named_prompt(data)
    return _named_prompt(data)


def _named_prompt(data: bytes) -> bool:
    if b"system" in data or b"SYSTEM" in data or b"nstruction" in data or b"INSTRUCTION" in data:
        return any(name in data for name in _CHANGES) and _PROMPT.search(data) is not None
    return False
