"""What readers of the ledger's sums get: one tuple a row, typed and named, units in the names.

Times are whole minutes since 1970; a row covers `minutes` of them from `minute` on, by the requests' starts. `_nanousd`
are billionths of a US dollar. A name is None where rows were added up over it, and empty where requests had none.
`columns` turns rows into columns that numpy takes as they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Count(NamedTuple):
    """Exact counts of the requests of one group in one piece of time."""

    minute: int
    minutes: int
    service: str | None
    use_case: str | None
    model: str | None
    deployment: str | None
    plan: str | None
    """First 16 hex digits of its hash."""
    n: int
    """Everything that came. The outcomes from `n_ok` to `n_lost` add up to it."""
    n_ok: int
    n_refused: int
    n_caller_error: int
    n_provider_error: int
    n_gateway_error: int
    n_cancelled: int
    """Callers that left: neither answered nor failed."""
    n_truncated: int
    n_timeout_connect: int
    n_timeout_first_token: int
    n_timeout_stall: int
    n_timeout_total: int
    n_lost: int
    n_streamed: int
    n_off_standard: int
    n_untagged: int
    n_cap_added: int
    n_ended_by_length: int
    n_tokens: int
    """Requests whose tokens were counted or estimated."""
    n_tokens_estimated: int
    tokens_input: int
    """With `tokens_cached` and `tokens_cache_write`."""
    tokens_cached: int
    tokens_cache_write: int
    tokens_output: int
    """With `tokens_reasoning`."""
    tokens_reasoning: int
    n_cost_due: int
    """Requests that a provider charges for."""
    n_cost: int
    """Of them, those whose cost is known."""
    cost_nanousd: int
    n_compared: int
    """Requests whose cost with the use case's default model is known too."""
    compared_nanousd: int
    default_nanousd: int
    request_bytes: int
    response_bytes: int
    other_nanousd: int
    """Of attempts beside those that answered; not in `cost_nanousd`."""

    @property
    def n_failed(self) -> int:
        """Return the requests that were to be answered and were not: they count as over every limit."""
        return self.n - self.n_ok - self.n_refused - self.n_caller_error - self.n_cancelled


class LimitRow(NamedTuple):
    """Requests of one group in one piece of time against one published limit, counted exactly by the gateway."""

    minute: int
    minutes: int
    service: str | None
    use_case: str | None
    model: str | None
    deployment: str | None
    plan: str | None
    """First 16 hex digits of its hash: in it stands the limit's value."""
    metric: str
    percentile: str
    """`p50`, `p90`, `p95`, `p99`, or `mean` for a share."""
    n: int
    """Requests judged, failed ones among them."""
    over: int
    """Of them, those over the limit; every failed one is."""


class MetricSketch(NamedTuple):
    """Values of one metric of one group in one piece of time. Unit in the metric's name."""

    minute: int
    minutes: int
    service: str | None
    use_case: str | None
    model: str | None
    deployment: str | None
    plan: str | None
    metric: str
    n: int
    """Values, all of them in the sketch."""
    n_failed: int
    """Failed requests beside them, which count as infinite."""
    total: float
    """Sum of the values."""
    sketch: bytes
    """For `paceline._core.quantiles`, `merge` and `buckets`."""


class Stratum(NamedTuple):
    """Requests of one series that are alike in length: the unit in which like is compared with like."""

    minute: int
    minutes: int
    """10, or 60."""
    service: str
    use_case: str
    model: str
    deployment: str
    plan: str
    """First 16 hex digits of its hash."""
    input_bucket: int
    """Index of the bucket of input tokens: 0-1k, 1k-4k, 4k-16k, 16k-64k, 64k+ (`paceline._core.INPUT_BOUNDS`).
    Estimated from the request's bytes where a failed request's tokens were not counted."""
    output_bucket: int
    """Index of the bucket of output tokens: 0-64, 64-256, 256-1k, 1k+ (`OUTPUT_BOUNDS`)."""
    n: int
    n_ok: int
    n_failed: int
    """Requests that were to be answered and were not: they count as over every limit."""
    n_refused: int
    n_caller_error: int
    n_cancelled: int
    n_streamed: int
    n_ended_by_length: int
    n_cut_by_cap: int
    """Answers that ended because of a cap that the gateway had added."""
    n_retried: int
    n_fallback: int
    n_hedged: int
    n_cache_hit: int
    """Served from the exact cache; their times are in the sketches, their tokens and cost are not theirs."""
    n_tokens: int
    tokens_input: int
    tokens_cached: int
    tokens_cache_write: int
    tokens_output: int
    tokens_reasoning: int
    n_cost_due: int
    n_cost: int
    cost_nanousd: int
    other_nanousd: int
    packed_limits: bytes
    packed_measures: bytes

    def limits(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return by metric and percentile the requests judged, and of them those over the limit. Exact."""
        from paceline import _core

        return {(metric, at): (n, over) for metric, at, n, over in _core.limits(self.packed_limits)}

    def measures(self) -> dict[str, Measured]:
        """Return the measures that have values or failed requests, of `paceline._core.STRATUM_MEASURES`."""
        from paceline import _core

        rows = _core.measures(self.packed_measures)
        return {name: Measured(n, n_failed, total, sketch) for name, n, n_failed, total, sketch in rows}


class Measured(NamedTuple):
    """Values of one metric. Unit in the metric's name."""

    n: int
    n_failed: int
    """Failed requests beside the values, which count as infinite."""
    total: float
    """Sum of the values."""
    sketch: bytes
    """For `paceline._core.quantiles`, `merge` and `buckets`."""


def columns(rows: Iterable[tuple[Any, ...]], names: Sequence[str]) -> dict[str, array[int] | array[float] | list[Any]]:
    """Return the named fields of rows of one kind as columns.

    Whole numbers and floats come as arrays, which `numpy.asarray` does not copy, everything else as a list.
    """
    kept = list(rows)
    return {name: _column([getattr(row, name) for row in kept]) for name in names}


def _column(values: list[Any]) -> array[int] | array[float] | list[Any]:
    if values and isinstance(values[0], int):
        return array("q", values)
    return array("d", values) if values and isinstance(values[0], float) else values
