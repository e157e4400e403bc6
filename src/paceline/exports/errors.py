"""What can keep an export from being written."""

from __future__ import annotations

__all__ = ["ExportError"]


class ExportError(Exception):
    """Nothing sound can be written; `fix` says what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.fix = fix
