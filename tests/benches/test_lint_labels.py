"""The labels the linter is measured against: complete, of one form, without code; and how sites are matched to them.

Owns benches/lint_labels.py and its data; needs none of the trees.
"""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

BENCHES = Path(__file__).resolve().parents[2] / "benches"
FACTS = {"cap", "timeout", "retries", "stream", "base_url", "tags", "model_literal"}


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHES))
    return importlib.import_module("lint_labels")


def test_there_are_enough_labels_of_each_kind(truth: ModuleType) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for label in truth.labels():
        counts[label.language, "site" if label.is_site else label.kind] += 1
    assert counts["python", "site"] >= 300
    assert counts["typescript", "site"] >= 100
    assert counts["python", "none"] + counts["typescript", "none"] >= 60


def test_every_label_has_the_form_that_the_measure_reads(truth: ModuleType) -> None:
    for label in truth.labels():
        assert label.kind in {"generation", "client", "framework", "agent", "other", "none"}, label
        assert label.stratum in {"platform", "small"}, label
        assert set(label.facts) <= FACTS, label
        assert set(label.facts.values()) <= {"yes", "no", "unknown"}, label
        assert not label.path.startswith("/"), label
        assert label.line > 0, label
        assert label.why or label.kind != "none", label
        assert "cap" in label.facts or label.kind != "generation", label


def test_some_trees_are_held_back_in_each_language(truth: ModuleType) -> None:
    held = {label.language for label in truth.labels() if label.repository.held_back and label.is_site}
    assert held == {"python", "typescript"}


def label(truth: ModuleType, line: int, kind: str, **facts: str) -> object:
    repository = truth.REPOSITORIES[0]
    return truth.Label(repository, "python", "a.py", line, "small", kind, "openai.chat", facts)


def test_the_nearest_site_of_the_same_kind_is_a_labels_own(truth: ModuleType) -> None:
    call, client = label(truth, 10, "generation", cap="no"), label(truth, 10, "client")
    near, far = truth.Found(11, "generation"), truth.Found(8, "generation")
    made = truth.Found(10, "client")
    pairs, left = truth.pair([call, client], [far, near, made])
    assert pairs == [(call, near), (client, made)]
    assert left == [far]


def test_a_site_at_a_place_that_is_none_is_left_over(truth: ModuleType) -> None:
    nothing = label(truth, 5, "none")
    found = truth.Found(5, "client")
    assert truth.pair([nothing], [found]) == ([(nothing, None)], [found])


def test_two_labels_never_share_one_site(truth: ModuleType) -> None:
    first, second = label(truth, 7, "client"), label(truth, 7, "client")
    site = truth.Found(7, "client")
    pairs, left = truth.pair([first, second], [site])
    assert [found for _, found in pairs].count(site) == 1
    assert left == []


def test_an_embedding_is_neither_wanted_nor_invented(truth: ModuleType) -> None:
    embedding = label(truth, 3, "other")
    site = truth.Found(3, "generation")
    pairs, left = truth.pair([embedding], [site])
    assert pairs == [(embedding, site)]
    assert left == []
    assert not embedding.is_site
