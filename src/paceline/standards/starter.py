"""The starter file that `paceline init` writes, and its `.env.example`: generated from `Options`.

Owns one small, sound example of each section; the comments list every key of each part with what the model says of
it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from paceline.standards.fields import keys, model_within, one_line
from paceline.standards.options import Options

__all__ = ["environment_text", "starter_text"]

_WIDTH = 112

_HEAD = """\
# The standards of your organisation: what fast and cheap mean, which models serve which tasks, who answers for what.
# Check this file:        paceline validate
# Every key explained:    docs/standards.md, or let your editor use schema/paceline.schema.json
# Serve by it:            paceline up
#
# Commented keys are optional. Times: `800ms`, `1.5s`, `2m`. Money: US dollars. Secrets: `env:NAME`, never values.
"""

_BODIES: dict[str, str] = {
    "version": "version: 1",
    "organisation": "organisation: Acme",
    "providers": """\
providers:
  openai: {key: env:OPENAI_API_KEY}
  anthropic: {key: env:ANTHROPIC_API_KEY}
  # house: {base_url: http://10.0.0.5:8000/v1, engine: vllm}""",
    "models": """\
models:
  small: {deployments: [openai/gpt-5.4-mini, anthropic/claude-haiku-4-5]}
  large: {deployments: [openai/gpt-5.4]}""",
    "tasks": "tasks: {chat: small, classify: small, summarise: small, code: large}",
    "classes": """\
# classes:
#   chat: {budget: {ttft: {p95: 800ms}}}                # tighter than the built-in class
#   slow-chat: {extends: chat, max_output_tokens: 4096}   # a class of your own""",
    "use_cases": """\
use_cases:
  support-chat: {class: chat, task: chat, max_output_tokens: 800}
  code-complete: {class: autocomplete, task: code, model: small}
  nightly-digest: {class: batch, task: summarise}""",
    "teams": """\
teams:
  support: {contact: "#support-platform"}
  editor: {contact: "#editor"}""",
    "services": """\
services:
  helpdesk: {owner: support, use_cases: [support-chat, nightly-digest], default_use_case: support-chat}
  editor-plugin: {owner: editor, use_cases: [code-complete], mode: observe, budget: {usd_per_month: 400}}""",
    "waivers": "waivers: []",
    "exclusions": """\
# exclusions:
#   - {service: helpdesk, reason: Reindexing, starts: "2026-11-28T22:00:00Z", minutes: 120, rule: FREQ=WEEKLY}""",
    "prices": """\
# prices:
#   openai/gpt-5.4-mini: {input: 0.60, output: 3.60, cached: 0.06}""",
    "policy": "# policy: {mode: warn}",
    "alerting": '# alerting: {smtp: env:SMTP, sender: "paceline@acme.example", remind_every: 24h}',
    "sign_in": "# sign_in: {proxies: [10.0.0.5], owners: {support-leads: support}, admins: [platform]}",
    "traffic": "# traffic: {retry: {attempts_max: 2}, cache: {bytes_max: 256MiB}}",
    "telemetry": '# telemetry: {otlp: {endpoint: "http://127.0.0.1:4317"}}',
    "gateway": "# gateway: {body_bytes_max: 16MiB, drain: 60s}",
    "lint": "# lint: {gateways: [llm.acme.example], clients: [src/acme/llm.py]}",
    "ledger": "# ledger: {requests_days: 14, minutes_days: 7}",
}


def starter_text() -> str:
    """Write the starter file."""
    parts = [_HEAD]
    for key in keys(Options):
        field = Options.model_fields[key.name]
        model = model_within(field.annotation)
        lines = [*_wrapped(f"{key.name}: {key.meaning[:1].lower()}{key.meaning[1:]}", "# ")]
        if key.name == "classes":
            lines += _wrapped(f"Built in: {', '.join(_built_in())}.", "# ")
        lines.append(_BODIES[key.name])
        if model is not None:
            lines += _optional(model)
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def environment_text() -> str:
    """Write `.env.example`: the secrets that the starter file refers to, and how to set any key."""
    return """\
# Copy to .env and fill in; keep .env out of version control. The gateway and the control process take these from
# their environment, not from the file: `set -a; . ./.env; set +a` before `paceline up`.
OPENAI_API_KEY=
ANTHROPIC_API_KEY=

# Any key of paceline.yaml can be set here too: PACELINE_<SECTION>__<KEY>.
# PACELINE_GATEWAY__BODY_BYTES_MAX=16MiB
# PACELINE_SERVICES__HELPDESK__MODE=enforce
"""


def _built_in() -> list[str]:
    from paceline.standards.classes import BUILT_IN

    return list(BUILT_IN)


def _wrapped(text: str, prefix: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_on_hyphens=False, break_long_words=False
    )


def _optional(model: type[BaseModel]) -> Iterator[str]:
    """List a part's keys as comments: name, example, meaning."""
    rows = []
    for key in keys(model):
        example = "" if key.example is None else one_line(key.example)
        rows.append((f"{key.name}: {example}".rstrip(), f"{key.meaning}{' Required.' if key.required else ''}"))
    width = min(44, max(len(left) for left, _ in rows))
    yield "#   keys:"
    for left, meaning in rows:
        yield f"#     {left.ljust(width)}  # {meaning}"
