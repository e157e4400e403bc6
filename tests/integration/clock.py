"""A calendar that tests turn: processes whose wall clock runs ahead of the machine's by as much as a file says.

Only the calendar moves; durations are measured as ever. libfaketime reads the file at every look at the clock.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["Clock"]


class Clock:
    """The calendar of some processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._ahead_s = 0
        self.forward(0)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to live by it."""
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        assert found, "libfaketime is installed with faketime"
        return {
            "LD_PRELOAD": os.pathsep.join(filter(None, (os.environ.get("LD_PRELOAD"), str(found[0])))),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def forward(self, seconds: int) -> None:
        """Let so much time pass at once."""
        self._ahead_s += seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"+{self._ahead_s}\n")
        new.replace(self._file)

    def now(self) -> float:
        """Return Unix seconds by this calendar."""
        return time.time() + self._ahead_s
