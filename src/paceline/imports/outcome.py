"""What an import comes to: standards as text, which `paceline validate` finds sound, and the findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paceline import standards
from paceline.exports.documents import yaml_text
from paceline.imports.draft import Draft
from paceline.imports.findings import Finding, ImportsError

__all__ = ["Outcome", "outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an import."""

    document: dict[str, Any]
    text: str
    """The document as YAML."""
    findings: tuple[Finding, ...]


def outcome(draft: Draft, product: str, models_at: str, fix: str) -> Outcome:
    """Write a draft; `models_at` is where in the source models stand.

    Raises `ImportsError` where there is no model in it (`fix` says what to do), or it would have faults.
    """
    if not draft.models:
        reasons = "; ".join(f"{each.path}: {each.why}" for each in _about(draft, models_at)[:3])
        wrong = f"no model of it can be carried over{f' ({reasons})' if reasons else ''}"
        raise ImportsError(wrong, fix)
    draft.stand_in()
    document = draft.document()
    head = [f"Made by `paceline import {product}`; yours from here on. Every key explained: docs/standards.md"]
    text = yaml_text([document], head)
    faults = standards.load(text, env={}).faults
    if faults:
        told = "; ".join(f"{fault.path}: {fault.message}" for fault in faults[:3])
        raise ImportsError(f"what it would become has faults: {told}", "correct these places of the source")
    return Outcome(document, text, draft.notes.findings)


def _about(draft: Draft, models_at: str) -> list[Finding]:
    return [each for each in draft.notes.findings if each.kind == "left out" and each.path.startswith(models_at)]
