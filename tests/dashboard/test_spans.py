"""The time of an address: lengths up to now, two moments, what is refused, and what goes along in links."""

from __future__ import annotations

from typing import get_args

import pytest

from paceline.dashboard.spans import Range, SpanError, span_between, span_of

NOW = 1_795_435_225.5  # 2026-11-23 12:00:25 UTC


@pytest.mark.parametrize("name", get_args(Range))
def test_a_length_ends_with_the_minute_that_is(name: Range) -> None:
    span = span_of(name, NOW)
    assert span.until == 1_795_435_260
    assert span.query == {"range": name}
    assert span.key == span_of(name, NOW + 60).key
    assert 5 <= span.length / 60 / span.point <= 200, "a chart has points enough and not too many"
    assert span.before.until == span.since
    assert span.before.length == span.length


def test_two_moments_are_kept_in_links() -> None:
    span = span_between("2026-11-01", "2026-11-03T06:30", NOW)
    assert span.query == {"since": "2026-11-01T00:00Z", "until": "2026-11-03T06:30Z"}
    assert span.words == "2026-11-01 00:00 to 2026-11-03 06:30"
    assert (span.resolution, span.piece) == (60, 60)
    again = span_between(span.query["since"] or "", span.query["until"], NOW)
    assert again == span
    assert span.before.query["until"] == "2026-11-01T00:00Z"


def test_until_is_now_where_it_is_not_said_or_not_yet() -> None:
    for until in (None, "", "2030-01-01"):
        assert span_between("2026-11-23T11:00+00:00", until, NOW).until == 1_795_435_200


@pytest.mark.parametrize(
    ("since", "until", "wrong"),
    [
        ("yesterday", None, "`since` is no time"),
        ("2026-11-01", "soon", "`until` is no time"),
        ("2026-11-02", "2026-11-01", "must be earlier"),
        ("2027-01-01", None, "not in the future"),
        ("2024-01-01", None, "at most 400 days"),
    ],
)
def test_what_is_no_span_says_so(since: str, until: str | None, wrong: str) -> None:
    with pytest.raises(SpanError, match=wrong):
        span_between(since, until, NOW)
