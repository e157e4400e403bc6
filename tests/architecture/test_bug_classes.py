"""The table of fault classes seen in other gateways: fifteen rows, and every test it names exists.

Owns that check; the table stands at the head of `crates/stack/tests/bug_classes.rs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

TABLE = Path("crates/stack/tests/bug_classes.rs")
CLASSES = 15
ROW = re.compile(r"^//! \| (?P<number>\d+) [^|]+ \| (?P<tests>[^|]+) \|$", re.MULTILINE)
NAME = re.compile(r"`(\w+)`")
RUST = re.compile(r"^ *(?:async )?fn (\w+)\(", re.MULTILINE)
PYTHON = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def test_every_class_of_fault_has_tests_that_exist(root: Path, sources: Callable[..., list[Path]]) -> None:
    rows = {int(row["number"]): NAME.findall(row["tests"]) for row in ROW.finditer((root / TABLE).read_text())}
    assert sorted(rows) == list(range(1, CLASSES + 1))
    assert all(rows.values())
    known: set[str] = set()
    for suffix, pattern in ((".rs", RUST), (".py", PYTHON)):
        for path in sources(suffix):
            known.update(pattern.findall((root / path).read_text(encoding="utf-8")))
    assert sorted({name for names in rows.values() for name in names} - known) == []
