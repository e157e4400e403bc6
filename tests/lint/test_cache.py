"""The cache: what is kept, when it no longer holds, and that nothing broken in it matters. And several processes."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from paceline.lint import cache as caching
from paceline.lint import fronts, python, reading, run
from paceline.lint.cache import Cache, fingerprint
from paceline.lint.findings import Policy
from paceline.lint.look import look, unpacked
from paceline.lint.settings import Settings
from paceline.lint.sites import Site

DAY = date(2026, 11, 23)
APP = """\
from openai import OpenAI
c = OpenAI()
c.chat.completions.create(model=M, **more)  # paceline: ignore[T302] reason="x"
"""
FILES = 40


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(FILES):
        path = tmp_path / f"m{number:02}.py"
        path.write_text(f"# {number}\n{APP}" if number % 4 == 0 else f"x = {number}\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return tmp_path


def check(tree: Path, policy: Policy | None = None) -> run.Outcome:
    return run.check([tree], Settings(root=tree), policy or Policy(), DAY, cache=tree / ".cache")


class Counted:
    """Counts the files that the front end for Python really reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        real = python.sites

        def sites(data: bytes, path: str, catalogue: object) -> list[Site]:
            self.names.append(path)
            return real(data, path, catalogue)  # type: ignore[arg-type]

        monkeypatch.setattr(python, "sites", sites)

    def during(self, tree: Path, policy: Policy | None = None) -> int:
        self.names.clear()
        check(tree, policy)
        return len(self.names)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def test_a_second_run_reads_nothing_and_says_the_same(tree: Path, counted: Counted) -> None:
    first = check(tree)
    assert first.findings
    assert first.unknown
    assert len(counted.names) == FILES // 4
    assert counted.during(tree) == 0
    assert check(tree) == first
    assert (tree / ".cache/.gitignore").read_text() == "*\n"


def test_what_changed_is_read_anew(tree: Path, counted: Counted) -> None:
    check(tree)
    (tree / "m00.py").write_text("import openai\n")
    assert counted.during(tree) == 1
    assert counted.during(tree, Policy(timeout_s_max=3)) == FILES // 4, "another policy is another cache"


def test_a_change_that_leaves_size_and_time_alone_is_seen(tree: Path, counted: Counted) -> None:
    check(tree)
    check(tree)
    path = tree / "m00.py"
    stat = path.stat()
    path.write_text(path.read_text().replace("model=M", "model=N"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert counted.during(tree) == 1


def test_the_same_content_under_new_stamps_is_known(tree: Path, counted: Counted) -> None:
    check(tree)
    for path in tree.glob("*.py"):
        os.utime(path)
    assert counted.during(tree) == 0


def test_files_beside_one_belong_to_its_key(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = python.sites, []

    def sites(data: bytes, path: str, catalogue: object) -> list[Site]:
        asked.append(path)
        fronts.read_beside("shared.py")
        return real(data, path, catalogue)  # type: ignore[arg-type]

    monkeypatch.setattr(python, "sites", sites)
    check(tree)
    asked.clear()
    check(tree)
    assert asked == []
    (tree / "shared.py").write_text("c = 1\n")
    check(tree)
    assert len(asked) == FILES // 4, "a file that was not there has come"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "\x00" * 100, '{"version": 1, "entries": []}', '{"version": 1, "entries": {"m00.py": 3}}',
     '{"version": 99, "entries": {}}', '{"version": 1, "entries": {"m00.py": [1, 2, 3, 4, "x", [1]]}}'],
)  # fmt: skip
def test_what_is_broken_or_foreign_is_ignored(tree: Path, text: str) -> None:
    expected = check(tree)
    (kept,) = (tree / ".cache").glob("*.json")
    kept.write_text(text)
    assert check(tree) == expected
    assert len(json.loads(kept.read_text())["entries"]) == FILES, "it was not written anew"


def test_an_entry_of_the_wrong_shape_is_read_anew(tree: Path) -> None:
    expected = check(tree)
    (kept,) = (tree / ".cache").glob("*.json")
    document = json.loads(kept.read_text())
    for entry in document["entries"].values():
        entry[5] = [["nonsense"]]
    kept.write_text(json.dumps(document))
    assert check(tree) == expected


def test_where_nothing_can_be_written_it_works_all_the_same(tree: Path) -> None:
    (tree / ".cache").write_text("a file, no directory")
    assert check(tree).files == FILES


def test_runs_at_once_leave_a_sound_cache(tree: Path, counted: Counted) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: check(tree), range(8)))
    assert all(each == outcomes[0] for each in outcomes)
    assert counted.during(tree) == 0
    assert not list((tree / ".cache").glob("*.new"))


def test_it_is_bounded(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "ENTRIES_MAX", 10)
    monkeypatch.setattr(caching, "FILES_MAX", 2)
    for number in range(4):
        check(tree, Policy(timeout_s_max=number + 1))
    kept = list((tree / ".cache").glob("*.json"))
    assert len(kept) == 2
    assert all(len(json.loads(path.read_text())["entries"]) <= 10 for path in kept)


def test_a_few_files_are_not_worth_it(tree: Path) -> None:
    run.check(sorted(tree.glob("m0*.py")), Settings(root=tree), Policy(), DAY, cache=tree / ".cache")
    assert not (tree / ".cache").exists()


def test_the_mark_is_of_policy_and_place(tree: Path) -> None:
    marks = {fingerprint(tree, Policy()), fingerprint(tree, Policy(cap_tokens=3)), fingerprint(tree / "a", Policy())}
    assert len(marks) == 3
    assert Cache(None, tree, "x").get("m00.py") is None


def test_a_look_survives_packing() -> None:
    from paceline.catalogue import load

    found = look(APP.encode(), "app.py", load(), Policy())
    assert unpacked("app.py", json.loads(json.dumps(found.packed()))) == found
    assert look(b"x = 1\n", "app.py", load(), Policy()).packed() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_several_processes_find_the_same(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run.check([tree], Settings(root=tree), Policy(), DAY)
    monkeypatch.setattr(reading, "PARALLEL_BYTES", 0)
    monkeypatch.setattr(reading, "_BATCH_BYTES", 100)
    monkeypatch.setattr(reading, "_cores", lambda: 2)
    monkeypatch.setattr(reading.threading, "active_count", lambda: 1)
    done = []
    several = run.check([tree], Settings(root=tree), Policy(), DAY, progress=lambda one, all_: done.append((one, all_)))
    assert several == alone
    assert done[-1] == (FILES, FILES)


def test_a_fault_of_the_linter_costs_one_file(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = python.sites

    def sites(data: bytes, path: str, catalogue: object) -> list[Site]:
        if path == "m04.py":
            raise IndexError("x")
        return real(data, path, catalogue)  # type: ignore[arg-type]

    monkeypatch.setattr(python, "sites", sites)
    outcome = run.check([tree], Settings(root=tree), Policy(), DAY)
    ((path, reason),) = outcome.unread
    assert path == "m04.py"
    assert reason.startswith("the linter itself failed (IndexError in test_cache.py, line ")
    assert {each.path for each in outcome.findings} == {
        f"m{number:02}.py" for number in range(0, FILES, 4) if number != 4
    }
