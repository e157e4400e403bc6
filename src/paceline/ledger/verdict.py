"""Whether a budget was kept, and how that is said. Decided by exact counters alone; sketches only fill in figures.

A limit on a percentile p is broken when more than 1 - p of the judged requests were over it; a limit on a share (the
percentile `mean`) when the share itself is larger. Below `n_min` requests nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SHARES: Final = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}
_FEW: Final = 20
_WORDS: Final = {
    "ttft_ms": "TTFT",
    "ttfv_ms": "TTFV",
    "tpot_ms": "TPOT",
    "stall_ms": "stall",
    "total_ms": "total",
    "job_age_ms": "job age",
    "cost_usd": "cost",
    "error_share": "errors",
}


class State(StrEnum):
    """What is known of a limit or a whole budget."""

    WITHIN = "within"
    OVER = "over"
    TOO_FEW = "too_few"
    NO_TRAFFIC = "no_traffic"
    NO_BUDGET = "no_budget"


@dataclass(frozen=True)
class Limit:
    """One limit in force and what was counted against it."""

    metric: str
    percentile: str
    """`p50`, `p90`, `p95`, `p99`, or `mean`."""
    value: float
    """In the metric's unit."""
    n: int
    """Requests judged; failed ones count as over."""
    over: int
    measured: float | None
    """The percentile itself, from sketches; None when it is not defined or falls among the failed."""

    @property
    def share_over(self) -> float | None:
        """Return the share of judged requests that were over; None when none was judged."""
        return self.over / self.n if self.n else None

    @property
    def n_min(self) -> int:
        """Return how many requests it takes to tell: enough that one request is not the whole allowance."""
        return max(_FEW, round(1 / _SHARES.get(self.percentile, 1.0)))

    @property
    def state(self) -> State:
        """Return what the counters say."""
        if self.n < self.n_min:
            return State.TOO_FEW if self.n else State.NO_TRAFFIC
        # Compared as counts, since 1 - 0.95 is not 0.05 in binary.
        allowed = _SHARES.get(self.percentile, self.value)
        return State.OVER if self.over > allowed * self.n + 1e-9 else State.WITHIN


def judge(n_requests: int, n_offered: int, limits: Sequence[Limit]) -> tuple[State, str]:
    """Return the state of a service's budget and the verdict in words.

    `n_requests` counts everything that came, `n_offered` what a budget is judged on: answered or failed.
    """
    if n_requests == 0:
        return State.NO_TRAFFIC, "no traffic"
    if not limits:
        return State.NO_BUDGET, "no budget"
    broken = [limit for limit in limits if limit.state is State.OVER]
    if broken:
        return State.OVER, "over budget: " + "; ".join(_broken(limit) for limit in broken)
    if n_offered == 0:
        return State.TOO_FEW, f"nothing to judge: none of {n_requests:,} requests was answered"
    if not any(limit.state is State.WITHIN for limit in limits):
        return State.TOO_FEW, f"too few requests to tell ({n_offered:,})"
    few = ", ".join(f"{_name(limit)} ({limit.n:,})" for limit in limits if limit.state is State.TOO_FEW)
    none = ", ".join(_name(limit) for limit in limits if limit.state is State.NO_TRAFFIC)
    parts = [
        "within budget",
        *([f"too few requests to tell for {few}"] if few else []),
        *([f"none could be judged by {none}"] if none else []),
    ]
    return State.WITHIN, "; ".join(parts)


def in_words(metric: str, value: float) -> str:
    """Write a value in its metric's unit with three significant digits: `1.42 s`, `84.0 ms`, `$0.0042`, `3.1 %`."""
    if metric.endswith("_ms"):
        return f"{_three(value / 1000)} s" if value >= 999.5 else f"{_three(value)} ms"
    if metric.endswith("_usd"):
        return f"${value:.2f}" if value >= 1 else f"${value:.2g}"
    return _percent(value)


def _broken(limit: Limit) -> str:
    if limit.percentile == "mean" and limit.metric.endswith("_share"):
        return f"{_name(limit)} {_percent(limit.over / limit.n)} against {_percent(limit.value)}"
    against = f"against {in_words(limit.metric, limit.value)} ({_percent(limit.over / limit.n)} over)"
    if limit.measured is None:
        return f"{_name(limit)} falls among failed requests, {against}"
    if limit.measured <= limit.value:  # within the sketch's error of the limit, and the counters decide
        return f"{_name(limit)} just above its limit, {against}"
    return f"{_name(limit)} {in_words(limit.metric, limit.measured)} {against}"


def _name(limit: Limit) -> str:
    word = _WORDS.get(limit.metric, limit.metric)
    return word if limit.percentile == "mean" else f"{word} {limit.percentile}"


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _percent(share: float) -> str:
    percent = share * 100
    if percent >= 99.95 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.2g} %"  # a small share is not none
