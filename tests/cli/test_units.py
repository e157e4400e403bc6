"""Figures in words."""

import pytest

from paceline.cli.rendering import units


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, units.NONE), (0.42, "0.42 ms"), (17.23, "17.2 ms"), (812.4, "812 ms"), (1420, "1.42 s"), (95_000, "95.0 s"),
     (720_000, "12.0 min"), (86_400_000, "24.0 h")],
)  # fmt: skip
def test_milliseconds(value: float | None, words: str) -> None:
    assert units.milliseconds(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, units.NONE), (0, "0 %"), (1, "100 %"), (0.0716, "7.2 %"), (0.00042, "0.04 %"), (0.00001, "<0.01 %"),
     (0.99999, "99.9 %")],
)  # fmt: skip
def test_shares(value: float | None, words: str) -> None:
    assert units.share(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, units.NONE), (0, "$0"), (0.000421, "$0.00042"), (0.184, "$0.18"), (1204.4, "$1,204")]
)
def test_dollars(value: float | None, words: str) -> None:
    assert units.dollars(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, units.NONE), (1012, "1,012"), (1_204_000, "1.20 M"), (402_113, "402 k")]
)
def test_counts(value: float | None, words: str) -> None:
    assert units.count(value) == words


@pytest.mark.parametrize(("value", "words"), [(None, units.NONE), (84.2, "84 µs"), (1190, "1.19 ms")])
def test_microseconds(value: float | None, words: str) -> None:
    assert units.microseconds(value) == words


def test_a_metric_is_written_in_its_unit() -> None:
    written = [units.of_metric(name, 0.005) for name in ("ttft_ms", "cost_usd", "error_share")]
    assert written == ["0.01 ms", "$0.005", "0.5 %"]
