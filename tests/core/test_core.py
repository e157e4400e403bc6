"""The native module as Python sees it: what it exports, what it raises.

Owns the boundary's own behaviour; what lies behind it is tested where it lives.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from paceline import _core


def test_codes_are_complete_and_ready_to_print() -> None:
    rows = _core.codes()
    assert [row["number"] for row in rows] == sorted({row["number"] for row in rows})
    for row in rows:
        assert row["code"] == f"G{row['number']}"
        assert row["fault"] in {"caller", "standards", "provider", "gateway"}
        assert 400 <= row["status"] < 600
        assert isinstance(row["retryable"], bool)
        assert row["name"].isidentifier()
        assert row["advice"]


def test_faults_form_one_tree() -> None:
    for fault in (_core.PlanFault, _core.JournalFault, _core.PanicFault):
        assert issubclass(fault, _core.CoreError)
        assert issubclass(fault, Exception)


@pytest.mark.parametrize("plan", [b"", b"{", b"[]", b"{}", b"\xff", json.dumps({"format": 99}).encode()])
def test_a_plan_that_is_none_is_refused_with_path_and_message(plan: bytes) -> None:
    with pytest.raises(_core.PlanFault) as caught:
        _core.check_plan(plan)
    fault = caught.value
    assert isinstance(fault.path, str)
    assert isinstance(fault.hint, str)
    assert fault.message
    assert fault.message in str(fault)


def test_an_address_in_use_is_an_os_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="in use") as caught:
            _core.serve(str(tmp_path), address)
    assert caught.value.errno is not None


def test_an_address_that_is_none_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an address"):
        _core.serve(str(tmp_path), "everywhere")


def test_a_journal_that_is_none_is_a_journal_fault(tmp_path: Path) -> None:
    segment = tmp_path / "segment-0000000000000001.jnl"
    segment.write_bytes(b"not a segment" * 100)
    with pytest.raises(_core.JournalFault):
        _core.fold(str(segment), 0)


def test_bytes_that_are_no_sketch_are_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"\S"):
        _core.merge([b"nonsense"])
