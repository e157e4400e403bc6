"""Packages in manifests, and where they are named."""

# ruff: noqa: E501  # one row a manifest

from __future__ import annotations

import pytest

from paceline.catalogue import load
from paceline.lint.fronts import UnreadableError
from paceline.lint.manifests import sites

PROJECT = """\
[project]
name = "openai-helper"
dependencies = ["click", "openai[aiohttp]>=2"]
[project.optional-dependencies]
more = ["langchain_openai"]
[dependency-groups]
dev = ["pytest", {include-group = "more"}, "groq"]
"""
POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nanthropic = "*"\n[tool.poetry.group.dev.dependencies]\nlitellm = "1"\n'
PACKAGE = '{\n "name": "x",\n "dependencies": {\n  "react": "1",\n  "openai": "^6"\n },\n "devDependencies": {"@anthropic-ai/sdk": "1"}\n}'


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("requirements.txt", "# openai\nclick==8\nOpenAI >= 2 ; python_version > '3'\n-r other.txt\n", [("openai", 3, 1)]),
        ("requirements-dev.txt", "google_genai==1\n", [("google-genai", 1, 1)]),
        ("pyproject.toml", PROJECT, [("openai", 3, 27), ("langchain-openai", 5, 10), ("groq", 7, 45)]),
        ("pyproject.toml", POETRY, [("anthropic", 3, 1), ("litellm", 5, 1)]),
        ("Pipfile", '[packages]\ncohere = "*"\n', [("cohere", 2, 1)]),
        ("package.json", PACKAGE, [("openai", 5, 4), ("@anthropic-ai/sdk", 7, 23)]),
        ("package.json", '{"dependencies": ["openai"]}', []),
        ("pyproject.toml", "[tool.ruff]\n", []),
    ],
)  # fmt: skip
def test_packages(name: str, text: str, expected: list[tuple[str, int, int]]) -> None:
    found = sites(text.encode(), f"a/{name}", load())
    assert [(site.fact("package").value, site.place.line, site.place.column) for site in found] == expected


@pytest.mark.parametrize(
    ("name", "data"), [("package.json", b"{"), ("pyproject.toml", b"["), ("requirements.txt", b"\xff\xfe")]
)
def test_what_is_no_manifest(name: str, data: bytes) -> None:
    with pytest.raises(UnreadableError):
        sites(data, name, load())
