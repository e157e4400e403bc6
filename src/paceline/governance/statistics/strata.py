"""The ledger's strata as tallies: the only place of the statistics that knows the ledger's rows, and still no database.

A tally's stratum is use case, model, deployment and the two buckets of length; plans are added up over, since a change
of the plan is no change of the work. Requests served from the cache have no time at the provider, but their times are
in the ledger's sketches: a stratum's whole sketch is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from paceline.governance.statistics.tally import Counts, Tally
from paceline.ledger.figures import Stratum

__all__ = ["FAILED", "Kind", "Numbers", "tallied"]

Kind = tuple[str, str, str, int, int]
"""Use case, model, deployment, bucket of input length, bucket of output length."""

_SHIFT: Final = 400
"""Added to a sketch's bucket: values from 2^(-400/32), 0.0002 of the unit, have one of their own."""
FAILED: Final = 1_407
"""Bucket of failed requests, above every time: 2^(1006/32) ms is a month."""

_UNKNOWN: Final = -1


class Numbers:
    """Gives each kind of work its number, in the order of appearance; shared by the tallies that are compared."""

    def __init__(self) -> None:
        self._numbers: dict[Kind, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def of(self, kind: Kind) -> int:
        """Return the number of a kind, a new one where it has none."""
        return self._numbers.setdefault(kind, len(self._numbers))


def tallied(rows: Iterable[Stratum], numbers: Numbers, measure: str = "total_ms") -> Tally:
    """Return one service's rows as a tally of one of `paceline._core.STRATUM_MEASURES`.

    Counts are exact; a value is known to its bucket, 2.2 % wide. A row's input tokens are its mean times the requests
    measured; where none was counted, the stratum's mean. Rows without the measure are left out.
    Raises `ValueError` for damaged rows.
    """
    from paceline import _core

    found: list[tuple[int, int, int, int, int]] = []
    for row in rows:
        hour = row.minute // 60
        number = numbers.of((row.use_case, row.model, row.deployment, row.input_bucket, row.output_bucket))
        measured = row.measures().get(measure)
        if measured is None:
            continue
        low, places, many = _core.buckets([measured.sketch])
        cells = [(0, low), *((min(max(at + _SHIFT, 1), FAILED - 1), n) for at, n in zip(places, many, strict=True))]
        cells.append((FAILED, measured.n_failed))
        mean = row.tokens_input // row.n_tokens if row.n_tokens else _UNKNOWN
        found.extend((hour, number, bucket, n, mean) for bucket, n in cells if n)
    table = np.array(found, dtype=np.int64).reshape(-1, 5)
    hours, strata, buckets, counts, means = (table[:, column].copy() for column in range(5))
    return Tally(hours, strata, buckets, counts, counts * _filled(strata, counts, means))


def _filled(stratum: Counts, n: Counts, mean: Counts) -> Counts:
    """Put the stratum's own mean where a row has none: all its requests came from the cache, or failed uncounted."""
    known = mean != _UNKNOWN
    total = np.bincount(stratum[known], weights=(n * mean)[known], minlength=stratum.max(initial=0) + 1)
    many = np.bincount(stratum[known], weights=n[known], minlength=len(total))
    usual = np.divide(total, many, out=np.zeros(len(total)), where=many > 0).astype(np.int64)
    return np.where(known, mean, usual[stratum])
