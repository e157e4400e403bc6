"""Files that commands write: whole or not at all, over another only when told to; devices as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paceline.cli.outputs import refuse_present, write_whole, writing
from paceline.cli.trouble import Trouble


def test_a_file_that_cannot_be_finished_leaves_the_one_before(tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "half"
        raise RuntimeError

    target = tmp_path / "made"
    target.write_text("before")
    with pytest.raises(RuntimeError):
        write_whole(target, broken())
    assert [file.name for file in tmp_path.iterdir()] == ["made"]
    assert target.read_text() == "before"
    write_whole(target, ["a", "b"])
    assert target.read_text() == "ab"


def test_only_a_file_that_is_there_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "made"
    for free in (None, target, Path("/dev/null")):
        refuse_present(free, overwrite=False)
    target.write_text("before")
    refuse_present(target, overwrite=True)
    with pytest.raises(Trouble, match="is there already"):
        refuse_present(target, overwrite=False)
    write_whole(Path("/dev/null"), ["gone"])
    assert Path("/dev/null").is_char_device()


def test_what_the_system_refuses_is_said(tmp_path: Path) -> None:
    target = tmp_path / "no" / "made"
    with pytest.raises(Trouble, match="cannot be written: No such file or directory"), writing(target):
        write_whole(target, ["a"])
