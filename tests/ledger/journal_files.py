"""Writes journal segments byte by byte, from the format's description rather than its code: a second opinion on it.

Only for tests: no mapping, no recovery, one segment at a time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

UNDEFINED = 0xFFFFFFFF
OK, REFUSED, CALLER_ERROR, PROVIDER_ERROR, CANCELLED, LOST = 1, 2, 3, 4, 6, 12
STREAMED = 1
CHAT = 0
GATEWAY = bytes(range(16))
METRICS = ("ttft_ms", "ttfv_ms", "tpot_ms", "stall_ms", "total_ms", "cost_usd", "error_share", "job_age_ms")
PERCENTILES = ("p50", "p90", "p95", "p99", "mean")
_FIXED = struct.Struct("<I4B2B3H16sQQI4B17I9IqqqQQ")
CACHE = ("none", "miss", "hit", "shared", "stale", "bypassed")
PREFIX = ("none", "hit", "first", "expired", "tools", "system", "history", "provider")
_HEADER = struct.Struct("<8s16sQQIIII")


def mask(*limits: tuple[str, str]) -> int:
    """Return the bit set of limits, each a metric and a percentile."""
    return sum(1 << METRICS.index(metric) * 5 + PERCENTILES.index(percentile) for metric, percentile in limits)


@dataclass
class Record:
    """One usage record. Times in milliseconds; None means undefined."""

    number: int
    start_s: float = 1_000_000_020.0
    service: str = "helpdesk"
    use_case: str = "support-chat"
    model: str = "small"
    deployment: str = "sim/small-8b"
    plan: int = 0x0123456789ABCDEF
    outcome: int = OK
    api: int = CHAT
    flags: int = STREAMED
    ttft_ms: float | None = 500.0
    total_ms: float | None = 2000.0
    overhead_us: float | None = 50.0
    tokens: tuple[int, int, int, int, int] = (100, 0, 0, 20, 0)
    token_source: int = 1
    cost_nanousd: int = 1_000
    default_cost_nanousd: int = -1
    judged: int = 0
    over: int = 0
    code: int = 0
    attempts: int = 1
    lane: int = 1
    cache: str = "none"
    prefix: str = "none"
    queue_ms: float | None = None
    other_cost_nanousd: int = 0
    instants_us: tuple[int, ...] | None = None
    """Body, sent, headers, first, visible, last, end: microseconds since the start."""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> bytes:
        """Sorts by time, as the gateway's do."""
        return int(self.start_s * 1000).to_bytes(6, "big") + b"\x70\x00\x80" + self.number.to_bytes(7, "big")

    def encode(self) -> bytes:
        """Return the stored form, checksum included."""
        ms = [self.ttft_ms, self.ttft_ms, None, None, self.total_ms]
        measured = [_units(value, 1000) for value in ms]
        half = None if self.overhead_us is None else self.overhead_us / 2
        times = [*(self.instants_us or [UNDEFINED] * 7), *measured, _units(half, 1000), _units(half, 1000), 0]
        times += [_units(self.queue_ms, 1000), UNDEFINED]
        input_, cached, cache_write, output, reasoning = self.tokens
        counts = [output, input_, cached, cache_write, output, reasoning, 400, 800, 0]
        fixed = _FIXED.pack(
            *(0, 2, self.api, self.outcome, 1, self.token_source, self.attempts, self.code, 200, 200),
            *(self.id, round(self.start_s * 1e6), self.plan, self.flags),
            *(self.lane, CACHE.index(self.cache), PREFIX.index(self.prefix), 0, *times, *counts),
            *(self.cost_nanousd, self.default_cost_nanousd, self.other_cost_nanousd, self.judged, self.over),
        )
        order = ("service", "use_case", "deployment", "model", "key", "model_asked", "session", "reason")
        own = {"service": self.service, "use_case": self.use_case, "deployment": self.deployment, "model": self.model}
        texts = [(own | self.names).get(name, "").encode() for name in (*order, "model_served", "provider_request")]
        body = fixed.ljust(200, b"\0") + b"".join(bytes([len(text)]) + text for text in texts)
        return _with_checksum(body.ljust(512, b"\0"))


def void() -> bytes:
    """Return the marker of a slot that was reserved and never written."""
    return _with_checksum(bytes(4) + b"\xff" + bytes(507))


def write_segment(
    directory: Path,
    sequence: int,
    slots: Iterable[Record | bytes],
    *,
    capacity: int | None = None,
    sealed: bool = True,
    created_us: int = 7,
) -> Path:
    """Write a segment with these slots; `capacity` leaves room for more."""
    stored = [slot if isinstance(slot, bytes) else slot.encode() for slot in slots]
    room = capacity or len(stored)
    state, count = (2, len(stored)) if sealed else (0, 0)
    header = _HEADER.pack(b"PACEJNL1", GATEWAY, sequence, created_us, 512, room, state, count).ljust(512, b"\0")
    directory.mkdir(exist_ok=True)
    path = directory / f"segment-{sequence:016x}.jnl"
    path.write_bytes((header + b"".join(stored)).ljust(512 + 512 * room, b"\0"))
    return path


def _with_checksum(body: bytes) -> bytes:
    return struct.pack("<I", max(1, zlib.crc32(body[4:]))) + body[4:]


def _units(value: float | None, scale: int) -> int:
    return UNDEFINED if value is None else round(value * scale)
