"""The example of the design, and an environment in which all its secrets are set."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).with_name("example.yaml")
TODAY = date(2026, 11, 23)
SECRETS = {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "x", "SUPPORT_SLACK_WEBHOOK": "x"}


@pytest.fixture
def example() -> str:
    return EXAMPLE.read_text(encoding="utf-8")


@pytest.fixture
def secrets() -> dict[str, str]:
    return dict(SECRETS)


@pytest.fixture(scope="session")
def core() -> ModuleType:
    """The native module; leaving it out is allowed only outside continuous integration."""
    if os.environ.get("CI") == "true":
        from paceline import _core

        return _core
    return pytest.importorskip("paceline._core", reason="left out: the native module is not built (`make` builds it)")
