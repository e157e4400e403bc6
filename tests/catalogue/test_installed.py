"""The catalogue's defaults and names against the current majors of what it describes, installed side by side."""

# ruff: noqa: E501  # one row a product

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from paceline.catalogue import load

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "catalogue.lock"
SCRIPT = Path(__file__).with_name("installed.py")

NAMED = {
    "openai": {"client": ["timeout", "max_retries", "base_url", "http_client", "default_headers"], "chat": ["max_completion_tokens", "max_tokens", "stream_options"], "responses": ["max_output_tokens"]},
    "anthropic": {"client": ["timeout", "max_retries", "base_url", "http_client"], "messages": ["max_tokens", "system", "metadata"]},
    "groq": {"client": ["timeout", "max_retries", "base_url"], "chat": ["max_completion_tokens", "max_tokens"]},
    "google-genai": {"config": ["max_output_tokens", "http_options", "labels"], "http_options": ["timeout", "retry_options", "base_url", "headers"]},
    "mistralai": {"client": ["timeout_ms", "server_url", "retry_config"], "chat": ["max_tokens", "timeout_ms"]},
    "cohere": {"client": ["timeout", "base_url", "httpx_client"], "chat": ["max_tokens", "request_options"]},
    "ollama": {"chat": ["options", "stream"], "options": ["num_predict"]},
    "litellm": {"chat": ["timeout", "max_tokens", "max_completion_tokens", "base_url"]},
    "langchain": {"ChatOpenAI": ["timeout", "max_retries", "base_url", "http_client", "max_completion_tokens", "streaming"], "ChatAnthropic": ["timeout", "max_tokens_to_sample", "max_retries"], "ChatGroq": ["timeout", "max_tokens"]},
    "llama-index": {"OpenAI": ["max_tokens", "timeout", "max_retries", "api_base", "additional_kwargs"]},
    "agno": {"OpenAIChat": ["max_tokens", "max_completion_tokens", "timeout", "max_retries", "base_url", "http_client"]},
    "pydantic-ai": {"Agent": ["model", "model_settings"], "settings": ["max_tokens", "timeout", "extra_headers"]},
    "openai-agents": {"Agent": ["model", "model_settings"], "settings": ["max_tokens", "extra_headers", "metadata"]},
}  # fmt: skip
"""What the installed products must take, of the names that the catalogue has for them."""


@pytest.fixture(scope="session")
def installed() -> dict[str, Any]:
    """What the products say of themselves, in an environment of their own that is kept between runs."""
    place = ROOT / ".venv-catalogue"
    python, stamp = place / "bin" / "python", place / "lock"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, place], check=True)
        install: list[str | Path] = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", python]
        subprocess.run([*uv, *install, "--requirement", LOCK], check=True)
        stamp.write_text(LOCK.read_text())
    done = subprocess.run([python, SCRIPT], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMED)
def test_what_is_installed_does_what_the_catalogue_says(name: str, installed: dict[str, Any]) -> None:
    product, found = load().product(name), installed[name]
    assert Version(found["version"]) in SpecifierSet(product.versions)
    if "timeout_s" in found:
        assert product.defaults.timeout_s == found["timeout_s"]
    if "retries" in found:
        assert product.defaults.retries == found["retries"]
    for constructor, cap in found.get("caps", {}).items():
        assert product.cap_by_default(constructor) == cap, constructor
    known = {each for names in product.parameters.values() for each in names} | {*product.nested}
    known |= {each for api in product.apis for each in api.cap} | {"stream_options", "system"}
    for where, names in NAMED[name].items():
        assert set(names) <= set(found["accepts"][where]), where
        assert set(names) <= known, where
