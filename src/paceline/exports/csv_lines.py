"""Lines of CSV, one at a time, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

__all__ = ["csv_lines"]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the line of names, then one for each row; what is None is empty.

    Text that a spreadsheet would take for a formula gets an apostrophe before it: names come from callers.
    """
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(names)
    yield page.getvalue()
    for row in rows:
        page.seek(0)
        page.truncate()
        writer.writerow([_safe(value) for value in row])
        yield page.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
