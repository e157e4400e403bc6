"""Sparklines, heat maps, percentile curves: scales, gaps, limits, tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paceline.dashboard.shapes import QUANTILES, Curve, curve_chart, heat_map, spark_of


def test_a_spark_is_seen_against_its_limit() -> None:
    assert spark_of([0.0, 1.0, 2.0], 1.0) == ("M0.0 22.0h1.5L50.0 12.0L100.0 2.0", 12.0)
    assert spark_of([1.0, None, 1.0])[0].count("M") == 2, "gaps stay gaps"
    assert spark_of([]) == ("", None)


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=30), st.none() | st.floats(0, 1e6))
def test_a_spark_stays_in_its_box(values: list[float | None], limit: float | None) -> None:
    path, height = spark_of(values, limit)
    places = [part.split("h")[0].split() for part in path.replace("L", "M").split("M") if part]
    assert all(0 <= float(x) <= 100 and 2 <= float(y) <= 22 for x, y in places)
    assert len(places) == sum(value is not None for value in values)
    assert height is None or 2 <= height <= 22


def test_a_heat_map_is_darkest_where_most_is() -> None:
    drawn = heat_map(
        "Total time", "ms", [(0.0, {40: 1, 41: 25}), (600.0, {40: 4})], 0.0, 1_200.0, step=600, limit=1_100
    )
    assert [(cell[4], cell[5]) for cell in drawn.cells] == [
        (1, "1,024-1,218 ms: 1"),
        (5, "1,218-1,448 ms: 25"),
        (2, "1,024-1,218 ms: 4"),
    ]
    (first, above, later) = (cell[:4] for cell in drawn.cells)
    assert first[0] == above[0] < later[0]
    assert above[1] < first[1], "larger values are higher up"
    assert drawn.limit is not None
    assert first[1] < drawn.limit < first[1] + first[3]
    assert drawn.rows == ((0.0, (1, 25, 0, 0)), (600.0, (4, 0, 0, 0)))
    assert drawn.names[:2] == ("1,024-1,218", "1,218-1,448")


@given(st.dictionaries(st.integers(-20, 80), st.integers(0, 1_000), max_size=30), st.floats(0, 1e9))
def test_a_heat_map_stays_in_its_box_and_counts_all(row: dict[int, int], limit: float) -> None:
    drawn = heat_map("x", "ms", [(0.0, row)], 0.0, 600.0, step=600, limit=limit)
    assert all(x >= 64 and x + w <= 632.1 and y >= 9.9 and y + h <= 196.1 for x, y, w, h, _, _ in drawn.cells)
    assert all(1 <= cell[4] <= 5 for cell in drawn.cells)
    assert sum(drawn.rows[0][1]) == sum(row.values())
    assert drawn.limit is None or 10 <= drawn.limit <= 196


def test_a_curve_spreads_the_tail_and_shows_limits_at_their_percentiles() -> None:
    values = tuple(100.0 * (at + 1) for at in range(len(QUANTILES)))
    drawn = curve_chart("Percentiles", "ms", [Curve("total", values)], [("p95 limit", 0.95, 800.0), ("far", 0.99, 9e9)])
    x = dict(drawn.x_ticks)
    assert x["p99.9"] - x["p99"] > x["p95"] - x["p90"] > 0
    ((words, at, _),) = drawn.limits
    assert (words, at) == ("p95 limit", x["p95"])
    assert drawn.rows[3] == ("p50", ["400"])


def test_a_curve_ends_where_a_percentile_falls_among_the_failed() -> None:
    values = (*(100.0,) * (len(QUANTILES) - 1), None)
    ((_, path),) = curve_chart("x", "ms", [Curve("total", values)]).paths
    assert path.count("L") == len(QUANTILES) - 2
