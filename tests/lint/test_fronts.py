"""Which front end reads what, and what of the files beside a file is noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from paceline.lint import fronts


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("a/b.py", "python"), ("b.pyi", "python"), ("B.PY", "python"), ("b.ipynb", "notebooks"),
        ("b.tsx", "typescript"),
        ("b.vue", "typescript"), ("a/package.json", "manifests"),
        ("requirements-dev.txt", "manifests"),
        ("pyproject.toml", "manifests"), ("b.json", None), ("Makefile", None), ("", None), (".py/b", None),
    ],
)  # fmt: skip
def test_the_name_tells_the_front_end(path: str, module: str | None) -> None:
    assert fronts.language(path) == (f"paceline.lint.{module}" if module else None)


def test_a_front_end_is_imported_when_asked_for() -> None:
    assert fronts.front("paceline.lint.python").may_hold_sites(b"import openai")
    with pytest.raises(fronts.AbsentError, match="no front end nothing yet"):
        fronts.front("paceline.lint.nothing")


def test_what_is_read_beside_a_file_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"1")
    (tmp_path / "large.py").write_bytes(b"#" * (fronts.BYTES_MAX + 1))
    with fronts.recording(tmp_path) as looks:
        assert fronts.read_beside("a.py") == b"1"
        assert fronts.read_beside("b.py") is None
        assert fronts.read_beside("large.py") is None
    assert looks.seen == {"a.py": fronts.digest(b"1"), "b.py": None, "large.py": None}
    fronts.read_beside("c.py")
    assert "c.py" not in looks.seen
