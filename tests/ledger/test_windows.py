"""Which rows make a window up: all of it, each minute once, and only rows that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from paceline.ledger import open_ledger, windows
from paceline.ledger.engine import writing
from paceline.ledger.resolutions import Level, ceil, floor, takes
from paceline.ledger.resolutions import read as read_reach
from paceline.ledger.schema import ROWS, STRATA, resolution

EACH = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MINUTES = st.integers(0, 7_000)


@st.composite
def reaches(draw: st.DrawFn) -> dict[str, tuple[int | None, int]]:
    """Draw how far resolutions reach, as roll-up and retention may leave them behind: rolled until, kept since."""
    tens = floor(draw(MINUTES), 10)
    hours = floor(draw(st.integers(0, tens)), 60)
    strata_hours = floor(draw(MINUTES), 60)
    days = floor(draw(st.integers(0, hours)), 1_440)
    of_hours = floor(draw(st.integers(0, days)), 1_440)
    of_tens = floor(draw(st.integers(of_hours, hours)), 60)
    of_minutes = floor(draw(st.integers(of_tens, tens)), 10)
    return {
        "minute": (None, of_minutes),
        "ten_minute": (tens, of_tens),
        "hour": (hours, of_hours),
        "day": (days, floor(draw(st.integers(0, of_hours)), 1_440)),
        "stratum": (None, floor(draw(st.integers(0, strata_hours)), 60)),
        "stratum_hour": (strata_hours, 0),
    }


@EACH
@given(
    reach=reaches(),
    span=st.tuples(MINUTES, st.integers(0, 4_000)),
    of=st.sampled_from(["rows", "strata"]),
    finest=st.sampled_from([None, 1, 10, 60]),
)
def test_every_minute_is_read_once_and_where_it_is(
    reach: dict[str, tuple[int | None, int]], span: tuple[int, int], of: str, finest: int | None, tmp_path: Path
) -> None:
    levels: Sequence[Level] = ROWS if of == "rows" else STRATA
    since, length = span
    with open_ledger(tmp_path) as ledger, writing(ledger.engine) as connection:
        for name, (until, kept) in reach.items():
            state = update(resolution).where(resolution.c.name == name)
            connection.execute(state.values(rolled_until=until, kept_since=kept))
        found = windows.window(connection, since, since + length, levels=levels, finest=finest)
        inside = windows.window_inside(connection, since, since + length)
        known = read_reach(connection)
    assert found.since <= since
    assert found.until >= since + length or not length
    assert since <= inside.since
    assert inside.until <= max(inside.since, since + length)
    for window in (found, inside):
        at = window.since
        for part in window.parts:
            assert part.since == at < part.until
            at = part.until
            rolled, kept = reach[part.level.name]
            assert part.since % part.level.minutes == part.until % part.level.minutes == 0
            assert rolled is None or part.until <= rolled
            assert part.since >= kept or part.level is levels[-1] or window is inside
            if window is found and finest is not None and part.level is not levels[0] and part.level.minutes > finest:
                finer = levels[levels.index(part.level) - 1]
                assert part.until <= reach[finer.name][1]
            # what comes in now for a minute of this part is added to the rows it is read from
            assert window is inside or all(
                takes(part.level, levels, known, minute) for minute in (part.since, part.until - 1)
            )
        assert at == window.until or not window.parts


def test_buckets() -> None:
    assert [floor(minute, 10) for minute in (0, 9, 10, 19)] == [0, 0, 10, 10]
    assert [ceil(minute, 10) for minute in (0, 1, 10, 11)] == [0, 10, 10, 20]


def test_a_long_window_is_read_by_the_hour_and_its_edges_by_the_minute(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, writing(ledger.engine) as connection:
        connection.execute(update(resolution).where(resolution.c.rolled_until.is_not(None)).values(rolled_until=600))
        coarse = windows.window(connection, 55, 655)
        fine = windows.window(connection, 55, 655, finest=1)
    assert [(part.level.name, part.since, part.until) for part in coarse.parts] == [
        ("minute", 55, 60),
        ("hour", 60, 600),
        ("minute", 600, 655),
    ]
    assert [(part.level.name, part.since, part.until) for part in fine.parts] == [("minute", 55, 655)]
