"""The time a page is about, in its address: a length up to now (`range`), or two moments (`since`, `until`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from paceline.ledger.reading import Resolution

__all__ = ["RANGES", "Range", "SpanError", "TimeSpan", "span_between", "span_of"]

Range = Literal["1h", "24h", "7d", "28d"]

RANGES: Final[dict[Range, tuple[int, str]]] = {
    "1h": (3_600, "the last hour"),
    "24h": (86_400, "the last 24 hours"),
    "7d": (7 * 86_400, "the last 7 days"),
    "28d": (28 * 86_400, "the last 28 days"),
}
"""Length in seconds, in words."""
LENGTH_MAX_S: Final = 400 * 86_400
_POINTS: Final[tuple[tuple[int, Resolution, int], ...]] = (
    (7_200, 1, 1),
    (43_200, 10, 10),
    (86_400, 10, 10),
    (3 * 86_400, 60, 60),
    (7 * 86_400, 60, 60),
    (31 * 86_400, 60, 360),
    (LENGTH_MAX_S, 60, 1_440),
)
"""Up to this length in seconds: the rows that are read, the minutes of one point of a chart."""

_COARSE_FROM_S: Final = 43_200
_PIECES: Final = ((3 * 3_600, 10), (3 * 86_400, 60), (LENGTH_MAX_S, 1_440))
"""Up to this length in seconds: the minutes of one piece of a course."""


class SpanError(ValueError):
    """The address names no span of time: what is wrong, how to write it."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A span of Unix seconds, whole minutes."""

    name: Range | None
    """None for a span between two moments."""
    since: float
    until: float
    resolution: Resolution
    point: int
    """Minutes of one point of a chart."""
    words: str

    @property
    def length(self) -> float:
        """Seconds."""
        return self.until - self.since

    @property
    def key(self) -> object:
        """What figures of it are kept under: a span that ends now is the same a minute later."""
        return self.name or (self.since, self.until)

    @property
    def coarse(self) -> TimeSpan:
        """The same span with points for what is read of all services: hours from half a day on."""
        return self if self.length < _COARSE_FROM_S else replace(self, resolution=60, point=max(60, self.point))

    @property
    def piece(self) -> int:
        """Minutes of one piece of a course that is drawn small: minutes, hours or days."""
        return next(piece for most, piece in _PIECES if self.length <= most)

    @property
    def query(self) -> dict[str, str | None]:
        """What an address says of it: goes along with every link to a page that shows time."""
        if self.name is not None:
            return {"range": self.name}
        return {"since": _written(self.since), "until": _written(self.until)}

    @property
    def before(self) -> TimeSpan:
        """The span of the same length that ended when this one began."""
        words = f"the {self.words.removeprefix('the last ')} before" if self.name else "the time before"
        return TimeSpan(None, self.since - self.length, self.since, self.resolution, self.point, words)


def span_of(name: Range, now: float) -> TimeSpan:
    """Return the span of a name that ends with the minute that has begun: what came in just now is in it."""
    length, words = RANGES[name]
    until = (now // 60 + 1) * 60
    return TimeSpan(name, until - length, until, *_detail(length), words)


def span_between(since: str, until: str | None, now: float) -> TimeSpan:
    """Return the span between two moments as people write them, UTC unless they say; `until` is now if None.

    Raises `SpanError`.
    """
    first = _read("since", since) // 60 * 60
    last = now // 60 * 60 if not until else min(_read("until", until), now) // 60 * 60
    if first >= last:
        raise SpanError("`since` must be earlier than `until`, and not in the future")
    if last - first > LENGTH_MAX_S:
        raise SpanError(f"a page shows at most {LENGTH_MAX_S // 86_400} days: move `since` or `until`")
    words = f"{_written(first).replace('T', ' ')} to {_written(last).replace('T', ' ')}".replace("Z", "")
    return TimeSpan(None, first, last, *_detail(last - first), words)


def _detail(length: float) -> tuple[Resolution, int]:
    resolution, point = next((rows, point) for most, rows, point in _POINTS if length <= most)
    return resolution, point


def _read(name: str, text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise SpanError(f"`{name}` is no time: write 2026-11-23 or 2026-11-23T14:05") from error
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if at < 0:
        raise SpanError(f"`{name}` is before 1970: write 2026-11-23 or 2026-11-23T14:05")
    return at


def _written(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ}"
