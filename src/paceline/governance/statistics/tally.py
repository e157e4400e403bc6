"""How many requests of a kind took longer than such requests used to: counts by hour, from histograms by stratum.

A stratum is work that is alike (use case, model, deployment, bucket of input length, bucket of output length). Each has
its own threshold from a baseline, so that longer prompts or another model's share raise nothing by themselves. A
threshold is a bound of the ledger's sketches, hence every count is exact; it is the bound nearest to the percentile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "Floats", "Hourly", "Tally", "Thresholds", "added", "alike", "excess", "means", "thresholds"]

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MEAN_MOVED: Final = 0.15

STRATUM_MIN: Final = 30
"""Requests in the baseline below which a stratum is not compared: its threshold would be noise."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A service's requests as rows: `n` of them in an hour, a stratum and a bucket of the value. Columns, equal length.

    Buckets are those of the ledger's sketches (`paceline._core.buckets`) shifted to begin at 0: bucket `i` is longer
    than every one before it. A failed request goes to the last bucket: it took longer than all.
    """

    hour: Counts
    """Whole hours since 1970."""
    stratum: Counts
    """Numbers of strata, from 0, the same in every tally that is compared."""
    bucket: Counts
    n: Counts
    input_tokens: Counts | None = None
    """Of the `n` requests together, so that `alike` can tell whether a stratum still holds the same work."""

    def during(self, hours: Counts) -> Tally:
        """Return the rows of these hours."""
        kept = np.isin(self.hour, hours)
        tokens = None if self.input_tokens is None else self.input_tokens[kept]
        return Tally(self.hour[kept], self.stratum[kept], self.bucket[kept], self.n[kept], tokens)

    def mix(self, strata: int) -> Floats:
        """Return the requests of each of so many strata."""
        return np.bincount(self.stratum, weights=self.n, minlength=strata)[:strata].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """By stratum: the bucket above which a request is slow, and the baseline's share of such requests."""

    bucket: Counts
    share: Floats
    """Between 0 and 1; NaN where the stratum is not compared."""

    def only(self, kept: npt.NDArray[np.bool_]) -> Thresholds:
        """Compare these strata only."""
        return Thresholds(self.bucket, np.where(kept, self.share, np.nan))


@dataclass(frozen=True, slots=True)
class Hourly:
    """By hour: what was seen, and what the baseline expects of the same mix. Same unit, any unit."""

    seen: Floats
    expected: Floats

    @property
    def ratio(self) -> float:
        """Seen over expected; NaN where nothing is expected."""
        expected = float(self.expected.sum())
        return float(self.seen.sum()) / expected if expected else float("nan")


def alike(before: Tally, now: Tally, strata: int) -> npt.NDArray[np.bool_]:
    """Say which strata still hold the same work: their mean input length moved by at most 15 %.

    A bucket of lengths is wide: where 5,000-token prompts become 12,000-token ones inside 4k-16k, slower is no
    regression. It asks about lengths only, never about times, so leaving strata out biases nothing.
    """
    if before.input_tokens is None or now.input_tokens is None:
        return np.ones(strata, dtype=np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        was = np.bincount(before.stratum, weights=before.input_tokens, minlength=strata) / before.mix(strata)
        is_ = np.bincount(now.stratum, weights=now.input_tokens, minlength=strata) / now.mix(strata)
        return np.asarray(np.abs(np.log(is_ / was)) <= math.log1p(_MEAN_MOVED), dtype=np.bool_)


def added(parts: Sequence[Hourly]) -> Hourly:
    """Add up services over the same hours; at least one."""
    seen = np.sum([part.seen for part in parts], axis=0, dtype=np.float64)
    return Hourly(np.asarray(seen), np.asarray(np.sum([part.expected for part in parts], axis=0, dtype=np.float64)))


def thresholds(baseline: Tally, strata: int, percentile: float = 0.95) -> Thresholds:
    """Take each stratum's threshold from a baseline: the bucket's bound whose share above is nearest to the percentile.

    The share is the exact one above that bound, so a coarse bound makes no bias. One request is added above it and in
    all, `(k + 1) / (n + 1)`: the mean share of new values above the k-th largest of n. Its standard error is that of a
    share of the stratum's `n`, and is resampled with the baseline's hours by `ratio.compared`.
    """
    width = int(baseline.bucket.max(initial=0)) + 1
    flat = np.bincount(baseline.stratum * width + baseline.bucket, weights=baseline.n, minlength=strata * width)
    table = flat[: strata * width].reshape(strata, width)
    total = table.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        above = (total[:, None] - table.cumsum(axis=1)) / total[:, None]
    known = total >= STRATUM_MIN
    bucket = np.argmin(np.abs(np.where(known[:, None], above, 1.0) - (1.0 - percentile)), axis=1)
    slow = above[np.arange(strata), bucket] * total
    share = np.where(known, (slow + 1.0) / (total + 1.0), np.nan)
    return Thresholds(bucket.astype(np.int64), share)


def excess(tally: Tally, limits: Thresholds, hours: Counts) -> Hourly:
    """Count by hour the requests above their stratum's threshold, beside those that the baseline's shares expect."""
    share = limits.share[tally.stratum]
    known = ~np.isnan(share)
    above = known & (tally.bucket > limits.bucket[tally.stratum])
    expected = np.where(known, share, 0.0) * tally.n
    return Hourly(_by_hour(tally.hour, above * tally.n, hours), _by_hour(tally.hour, expected, hours))


def means(tally: Tally, value: Floats, baseline: Tally, baseline_value: Floats, hours: Counts) -> Hourly:
    """Add up a value by hour (cost in nano-USD, tokens), beside what the baseline's means by stratum expect.

    `value` is the sum over the `n` requests of each row. Strata without a baseline are left out on both sides.
    """
    strata = 1 + int(max(tally.stratum.max(initial=0), baseline.stratum.max(initial=0)))
    n = baseline.mix(strata)
    total = np.bincount(baseline.stratum, weights=baseline_value, minlength=strata)
    mean = np.divide(total, n, out=np.full(strata, np.nan), where=n >= STRATUM_MIN)[tally.stratum]
    known = ~np.isnan(mean)
    expected = np.where(known, mean, 0.0) * tally.n
    return Hourly(_by_hour(tally.hour, np.where(known, value, 0.0), hours), _by_hour(tally.hour, expected, hours))


def _by_hour(hour: Counts, weights: Floats | Counts, hours: Counts) -> Floats:
    """Add up weights by hour; `hours` are sorted, and others are left out."""
    place = np.minimum(np.searchsorted(hours, hour), len(hours) - 1)
    inside = hours[place] == hour
    sums = np.bincount(place[inside], weights=weights[inside], minlength=len(hours))
    return np.asarray(sums, dtype=np.float64)
