"""Changes are dated, and steady series have none."""

from __future__ import annotations

import numpy as np
import pytest

from paceline.governance.statistics.onset import adjusted, change_points, onset
from paceline.governance.statistics.tally import Floats, Hourly


def series(*levels: tuple[int, float], seed: int = 0, noise: float = 0.1) -> Floats:
    draw = np.random.default_rng(seed)
    return np.concatenate([level + draw.normal(0.0, noise, hours) for hours, level in levels])


@pytest.mark.parametrize("at", [6, 40, 90])
def test_a_step_is_dated_to_the_hour_or_nearly(at: int) -> None:
    point = onset(series((at, 0.0), (96 - at, 0.4)))
    assert point is not None
    assert abs(point.at - at) <= 2
    assert point.after - point.before == pytest.approx(0.4, abs=0.1)


def test_every_change_of_several_is_found() -> None:
    points = change_points(series((40, 0.0), (40, 0.5), (40, 0.1)))
    assert [round(point.at / 40) for point in points] == [1, 2]


def test_a_steady_series_seldom_has_a_change() -> None:
    found = sum(bool(change_points(series((96, 0.0), seed=seed))) for seed in range(100))
    assert found <= 10, "the best of 87 splits is tested as if it were the only one"


def test_short_and_constant_series_have_none() -> None:
    assert onset(np.zeros(9)) is None
    assert onset(np.zeros(50)) is None
    exact = onset(np.array([0.0] * 20 + [1.0] * 20))
    assert exact is not None
    assert (exact.at, exact.p) == (20, 0.0)


def test_peers_are_taken_off() -> None:
    own = Hourly(np.array([9.0, 19.0]), np.array([9.0, 9.0]))
    assert adjusted(own, None) == pytest.approx([0.0, np.log(2)])
    assert adjusted(own, own) == pytest.approx([0.0, 0.0])
