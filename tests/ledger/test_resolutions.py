"""Roll-up, late requests and retention in any order: every request counts once, at every resolution."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import case, delete, event, func, select, update
from tests.ledger.journal_files import PROVIDER_ERROR, Record, mask, write_segment

from paceline import _core
from paceline.ledger import Keep, Ledger, open_ledger, rollup, windows
from paceline.ledger import settings as stored_settings
from paceline.ledger.engine import writing
from paceline.ledger.ingest import SERIES_EPOCH
from paceline.ledger.resolutions import read
from paceline.ledger.rollup import SETTLE_MINUTES
from paceline.ledger.schema import ROWS, STRATA, metadata, resolution

HOUR = 3_600.0
DAY = 24 * HOUR
START = 1_000_000_800.0  # the start of an hour
KEEP = Keep(requests_days=1e4, minutes_days=0.25, ten_minutes_days=1, hours_days=20)
EACH = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEGMENTS = count(1)


def take_in(ledger: Ledger, journal: Path, starts: list[float], **more: object) -> None:
    records = [Record(next(SEGMENTS), start_s=at, judged=mask(("ttft_ms", "p95")), **more) for at in starts]  # type: ignore[arg-type]
    write_segment(journal, next(SEGMENTS), records)
    ledger.ingest(journal)


def total(ledger: Ledger, since: float, until: float, finest: int | None = None) -> int:
    with ledger.engine.connect() as connection:
        rows = windows.window(connection, int(since // 60), int(until // 60), finest=finest).rows("counters")
        return int(connection.execute(select(func.sum(rows.c.n))).scalar() or 0)


def stored(ledger: Ledger, name: str) -> dict[int, int]:
    """Return how many requests the rows of a resolution count, by their minute."""
    table = next(level.all[-1] for level in (*ROWS, *STRATA) if level.name == name)
    with ledger.engine.connect() as connection:
        rows = connection.execute(select(table.c.minute, func.sum(table.c.n)).group_by(table.c.minute))
        return {minute: int(n) for minute, n in rows}


def test_minutes_become_ten_minutes_and_hours_when_they_have_settled(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START + 60 * minute for minute in range(120)])
    at = START + HOUR + 60 * SETTLE_MINUTES
    ledger.roll_up(now=at - 1)
    assert (len(stored(ledger, "ten_minute")), len(stored(ledger, "hour"))) == (5, 0)
    ledger.roll_up(now=at)
    first = int(START // 60)
    assert stored(ledger, "hour") == stored(ledger, "stratum_hour") == {first: 60}
    assert stored(ledger, "ten_minute") == {first + 10 * bucket: 10 for bucket in range(6)}
    assert sum(stored(ledger, "minute").values()) == sum(stored(ledger, "stratum").values()) == 120
    for finest in (None, 1, 10, 60):
        assert total(ledger, START, START + 2 * HOUR, finest) == 120


def test_hours_become_days_of_utc(ledger: Ledger, journal: Path) -> None:
    midnight = START // 86_400 * 86_400 + 86_400
    take_in(ledger, journal, [midnight - HOUR, midnight + 60, midnight + 23 * HOUR, midnight + 25 * HOUR])
    ledger.roll_up(now=midnight + 24 * HOUR + 60 * SETTLE_MINUTES)
    day = int(midnight // 60)
    assert stored(ledger, "day") == {day - 1_440: 1, day: 2}
    for finest in (None, 1, 60, 1_440):
        assert total(ledger, midnight - 2 * HOUR, midnight + 26 * HOUR, finest) == 4
    take_in(ledger, journal, [midnight + 120])
    assert stored(ledger, "day")[day] == 3, "what comes late is added"


def test_rolling_up_again_changes_nothing(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START + 60 * minute for minute in range(120)])
    assert ledger.roll_up(now=START + DAY).steps > 0
    before = [stored(ledger, level.name) for level in (*ROWS, *STRATA)]
    assert ledger.roll_up(now=START + DAY).steps == 0
    assert [stored(ledger, level.name) for level in (*ROWS, *STRATA)] == before


def test_a_late_request_is_added_to_every_row_of_its_bucket_once(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START])
    ledger.roll_up(now=START + DAY)
    take_in(ledger, journal, [START + 60, START + 61, START + 660], ttft_ms=900.0)
    ledger.roll_up(now=START + DAY)
    first = int(START // 60)
    assert stored(ledger, "minute") == {first: 1, first + 1: 2, first + 11: 1}
    assert stored(ledger, "ten_minute") == stored(ledger, "stratum") == {first: 3, first + 10: 1}
    assert stored(ledger, "hour") == stored(ledger, "stratum_hour") == {first: 4}
    with ledger.engine.connect() as connection:
        table = ROWS[2].metrics
        row = connection.execute(select(table).where(table.c.metric == "ttft_ms")).one()
    assert (row.n, row.sum) == (4, pytest.approx(500 + 3 * 900))
    assert _core.quantiles([bytes(row.sketch)], [0.25, 1.0]) == [
        pytest.approx(500, rel=0.011),
        pytest.approx(900, rel=0.011),
    ]


def test_fine_rows_stay_until_they_are_rolled_up(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START + HOUR * hour for hour in range(24)])
    assert ledger.retain(KEEP, now=START + 9 * DAY, pause_s=0).minutes == 0
    ledger.roll_up(now=START + 9 * DAY)
    done = ledger.retain(KEEP, now=START + 9 * DAY, pause_s=0)
    assert (done.minutes, done.ten_minutes, done.hours, done.strata) == (24, 24, 0, 24)
    assert (stored(ledger, "minute"), stored(ledger, "ten_minute"), stored(ledger, "stratum")) == ({}, {}, {})
    assert total(ledger, START, START + DAY) == sum(stored(ledger, "stratum_hour").values()) == 24


def test_what_is_late_by_days_goes_where_rows_are_left(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START])
    ledger.roll_up(now=START + 9 * DAY)
    ledger.retain(KEEP, now=START + 9 * DAY, pause_s=0)
    take_in(ledger, journal, [START + 1, START + 8.5 * DAY, START + 9 * DAY - 7200])
    first = int(START // 60)
    hours = {first: 2, first + 8 * 1440 + 720: 1, first + 9 * 1440 - 120: 1}
    assert stored(ledger, "hour") == stored(ledger, "stratum_hour") == hours
    assert len(stored(ledger, "ten_minute")) == len(stored(ledger, "stratum")) == 2
    assert len(stored(ledger, "minute")) == 1
    assert total(ledger, START, START + 9 * DAY) == 4


def test_a_window_is_widened_to_the_rows_that_are_left(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START + 60 * minute for minute in range(60)])
    ledger.roll_up(now=START + 9 * DAY)
    ledger.retain(KEEP, now=START + 9 * DAY, pause_s=0)
    first = int(START // 60)
    with ledger.engine.connect() as connection:
        found = windows.window(connection, first + 25, first + 30)
        assert (found.since, found.until) == (first, first + 60)
        inside = windows.window_inside(connection, first + 25, first + 90)
        assert (inside.since, inside.until) == (first + 60, first + 60)
        assert connection.execute(select(inside.rows("limits"))).all() == []
    report = ledger.measure(START + 25 * 60, START + 30 * 60)
    assert (report.since, report.until, report.services[0].requests) == (int(START), int(START + HOUR), 60)


def test_an_endless_past_is_caught_up_with_in_bounded_calls(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START + 600 * bucket for bucket in range(30)])
    steps = 0
    while (done := rollup.roll_up(ledger.engine, START + 9 * DAY, step_rows=2, steps_max=3)).behind:
        assert done.steps == 3
        steps += done.steps
    assert steps + done.steps > 20
    assert sum(stored(ledger, "hour").values()) == sum(stored(ledger, "stratum_hour").values()) == 30


@EACH
@given(data=st.data())
def test_in_any_order_every_request_counts_once(ledger: Ledger, journal: Path, data: st.DataObject) -> None:
    """Requests of any age, roll-ups and retention come as they like; what the ledger holds is what came in."""
    empty(ledger)
    action = st.one_of(
        st.lists(st.floats(0, 5 * DAY), min_size=1, max_size=6), st.sampled_from(["roll", "retain"]), st.floats(60, DAY)
    )
    now = START + DAY
    came: Counter[int] = Counter()
    for does in data.draw(st.lists(action, min_size=4, max_size=25)):
        if isinstance(does, list):
            starts = [round(now - age, 3) for age in does]
            take_in(ledger, journal, starts)
            came.update(int(at // 3600) * 60 for at in starts)
        elif does == "roll":
            ledger.roll_up(now=now)
        elif does == "retain":
            ledger.retain(KEEP, now=now, pause_s=0, chunk=data.draw(st.integers(1, 20)))
        elif isinstance(does, float):
            now += does
    for finest in (None, 1, 10, 60):
        assert total(ledger, START - 9 * DAY, now + HOUR, finest) == came.total()
    for hour, n in came.items():
        assert total(ledger, hour * 60, hour * 60 + HOUR) == n
    hours = stored(ledger, "hour")
    with ledger.engine.connect() as connection:
        until = read(connection)["hour"].rolled_until or 0
    assert hours == {hour: n for hour, n in came.items() if hour < until}


def empty(ledger: Ledger) -> None:
    """Make the ledger one in which nothing has ever been."""
    with writing(ledger.engine) as connection:
        for table in metadata.sorted_tables:
            if table is not resolution:
                connection.execute(delete(table))
        rolled = case((resolution.c.rolled_until.is_not(None), 0))
        connection.execute(update(resolution).values(rolled_until=rolled, kept_since=0))
        stored_settings.write(connection, SERIES_EPOCH, str(next(SEGMENTS)))


def test_two_processes_roll_up_and_ingest_at_once(where: str, ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START + 30 * step for step in range(480)])
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with open_ledger(where) as mine:
                for hour in range(1, 6):
                    rollup.roll_up(mine.engine, START + hour * HOUR, step_rows=7)
                    take_in(mine, journal.parent / f"journal-{number}", [START + number, START + hour * 600 + number])
                    mine.retain(KEEP, now=START + (hour + 8) * HOUR, pause_s=0, chunk=5)
        except BaseException as error:  # noqa: BLE001  # told to the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert total(ledger, START, START + DAY) == 480 + 20
    ledger.roll_up(now=START + DAY)
    assert sum(stored(ledger, "hour").values()) == sum(stored(ledger, "stratum_hour").values()) == 500


def test_a_crash_within_a_step_leaves_it_not_begun(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [START])

    @event.listens_for(ledger.engine, "before_cursor_execute")
    def _die(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO ten_minute_metric"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.roll_up(now=START + DAY)
    assert stored(ledger, "ten_minute") == {}
    event.remove(ledger.engine, "before_cursor_execute", _die)
    ledger.roll_up(now=START + DAY)
    assert list(stored(ledger, "hour").values()) == [1]


def test_figures_are_the_same_however_they_are_kept(ledger: Ledger, journal: Path) -> None:
    dice = random.Random(5)
    starts = [START + dice.random() * 5 * HOUR for _ in range(300)]
    for at in starts:
        take_in(
            ledger, journal, [at], ttft_ms=dice.lognormvariate(6, 0.5), outcome=dice.choice([1, 1, 1, PROVIDER_ERROR])
        )
    fresh = rounded(ledger)
    ledger.roll_up(now=START + 6 * HOUR)
    assert rounded(ledger) == fresh
    ledger.retain(KEEP, now=START + 9 * DAY, pause_s=0)
    assert rounded(ledger) == fresh


def rounded(ledger: Ledger) -> object:
    """Return the report of the first hours; sums of floats are the same to all but their last digit."""
    document = ledger.measure(START, START + 5 * HOUR).document()
    return json.loads(json.dumps(document), parse_float=lambda text: round(float(text), 9))
