"""Gives free pages of an SQLite file back to the file system, as many as the file does not need itself.

A ledger that has reached its age frees about as much in an hour as it takes in: such pages are used again, and giving
them back would only make the file grow anew. Free pages beyond that reserve go, in steps, each a short transaction.
PostgreSQL does this by itself.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from typing import Final, cast

from sqlalchemy import Engine

RESERVE_SHARE: Final = 0.05
"""Share of the file that may lie free, to be used again."""
RESERVE_BYTES: Final = 16 << 20
"""Bytes that may lie free in any file."""
STEP_PAGES: Final = 1_000
STEPS_MAX: Final = 50
"""Steps of one call, so that it ends in good time: about 200 MB, far more than a ledger takes in between two calls."""


def give_back(engine: Engine, pause_s: float) -> int:
    """Return free pages beyond the reserve to the file system; return how many bytes that were."""
    if engine.dialect.name != "sqlite":
        return 0
    with engine.connect() as connection:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        # Pages that a power cut brings back are given back again: no step has to reach the disk before the next.
        driver.execute("PRAGMA synchronous=NORMAL").close()
        try:
            return sum(_steps(driver, pause_s))
        finally:
            driver.execute("PRAGMA synchronous=FULL").close()


def _steps(driver: sqlite3.Connection, pause_s: float) -> Iterator[int]:
    """Give back a step's pages at a time; yield the bytes."""
    page_bytes = _number(driver, "page_size")
    for _ in range(STEPS_MAX):
        pages = min(STEP_PAGES, _excess(driver, page_bytes))
        if pages <= 0:
            return
        before = _number(driver, "page_count")
        # As a script: the statement frees a page a step, and any other way takes one step only.
        driver.executescript(f"PRAGMA incremental_vacuum({pages:d})").close()
        done = before - _number(driver, "page_count")
        if done <= 0:  # not a file that can shrink, or others are faster in using the pages
            return
        yield done * page_bytes
        time.sleep(pause_s)


def _excess(driver: sqlite3.Connection, page_bytes: int) -> int:
    reserve = max(int(RESERVE_SHARE * _number(driver, "page_count")), RESERVE_BYTES // page_bytes)
    return _number(driver, "freelist_count") - reserve


def _number(driver: sqlite3.Connection, pragma: str) -> int:
    return int(driver.execute(f"PRAGMA {pragma}").fetchone()[0])
