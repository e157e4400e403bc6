"""Line charts: scales, gaps, marks, limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.dashboard.charts import Line, Mark, line_chart


def test_a_line_goes_from_corner_to_corner() -> None:
    line = Line("p95", ((0.0, 0.0), (3600.0, 100.0)))
    drawn = line_chart("ttft", "ms", [line], 0.0, 3600.0, limits=[("p95 limit", 50.0)])
    assert drawn.paths == (("p95", "M64.0 196.0h1.5L632.0 10.0"),)
    assert drawn.limits == (("p95 limit", 103.0),)
    assert [text for text, _ in drawn.y_ticks] == ["0", "25", "50", "75", "100"]
    assert [text for text, _ in drawn.x_ticks] == ["00:00", "00:10", "00:20", "00:30", "00:40", "00:50", "01:00"]


def test_gaps_stay_gaps() -> None:
    line = Line("p95", ((0.0, 10.0), (60.0, None), (120.0, 10.0), (180.0, 10.0)))
    ((_, path),) = line_chart("x", "ms", [line], 0.0, 180.0).paths
    assert path.count("M") == 2
    assert path.count("L") == 1


def test_nothing_measured_is_an_empty_chart() -> None:
    drawn = line_chart("x", "ms", [Line("p95", ((0.0, None),))], 0.0, 60.0)
    assert drawn.is_empty
    assert drawn.paths == (("p95", ""),)


def test_only_what_happened_within_is_marked() -> None:
    marks = [Mark(-1.0, "before"), Mark(30.0, "deploy: build 41"), Mark(61.0, "after")]
    assert [text for text, _ in line_chart("x", "ms", [], 0.0, 60.0, marks=marks).marks] == ["deploy: build 41"]


@pytest.mark.parametrize("days", [1 / 24, 1, 7, 28])
def test_there_are_a_few_ticks_of_time(days: float) -> None:
    until = 1_795_435_200.0
    assert 3 <= len(line_chart("x", "ms", [], until - days * 86_400, until).x_ticks) <= 8


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=20))
def test_everything_is_drawn_within_its_box(values: list[float]) -> None:
    line = Line("p95", tuple((float(at), value) for at, value in enumerate(values)))
    drawn = line_chart("x", "ms", [line], 0.0, float(len(values)))
    assert all(10.0 <= y <= 196.0 for _, y in drawn.y_ticks)
    heights = [
        float(part.split(" ")[1].split("h")[0]) for part in drawn.paths[0][1].replace("L", "M").split("M") if part
    ]
    assert all(9.9 <= height <= 196.1 for height in heights)
