"""Rows of strata added up: counters exactly, limits and measures by the native module; in any order. Reads nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from paceline.ledger.resolutions import floor

StratumRow = tuple[Any, ...]
"""Minute, series, input bucket, output bucket, then `STRATUM_COUNTERS`, limits, measures: a table's columns."""


def merged(rows: Iterable[StratumRow], minutes: int) -> Iterator[StratumRow]:
    """Yield rows of so many minutes, each the sum of those that begin within it, in the order of their keys."""
    from paceline import _core

    found: dict[tuple[int, ...], list[StratumRow]] = defaultdict(list)
    for row in rows:
        found[floor(row[0], minutes), *row[1:4]].append(row)
    for key in sorted(found):
        alike = found[key]
        if len(alike) == 1:
            yield (*key, *alike[0][4:])
            continue
        counters = (sum(column) for column in zip(*(row[4:-2] for row in alike), strict=True))
        limits = _core.merge_limits([bytes(row[-2]) for row in alike])
        yield (*key, *counters, limits, _core.merge_measures([bytes(row[-1]) for row in alike]))
