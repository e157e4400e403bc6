"""One request from the caller's first byte to its cost, and a request as a line of a live table. Never its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from paceline.codes import CodePage, CodeUnknownError, page
from paceline.dashboard.sources import Sources
from paceline.ledger.recent import RequestRow
from paceline.ledger.requests import LIMITS

__all__ = ["Shown", "of_row", "one", "shown"]

_PARTS: Final = (
    ("read", "the caller's request came in", "body_us"),
    ("gateway", "what the gateway did before sending, the queue among it", "sent_us"),
    ("provider", "until the provider's head", "headers_us"),
    ("first token", "until the first token", "first_us"),
    ("decode", "until the last token", "last_us"),
    ("end", "until the stream closed", "end_us"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as people read it. Milliseconds and US dollars; None is unknown or did not happen."""

    id: str
    at: float
    service: str
    use_case: str
    model: str
    deployment: str
    outcome: str
    tone: str
    code: str
    """`G601`; empty for none."""
    ttft_ms: float | None
    total_ms: float | None
    tokens_input: int
    tokens_output: int
    cost: float | None
    is_over: bool
    attempts: int
    cache: str


def one(sources: Sources, number: str) -> dict[str, Any] | None:
    """Return one request: what it was, its times one after the other, its tokens and money; none for none."""
    row = sources.ledger.requests.get(number)
    if row is None:
        return None
    facts = of_row(row)
    rest = {name: value for name, value in row.items() if value not in (None, "", 0) and name not in _TOLD}
    said = shown(facts)
    parts = _parts(row)
    whole = sum(length for _, length, _, _ in parts)
    return {
        "request": said,
        "row": row,
        "parts_of_time": parts,
        "stack": [(name, length, words) for name, length, words, _ in parts if length * 500 >= whole],
        "rest": [_said(name, value) for name, value in sorted(rest.items())],
        "meaning": _meaning(said),
        "over": [
            name.replace("_ms", "").replace(".", " ") for name, bit in LIMITS.items() if facts.over_limit >> bit & 1
        ],
    }


def of_row(row: Mapping[Any, Any]) -> RequestRow:
    """Return a row of the ledger as what is remembered of requests."""
    return RequestRow._make((bytes(row["id"]).hex(), *(row[name] for name in RequestRow._fields[1:])))


def shown(row: RequestRow) -> Shown:
    """Say a row of the ledger."""
    total = row.total_us if row.total_us is not None else row.end_us
    return Shown(
        row.id,
        row.start_us / 1e6,
        row.service,
        row.use_case,
        row.model,
        row.deployment,
        row.outcome.replace("_", " "),
        _tone(row),
        f"G{row.code}" if row.code else "",
        None if row.ttft_us is None else row.ttft_us / 1e3,
        None if total is None else total / 1e3,
        row.tokens_input,
        row.tokens_output,
        None if row.cost_nanousd is None else row.cost_nanousd / 1e9,
        bool(row.over_limit),
        row.attempts,
        row.cache,
    )


_IDS: Final = frozenset({"provider_status"})
_TOLD: Final = frozenset(
    {
        *RequestRow._fields,
        *("body_us", "sent_us", "headers_us", "first_us", "visible_us", "last_us", "flags", "judged"),
    }
)


def _tone(row: RequestRow) -> str:
    if row.outcome == "ok":
        return "warn" if row.over_limit else "good"
    return "quiet" if row.outcome in {"refused", "caller_error", "cancelled"} else "bad"


def _said(name: str, value: Any) -> tuple[str, str]:
    """Return a column and its value as people read them."""
    for suffix, per_ms in (("_us", 1e3), ("_ns", 1e6)):
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", " "), _time(value / per_ms)
    if name.endswith("_nanousd"):
        return name.removesuffix("_nanousd").replace("_", " "), f"${value / 1e9:.3g}"
    return name.replace("_", " "), f"{value:,}" if isinstance(value, int) and name not in _IDS else str(value)


def _time(ms: float) -> str:
    return f"{ms:,.1f} ms" if ms >= 0.1 else f"{ms * 1e3:.0f} µs"


def _meaning(said: Shown) -> CodePage | None:
    try:
        return page(said.code) if said.code else None
    except CodeUnknownError:  # of a newer gateway
        return None


def _parts(row: Mapping[Any, Any]) -> list[tuple[str, float, str, str]]:
    """Return the steps of a request's time: name, milliseconds, the same in words, what it is."""
    found, before = [], 0
    for name, what, column in _PARTS:
        at = row[column]
        if at is None or at < before:
            continue
        length = (at - before) / 1e3
        found.append((name, length, _time(length), what))
        before = at
    return found
