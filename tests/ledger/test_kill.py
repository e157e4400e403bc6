"""kill -9 of a process that ingests, again and again: no record lost, none taken in twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.ledger.journal_files import Record, mask, write_segment

from paceline.ledger import Keep, Ledger, open_ledger
from paceline.ledger.schema import minute, minute_limit, minute_metric, request

SEGMENTS, EACH = 24, 25
JUDGED = mask(("ttft_ms", "p95"))

# Says a line before and after each transaction and before each deletion, so that it can be killed around all three.
PROGRAM = """
import pathlib, sys
from paceline.ledger import open_ledger
from paceline.ledger.ingest import Ingest

def loudly(function):
    def wrapped(*arguments, **named):
        print("before", flush=True)
        done = function(*arguments, **named)
        print("after", flush=True)
        return done
    return wrapped

Ingest._take_in = loudly(Ingest._take_in)
pathlib.Path.unlink = loudly(pathlib.Path.unlink)
with open_ledger(sys.argv[1]) as ledger:
    ledger.ingest(pathlib.Path(sys.argv[2]), slots_max=7)
"""

# The same around every statement of roll-up and retention.
UPKEEP = """
import sys
from sqlalchemy import event
from paceline.ledger import Keep, open_ledger
from paceline.ledger.rollup import roll_up

with open_ledger(sys.argv[1]) as ledger:
    event.listen(ledger.engine, "before_cursor_execute", lambda *_: print("statement", flush=True))
    roll_up(ledger.engine, 1e9 + 9e5, step_rows=3)
    ledger.retain(Keep(requests_days=1e5, minutes_days=1, ten_minutes_days=5), now=1e9 + 9e5, chunk=2, pause_s=0)
"""


def fill(journal: Path) -> int:
    for sequence in range(SEGMENTS):
        numbers = range(sequence * EACH, (sequence + 1) * EACH)
        write_segment(
            journal, sequence + 1, [Record(number, start_s=1e9 + number, judged=JUDGED) for number in numbers]
        )
    return SEGMENTS * EACH


def killed_at(dice: random.Random, lines: int, *command: str) -> None:
    """Run a program and kill it after it has said some of so many lines."""
    with subprocess.Popen([sys.executable, "-c", *command], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _line in zip(range(dice.randrange(1, lines)), child.stdout, strict=False):
            pass
        child.kill()


def assert_all_there_once(ledger: Ledger, total: int) -> None:
    with ledger.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(request)).scalar_one() == total
        assert int(connection.execute(select(func.sum(minute.c.n))).scalar_one()) == total
        assert int(connection.execute(select(func.sum(minute_limit.c.n))).scalar_one()) == total
        values = select(func.sum(minute_metric.c.n)).where(minute_metric.c.metric == "total_ms")
        assert int(connection.execute(values).scalar_one()) == total


@pytest.mark.slow
def test_killed_ingests_leave_every_record_once(where: str, journal: Path) -> None:
    total = fill(journal)
    dice = random.Random(11)  # varied moments, the same in every run
    open_ledger(where).close()
    for _ in range(8):
        killed_at(dice, 24, PROGRAM, where, str(journal))
    with open_ledger(where) as ledger:
        ledger.ingest(journal, slots_max=7)
        assert_all_there_once(ledger, total)
    assert not list(journal.iterdir())


@pytest.mark.slow
def test_killed_roll_ups_and_retentions_leave_every_record_once(where: str, journal: Path) -> None:
    total = fill(journal)
    dice = random.Random(12)
    with open_ledger(where) as ledger:
        ledger.ingest(journal)
        for _ in range(10):
            killed_at(dice, 90, UPKEEP, where)
            for resolution in (1, 10, 60):
                rows = ledger.counts(1e9 - 3600, 1e9 + 3600, resolution=resolution)  # type: ignore[arg-type]
                assert sum(row.n for row in rows) == total
            assert sum(row.n for row in ledger.strata(1e9 - 3600, 1e9 + 3600)) == total
        subprocess.run([sys.executable, "-c", UPKEEP, where], check=True, stdout=subprocess.DEVNULL)
        assert {row.minutes for row in ledger.counts(1e9 - 3600, 1e9 + 3600, resolution=1)} == {60}
        assert sum(row.n for row in ledger.strata(1e9 - 3600, 1e9 + 3600, resolution=60)) == total


def test_ingest_beside_retention_and_reports(where: str, journal: Path) -> None:
    total = fill(journal)
    done = threading.Event()
    faults: list[BaseException] = []

    def repeat(work: object) -> None:
        try:
            while not done.is_set():
                work()  # type: ignore[operator]
        except BaseException as fault:  # noqa: BLE001  # whatever it was, the test must show it
            faults.append(fault)

    with open_ledger(where) as ledger, open_ledger(where) as other:
        keep = Keep(requests_days=1e5, requests_bytes=1 << 40, minutes_days=1e5)
        works = (
            other.roll_up,
            lambda: other.retain(keep, pause_s=0),
            lambda: other.report(1e9, 1e9 + 3600),
            other.keys.version,
        )
        threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        ledger.ingest(journal, slots_max=7)
        done.set()
        for thread in threads:
            thread.join()
        assert faults == []
        other.roll_up()
        assert sum(row.n for row in other.counts(1e9 - 3600, 1e9 + 7200, resolution=60)) == total
        assert sum(row.n for row in other.strata(1e9 - 3600, 1e9 + 7200, resolution=60)) == total
        assert_all_there_once(ledger, total)
