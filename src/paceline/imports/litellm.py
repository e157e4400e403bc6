"""LiteLLM's proxy configuration as standards: `config.yaml` with what it includes, or a folder of such files.

Owns the order: models, then the router's rules, then the rest. Source: docs.litellm.ai, "Config.yaml", "All settings".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from paceline.imports.draft import Draft
from paceline.imports.findings import ImportsError, Notes
from paceline.imports.litellm_models import Models
from paceline.imports.litellm_settings import carry_settings
from paceline.imports.outcome import Outcome, outcome
from paceline.imports.reading import Section, read_yaml
from paceline.standards.vendors import VENDORS

__all__ = ["read"]

_ELSEWHERE: Final = "paceline has no part that does this"
_REASONS: Final = {
    "environment_variables": (
        "values of variables are not copied: they may be keys",
        "set those that are still needed where gateway and control process run",
    ),
    "guardrails": ("paceline looks at no text", "keep them in the application, or in front of it"),
    "mcp_servers": (_ELSEWHERE, "keep your MCP servers; agents reach them directly"),
    "vector_store_registry": (_ELSEWHERE, ""),
    "search_tools": (_ELSEWHERE, ""),
    "prompts": ("prompts belong to applications", "keep them there"),
    "callback_settings": ("there are no callbacks", "`telemetry:` sends traces and metrics to a collector"),
    "files_settings": ("files pass through to their provider", "`providers.NAME.passthrough: [/files]`"),
    "finetune_settings": ("fine-tuning passes through to its provider", "`providers.NAME.passthrough: [/fine_tuning]`"),
    "assistant_settings": (_ELSEWHERE, ""),
    "default_vertex_config": ("Vertex AI's own API is not spoken", ""),
}
_FILES_MAX: Final = 200
_PARTS: Final = {"model_list", "litellm_settings", "router_settings", "general_settings", "include", "credential_list"}


def read(place: Path) -> Outcome:
    """Read a file, or every `*.yaml` and `*.yml` of a folder as if it were one. Raises `ImportsError`."""
    notes = Notes()
    draft = Draft(notes)
    joined = _joined(place)
    whole = Section(joined, "", notes)
    models = Models(draft, whole, _variables(joined))
    models.carry()
    carry_settings(draft, models, whole)
    whole.leave(_REASONS)
    return outcome(draft, "litellm", "model_list", "see docs/import.md for what can be")


def _variables(joined: Mapping[str, Any]) -> set[str]:
    """Name the variables that the source means: those it names, and vendors' own where an entry has no key."""
    named = set(re.findall(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)", json.dumps(joined, default=str)))
    listed = joined["model_list"] if isinstance(joined["model_list"], list) else []
    params = [each.get("litellm_params") for each in listed if isinstance(each, dict)]
    if any(isinstance(each, dict) and not each.get("api_key") for each in params):
        named |= {vendor.key.removeprefix("env:") for vendor in VENDORS.values()}
    return named


def _joined(place: Path) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for found in _documents(place):
        for key, value in found.items():
            before = merged.get(key)
            if isinstance(before, list) and isinstance(value, list):
                merged[key] = [*before, *value]
            elif isinstance(before, dict) and isinstance(value, dict):
                merged[key] = before | value
            else:
                merged[key] = value
    if "model_list" not in merged:
        raise ImportsError(f"{place} has no `model_list`", "name LiteLLM's config.yaml, or the folder it is in")
    return merged


def _documents(place: Path) -> Iterator[dict[str, Any]]:
    """Yield the files of a place, each once, what they include before them."""
    if not place.is_dir():
        yield from _with_included(place, set())
        return
    seen: set[Path] = set()
    files = sorted(file for file in place.iterdir() if file.suffix in {".yaml", ".yml"} and file.is_file())
    if len(files) > _FILES_MAX:
        raise ImportsError(f"{place} has more than {_FILES_MAX} files of YAML", "name the configuration itself")
    for file in files:
        yield from _with_included(file, seen, is_sure=False)


def _with_included(file: Path, seen: set[Path], *, is_sure: bool = True) -> Iterator[dict[str, Any]]:
    if file.resolve() in seen:
        return
    seen.add(file.resolve())
    found = read_yaml(file)
    if not isinstance(found, dict) or not (is_sure or _PARTS & found.keys()):
        if is_sure:
            raise ImportsError(f"{file} is no mapping of settings", "name LiteLLM's config.yaml")
        return  # another program's file in the same folder
    included = found.pop("include", None)
    for name in included if isinstance(included, list) else [included] if included else []:
        if len(seen) > _FILES_MAX:
            raise ImportsError(f"{file} includes more than {_FILES_MAX} files", "name the configuration itself")
        yield from _with_included(file.parent / str(name), seen)
    yield found
