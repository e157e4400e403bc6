"""Sources as files, and what every import must hold: the result is sound, and no key is anywhere in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from paceline import standards
from paceline._core import check_plan
from paceline.imports import Outcome
from paceline.imports.litellm import read as read_litellm
from paceline.imports.portkey import read as read_portkey

SECRETS = ("sk-literal", "hunter2", "gsk_literal", "lf-secret")

Read = Callable[..., Outcome]


def proven(found: Outcome) -> Outcome:
    """Fail unless the result is sound to the loader, a gateway would run it, and no key of the source is in it."""
    loaded = standards.load(found.text, env={})
    assert loaded.faults == ()
    check_plan(loaded.plan().json_bytes)
    for part in (found.text, json.dumps(found.document), json.dumps([each.as_dict() for each in found.findings])):
        assert not [secret for secret in SECRETS if secret in part]
    assert all(each.path and each.why for each in found.findings)
    return found


@pytest.fixture
def litellm(tmp_path: Path) -> Read:
    """Read text as LiteLLM's `config.yaml`."""

    def read(text: str, name: str = "config.yaml") -> Outcome:
        (tmp_path / name).write_text(text)
        return proven(read_litellm(tmp_path / name))

    return read


@pytest.fixture
def portkey(tmp_path: Path) -> Read:
    """Read a document as a file of Portkey's configs."""

    def read(document: object, virtual_keys: dict[str, str] | None = None, default: str = "") -> Outcome:
        (tmp_path / "support.json").write_text(json.dumps(document))
        return proven(read_portkey(tmp_path / "support.json", virtual_keys or {}, default))

    return read
