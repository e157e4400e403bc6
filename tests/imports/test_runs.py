"""What comes of an import runs: a real gateway serves the same model names, and their deployments answer."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.integration.installation import PATIENCE_S, Installation

from paceline.imports.litellm import read as read_litellm
from paceline.imports.portkey import read as read_portkey

LITELLM = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: openai/first, api_base: "{sim}/v1", api_key: os.environ/SIM_KEY, rpm: 60}}
  - {{model_name: gpt-4o, litellm_params: {{model: openai/second, api_base: "{sim}/v1", api_key: os.environ/SIM_KEY}}}}
litellm_settings: {{num_retries: 2, request_timeout: 30, cache: true, cache_params: {{type: local, ttl: 60}}}}
router_settings: {{model_group_alias: {{gpt-4: gpt-4o}}}}
"""
SIM = ("--model", "first=instant", "--model", "second=instant")


def ask(at: Installation, key: str, model: str, **headers: str) -> dict[str, str]:
    body = {"model": model, "messages": [{"role": "user", "content": "Good morning"}]}
    asked = urllib.request.Request(  # noqa: S310
        f"{at.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json", **headers},
    )
    with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
        assert json.load(answer)["choices"]
        return {name.lower(): value for name, value in answer.headers.items()}


@pytest.fixture
def at(tmp_path: Path) -> Any:
    made = Installation(tmp_path, sim_options=SIM, environment={"SIM_KEY": "sk-sim"})
    yield made
    made.end()


def test_litellms_callers_are_served(at: Installation, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(LITELLM.format(sim=at.sim_url))
    at.standards.write_text(read_litellm(tmp_path / "config.yaml").text)
    at.start()
    key = at.key("all-callers")
    first = ask(at, key, "gpt-4o")
    assert (first["x-paceline-model"], first["x-paceline-deployment"].rpartition("/")[2]) == ("gpt-4o", "first")
    assert ask(at, key, "gpt-4o")["x-paceline-cache"] == "hit", "the cache came along"
    assert ask(at, key, "gpt-4")["x-paceline-model"] == "gpt-4", "the alias too"


def test_portkeys_fallback_takes_over(at: Installation, tmp_path: Path) -> None:
    targets = [
        {"provider": "openai", "custom_host": f"{at.sim_url}/nowhere", "override_params": {"model": "first"}},
        {"provider": "openai", "custom_host": f"{at.sim_url}/v1", "override_params": {"model": "second"}},
    ]
    (tmp_path / "chat.json").write_text(json.dumps({"strategy": {"mode": "fallback"}, "targets": targets}))
    at.standards.write_text(read_portkey(tmp_path / "chat.json", {}).text)
    at.start()
    assert ask(at, at.key("all-callers"), "chat")["x-paceline-deployment"].rpartition("/")[2] == "second"
