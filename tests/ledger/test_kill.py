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


def fill(journal: Path) -> int:
    for sequence in range(SEGMENTS):
        numbers = range(sequence * EACH, (sequence + 1) * EACH)
        write_segment(
            journal, sequence + 1, [Record(number, start_s=1e9 + number, judged=JUDGED) for number in numbers]
        )
    return SEGMENTS * EACH


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
    dice = random.Random(11)  # noqa: S311  # varied moments, the same in every run
    open_ledger(where).close()
    for _ in range(8):
        command = [sys.executable, "-c", PROGRAM, where, str(journal)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _line in zip(range(dice.randrange(1, 24)), child.stdout, strict=False):
                pass
            child.kill()
    with open_ledger(where) as ledger:
        ledger.ingest(journal, slots_max=7)
        assert_all_there_once(ledger, total)
    assert not list(journal.iterdir())


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
        works = (lambda: other.retain(keep, pause_s=0), lambda: other.report(1e9, 1e9 + 3600), other.keys.version)
        threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        ledger.ingest(journal, slots_max=7)
        done.set()
        for thread in threads:
            thread.join()
        assert faults == []
        assert_all_there_once(ledger, total)
