"""One holder at a time, and its process id for whoever comes second."""

import os
from pathlib import Path

import pytest

from paceline.gateway.lock import HeldError, held


def test_the_second_learns_the_first_ones_process_id(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path):
        with pytest.raises(HeldError) as caught, held(path):
            pass
        assert caught.value.pid == str(os.getpid())
    with held(path):
        assert path.read_text() == str(os.getpid())
