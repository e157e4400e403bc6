"""The TypeScript catalogue's names and defaults against the current majors of what it describes, from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from paceline.catalogue import load

ROOT = Path(__file__).resolve().parents[2]
LISTED = ROOT / "requirements" / "npm"
SCRIPT = Path(__file__).with_name("installed.mjs")

PRESENT = {
    "openai openai": {"default", "OpenAI", "AzureOpenAI", "create", "parse", "stream", "runTools", "withOptions"},
    "anthropic @anthropic-ai/sdk": {"default", "Anthropic", "create", "stream", "parse", "withOptions"},
    "google-genai @google/genai": {"GoogleGenAI", "generateContent", "generateContentStream", "chats.create"},
    "google-generativeai @google/generative-ai": {"GoogleGenerativeAI", "getGenerativeModel"},
    "groq groq-sdk": {"default", "Groq", "create", "withOptions"},
    "mistral @mistralai/mistralai": {"Mistral", "complete", "stream", "parse"},
    "cohere cohere-ai": {"CohereClient", "CohereClientV2", "chat", "chatStream", "generate", "embed"},
    "ollama ollama": {"Ollama", "default", "chat", "generate", "embed"},
    "ai-sdk ai": {
        "ToolLoopAgent",
        "generateText",
        "streamText",
        "generateObject",
        "streamObject",
        "embed",
        "embedMany",
    },
    "ai-sdk-openai @ai-sdk/openai": {"createOpenAI", "openai"},
    "ai-sdk-anthropic @ai-sdk/anthropic": {"createAnthropic", "anthropic"},
    "langchain @langchain/openai": {"ChatOpenAI", "AzureChatOpenAI", "OpenAI"},
    "langchain-anthropic @langchain/anthropic": {"ChatAnthropic"},
}
"""What installed packages must have, of the names that the catalogue has for them."""

DEFAULTS = {"openai openai", "anthropic @anthropic-ai/sdk", "groq groq-sdk"}
"""Clients that say what they wait when nothing is set."""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the packages say of themselves, in a directory of their own that is kept between runs."""
    place, npm = ROOT / ".npm-catalogue", shutil.which("npm")
    lock = (LISTED / "package-lock.json").read_text()
    if not (place / "done").exists() or (place / "done").read_text() != lock:
        place.mkdir(exist_ok=True)
        for each in ("package.json", "package-lock.json"):
            shutil.copyfile(LISTED / each, place / each)
        assert npm is not None
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *quiet, "--cache", tmp_path_factory.mktemp("npm")], cwd=place, check=True)
        (place / "done").write_text(lock)
    products = json.dumps([asdict(product) for product in load("typescript").products])
    node = str(Path(npm or "npm").with_name("node"))
    done = subprocess.run([node, SCRIPT, place], input=products, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.npm
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PRESENT)
def test_the_catalogue_is_true_of_what_is_installed(installed: dict[str, Any], name: str) -> None:
    found, product = installed[name], load("typescript").product(name.partition(" ")[0])
    assert Version(found["version"]) in SpecifierSet(product.versions)
    assert PRESENT[name] <= {*found["exported"], *found["methods"], *found["makers"]}
    if found["retries"] is not None:
        assert found["retries"] == product.defaults.retries
    if name in DEFAULTS:
        assert found["timeout_ms"] == (product.defaults.timeout_s or 0) * 1000
        assert product.unit == "ms"
