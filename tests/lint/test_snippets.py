"""The configurations for other linters: held against the real ruff, and in ESLint's form."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from paceline.cli.rules import command as rules

APP = """\
import openai as o
from anthropic import Anthropic, APIError
import litellm

client = o.AsyncOpenAI()
litellm.completion(model="gpt-5.4", messages=[])
o.OpenAIError
"""


def test_ruff_bans_what_makes_a_client_and_nothing_else(tmp_path: Path) -> None:
    snippet = CliRunner().invoke(rules, ["--format", "ruff"]).output
    (tmp_path / "ruff.toml").write_text(f'lint.select = ["TID251"]\n{snippet}')
    (tmp_path / "app.py").write_text(APP)
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "json", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {each["message"].split("`")[1] for each in json.loads(done.stdout)}
    assert found == {"anthropic.Anthropic", "openai.AsyncOpenAI", "litellm.completion"}


def test_eslint_restricts_imports_in_every_form() -> None:
    found = json.loads(CliRunner().invoke(rules, ["--format", "eslint"]).output)["rules"]
    severity, imports = found["no-restricted-imports"]
    assert severity == "error"
    assert {"openai", "@anthropic-ai/sdk", "@google/genai"} <= {each["name"] for each in imports["paths"]}
    assert imports["patterns"][0]["group"] == ["@ai-sdk/*"]
    dynamic, required = (each["selector"] for each in found["no-restricted-syntax"][1:])
    assert dynamic.startswith("ImportExpression[source.value=/")
    assert required.startswith("CallExpression[callee.name='require'][arguments.0.value=/")
    pattern = re.compile(dynamic[dynamic.index("/") + 1 : -2].replace(r"\u002F", "/"))
    assert all(pattern.match(name) for name in ("openai", "@anthropic-ai/sdk", "@ai-sdk/openai"))
    assert not any(pattern.match(name) for name in ("openai-like", "@ai-sdk", "zod"))
