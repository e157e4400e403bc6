"""The native module: gateway, plan check, journal fold, simulated provider. Typed here, written in Rust.

Owns the types that Python sees; `stubtest` proves them against the built module. Exceptions:
`CoreError` ← `PlanFault`, `JournalFault`, `PanicFault`; a bind that fails is an `OSError`.
"""

from os import PathLike
from typing import Final, TypedDict, final, type_check_only

__all__ = [
    "INPUT_BOUNDS",
    "MEASURES",
    "MINUTE_COUNTERS",
    "MINUTE_EVENTS",
    "OUTPUT_BOUNDS",
    "REQUEST_COLUMNS",
    "STRATUM_COUNTERS",
    "STRATUM_MEASURES",
    "STRATUM_MINUTES",
    "STRATUM_REQUEST_COLUMNS",
    "CoreError",
    "Folded",
    "JournalFault",
    "PanicFault",
    "PlanFault",
    "buckets",
    "check_plan",
    "codes",
    "fold",
    "limits",
    "measures",
    "merge",
    "merge_limits",
    "merge_measures",
    "quantiles",
    "serve",
    "simulate",
    "strata",
    "version",
]

REQUEST_COLUMNS: Final[tuple[str, ...]]
"""Names of a request tuple's fields, in their order."""

MINUTE_COUNTERS: Final[tuple[str, ...]]
"""Names of a minute tuple's counters, after series and minute."""

MINUTE_EVENTS: Final[tuple[str, ...]]
"""Names that `Folded.events` may hold."""

MEASURES: Final[tuple[str, ...]]
"""Names that `Folded.metrics` may hold."""

STRATUM_MINUTES: Final[int]
"""Length of a stratum row."""

STRATUM_COUNTERS: Final[tuple[str, ...]]
"""Names of a stratum tuple's counters, after series, minute and the two buckets."""

STRATUM_REQUEST_COLUMNS: Final[tuple[str, ...]]
"""Columns of a request that `strata` takes, in their order."""

STRATUM_MEASURES: Final[tuple[str, ...]]
"""Names that `measures` may return."""

INPUT_BOUNDS: Final[tuple[int, ...]]
"""Input tokens from which each bucket after the first begins."""

OUTPUT_BOUNDS: Final[tuple[int, ...]]
"""Output tokens from which each bucket after the first begins."""

@type_check_only
class CodeRow(TypedDict):
    """One stable code of the gateway."""

    number: int
    code: str
    name: str
    status: int
    fault: str
    retryable: bool
    advice: str

class CoreError(Exception):
    """Something the native module refused or could not do."""

class PlanFault(CoreError):
    """A plan was refused; `path` is that of the first fault."""

    path: str
    message: str
    hint: str

class JournalFault(CoreError):
    """A journal could not be opened or read."""

class PanicFault(CoreError):
    """A defect in the native module."""

def version() -> str:
    """Version of the native module; equal to the package's."""

def codes() -> list[CodeRow]:
    """Every code the gateway answers with, in the order of their numbers."""

def check_plan(plan: bytes) -> str:
    """Read and compile a plan as the gateway would; return its hash (hex). Raises `PlanFault`."""

def serve(data_dir: str, listen: str, *, threads: int | None = None, takeover: bool = False) -> int:
    """Run a gateway in this process until SIGTERM or SIGINT has drained it; return the exit code.

    With `takeover` it takes the listening socket of the gateway that runs on `data_dir`, which then finishes what is
    connected there and leaves; `listen` means nothing.

    Blocks without holding the interpreter. Raises `OSError` when an address cannot be bound; `PlanFault`;
    `JournalFault`.
    """

@final
class Folded:
    """A piece of one journal segment as rows for `executemany`. Series are numbered by their place in `series`."""

    @property
    def gateway(self) -> str:
        """Hex id of the gateway that wrote the segment."""

    @property
    def segment(self) -> int:
        """Number of the segment."""

    @property
    def created_us(self) -> int:
        """When the segment was made, microseconds since 1970; with gateway and number it names the segment."""

    @property
    def next_slot(self) -> int:
        """Where the next call goes on."""

    @property
    def sealed(self) -> bool:
        """Nothing will be appended to the segment any more."""

    @property
    def complete(self) -> bool:
        """Sealed and read to its end: the file may be deleted once the rows are committed."""

    @property
    def voids(self) -> int:
        """Slots that were reserved and never written."""

    @property
    def damaged(self) -> int:
        """Slots whose checksum does not fit."""

    @property
    def requests(self) -> list[tuple[object, ...]]:
        """One tuple a request: `REQUEST_COLUMNS`."""

    @property
    def series(self) -> list[tuple[str, str, str, str, str]]:
        """Service, use case, model, deployment, plan (16 hex digits)."""

    @property
    def minutes(self) -> list[tuple[int, ...]]:
        """Series, minute (of the Unix epoch), then `MINUTE_COUNTERS`."""

    @property
    def metrics(self) -> list[tuple[int, int, str, int, int, float, bytes]]:
        """Series, minute, measure, values, failed requests beside them, sum, sketch."""

    @property
    def limits(self) -> list[tuple[int, int, str, str, int, int]]:
        """Series, minute, metric, percentile, requests judged, of them over the limit."""

    @property
    def events(self) -> list[tuple[int, int, str, int, int]]:
        """Series, minute, event, requests, money they stand for in billionths of a US dollar."""

    @property
    def strata(self) -> list[tuple[int | bytes, ...]]:
        """Series, minute its ten begin at, input bucket, output bucket, `STRATUM_COUNTERS`, packed limits, measures."""

    @property
    def spent(self) -> list[tuple[int, str, str, str, str, str, int]]:
        """UTC day since 1970, key, service, use case, deployment, plan (16 hex digits), billionths of a US dollar."""

def fold(path: str | PathLike[str], slot: int, slots_max: int = 10_000) -> Folded:
    """Fold the settled slots of one segment file from `slot` on, at most `slots_max`. Raises `JournalFault`."""

def quantiles(sketches: list[bytes], qs: list[float], n_failed: int = 0) -> list[float | None]:
    """Quantiles of the merged sketches, with `n_failed` further values counted as infinite.

    None where there is nothing, or where the rank falls among the failed. Raises `ValueError` for bytes that are no
    sketch.
    """

def merge(sketches: list[bytes]) -> bytes:
    """Add sketches up. Raises `ValueError` for bytes that are no sketch."""

def buckets(sketches: list[bytes]) -> tuple[int, list[int], list[int]]:
    """Return the merged sketches as counts: values of zero and less, indices of buckets with values, their counts.

    Bucket `i` holds values in (2^(i/32), 2^((i+1)/32)]. Raises `ValueError` for bytes that are no sketch.
    """

def strata(
    requests: list[tuple[object, ...]],
) -> tuple[list[tuple[str, str, str, str, str]], list[tuple[int | bytes, ...]]]:
    """Count requests of `STRATUM_REQUEST_COLUMNS` into series and strata as `Folded` has them.

    Raises `ValueError` for what is no row of requests.
    """

def merge_measures(rows: list[bytes]) -> bytes:
    """Add the packed measures of stratum rows up. Raises `ValueError` for other bytes."""

def merge_limits(rows: list[bytes]) -> bytes:
    """Add the packed limits of stratum rows up. Raises `ValueError` for other bytes."""

def measures(packed: bytes) -> list[tuple[str, int, int, float, bytes]]:
    """Measure, values, failed requests beside them, sum of the values, sketch. Raises `ValueError` for other bytes."""

def limits(packed: bytes) -> list[tuple[str, str, int, int]]:
    """Metric, percentile, requests judged, of them over the limit. Raises `ValueError` for other bytes."""

def simulate(config: str) -> int:
    """Run the simulated provider with a JSON configuration until SIGTERM or SIGINT; return the exit code.

    Blocks without holding the interpreter. Raises `ValueError` for the configuration, `OSError` for the address.
    """
