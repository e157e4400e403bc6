"""The page on traffic: every example in it is sound, and every code it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from paceline import standards
from paceline.codes import all_codes

PAGE = (Path(__file__).parents[2] / "docs" / "traffic.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

AROUND: dict[str, Any] = {
    "version": 1,
    "providers": {
        "openai": {"key": "env:OPENAI_API_KEY"},
        "azure": {"dialect": "openai", "base_url": "https://azure.example/v1", "key": "env:AZURE_KEY"},
        "house": {"dialect": "openai", "base_url": "http://10.0.0.5:8000/v1", "engine": "vllm"},
    },
    "models": {"small": {"deployments": ["openai/gpt-5.4-mini", "azure/gpt-5.4-mini"]}},
    "tasks": {"chat": "small", "classify": "small"},
    "use_cases": {"support-chat": {"class": "chat", "task": "chat"}},
    "teams": {"support": {}},
    "services": {"helpdesk": {"owner": "support", "use_cases": ["support-chat"]}},
}
"""What an example leaves out."""


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.split("\n")[1].strip()[:40] for text in EXAMPLES])
def test_an_example_is_sound(example: str, tmp_path: Path) -> None:
    written = yaml.safe_load(example)
    whole = {**AROUND, **written}
    for section in ("models", "use_cases", "services"):
        whole[section] = {**AROUND[section], **written.get(section, {})}
    file = tmp_path / "paceline.yaml"
    file.write_text(yaml.safe_dump(whole))
    assert standards.load(file).plan(keys=[]).document["use_cases"]


def test_every_code_it_names_exists() -> None:
    named = set(re.findall(r"\bG\d{3}\b", PAGE))
    assert len(EXAMPLES) >= 6
    assert len(named) > 10
    assert named <= set(all_codes())
