"""Where did a change of the p95 come from: other work (mix), the provider, or the service itself.

The mix's part is what the p95 would be had only the shares of the strata changed: the baseline's values under today's
weights. The provider's part is by how much the peers' p95 moved beyond their own mix. The rest is the service's own.
Source: Kitagawa (1955), decomposition of a difference between two rates, applied to a quantile; the parts add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paceline.governance.statistics.tally import Floats, Tally

__all__ = ["Split", "quantile", "split"]

_BUCKETS_PER_OCTAVE = 32


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of the change of a p95, as factors: 1.1 is 10 % more. `mix * provider * own` is `total`."""

    total: float
    mix: float
    provider: float
    own: float
    peers: int = 0
    """Services it was compared with; without any the provider's part is not known, and 1."""

    @property
    def shares(self) -> tuple[float, float, float]:
        """Parts of mix, provider and own in the change, adding up to 1; all 0 where nothing changed."""
        logs = np.log([self.mix, self.provider, self.own])
        whole = float(logs.sum())
        if abs(whole) < 1e-9:
            return (0.0, 0.0, 0.0)
        return (float(logs[0]) / whole, float(logs[1]) / whole, float(logs[2]) / whole)


def split(before: Tally, now: Tally, peers: Sequence[tuple[Tally, Tally]], strata: int) -> Split:
    """Divide the change of the p95 between two tallies; `peers` are before and now of services on the same provider.

    Error: that of three p95s, each half a bucket (1.1 %) and its sampling error; strata that the baseline does not have
    count with today's values in the mix's part, for they are other work.
    """
    mixed = _mixed(before, now, strata)
    total = quantile(_histogram(now)) / quantile(_histogram(before))
    mix = quantile(mixed) / quantile(_histogram(before))
    moved = [quantile(_histogram(late)) / quantile(_mixed(early, late, strata)) for early, late in peers]
    provider = float(np.exp(np.median(np.log(moved)))) if moved else 1.0
    return Split(total, mix, provider, total / mix / provider, len(moved))


def quantile(histogram: Floats, at: float = 0.95) -> float:
    """Return a quantile of a histogram of log buckets, relative to bucket 0; inside a bucket by geometric steps."""
    if not histogram.sum():
        message = "a quantile of no requests"
        raise ValueError(message)
    above = histogram.cumsum()
    wanted = at * above[-1]
    bucket = int(np.searchsorted(above, wanted))
    inside = (wanted - (above[bucket] - histogram[bucket])) / histogram[bucket]
    return float(2.0 ** ((bucket + inside) / _BUCKETS_PER_OCTAVE))


def _histogram(tally: Tally) -> Floats:
    return np.bincount(tally.bucket, weights=tally.n).astype(np.float64)


def _mixed(before: Tally, now: Tally, strata: int) -> Floats:
    """Weigh the baseline's values by today's strata; of strata that are new, today's values."""
    had, has = before.mix(strata), now.mix(strata)
    weight = np.divide(has, had, out=np.zeros(strata), where=had > 0)
    width = int(max(before.bucket.max(initial=0), now.bucket.max(initial=0))) + 1
    old = np.bincount(before.bucket, weights=before.n * weight[before.stratum], minlength=width)
    fresh = had[now.stratum] == 0
    new = np.bincount(now.bucket[fresh], weights=now.n[fresh], minlength=width)
    return np.asarray(old + new, dtype=np.float64)
