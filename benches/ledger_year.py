"""A ledger of a year: fills an SQLite file with the sums of many services over 13 months, and says how large it is.

    python benches/ledger_year.py [--services 300] [--days 396] [--requests-per-hour 150] [--ledger FILE]

Nothing goes through ingest: rows of one day, with sketches of drawn values, are repeated day after day by the database
itself; each resolution is drawn by itself. They reach as they would with the standards' defaults: minutes 3 days, ten
minutes 30, hours and days all. Without --ledger the file is deleted at the end. It prints rows and bytes by table, and
the CPU time of the reads that a detection makes. Other benches import `fill`.
"""

from __future__ import annotations

import argparse
import math
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from paceline import _core
from paceline.ledger import open_ledger
from paceline.ledger.schema import COUNTERS, ROWS, STRATA, STRATUM_COUNTERS
from paceline.ledger.schema_rows import RowTables

DAY = 1_440
REACH = {"minute": 3, "ten_minute": 30, "stratum": 30}
"""Days that rows reach back by the standards' defaults; those that are not named reach back to the beginning."""
# Median and spread (sigma of the logarithm) of each measure; units in the names.
MEASURES = {
    "ttft_ms": (450, 0.5),
    "ttfv_ms": (450, 0.5),
    "tpot_ms": (18, 0.3),
    "stall_ms": (60, 0.6),
    "total_ms": (3_500, 0.7),
    "cost_usd": (0.002, 0.9),
    "overhead_in_us": (40, 0.3),
    "overhead_back_us": (12, 0.3),
    "overhead_us": (55, 0.3),
    "queue_ms": (1, 0.8),
    "output_tokens": (180, 0.9),
}
OF_STRATA = ("ttft_ms", "ttft_ms", "tpot_ms", "stall_ms", "total_ms", "cost_usd", "output_tokens", "output_tokens")
LIMITS = (("ttft_ms", "p95"), ("ttft_ms", "p99"), ("tpot_ms", "p95"), ("total_ms", "p95"), ("error_share", "mean"))
LIMIT_BITS = (2, 3, 12, 22, 34)
EVENTS = ("cache_miss", "prefix_hit", "retried")
# Input and output bucket of the strata that a service has, most frequent first, and their share of its requests.
STRATA_OF = (((1, 1), 0.35), ((0, 1), 0.2), ((1, 2), 0.2), ((2, 1), 0.12), ((2, 2), 0.08), ((3, 2), 0.05))
POOL = 64


@dataclass(frozen=True)
class Filled:
    """A ledger filled up to the minute `until`; every resolution ends there."""

    path: Path
    since: int
    until: int
    services: int


def fill(  # noqa: PLR0913  # each by name: how large
    path: Path,
    *,
    services: int = 300,
    days: int = 396,
    per_hour: int = 150,
    seed: int = 1,
    reach: Mapping[str, int] = REACH,
) -> Filled:
    """Fill a new ledger at `path`; the last row is that of the hour before now. `reach`: days by resolution, or 0."""
    until = int(time.time() // 3600) * 60
    since = until - days * DAY
    open_ledger(f"sqlite:///{path}").close()
    dice = random.Random(seed)  # noqa: S311
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as database,
        Progress(console=Console(stderr=True)) as bar,
    ):
        for pragma in ("synchronous=OFF", "cache_size=-200000", "temp_store=MEMORY", "wal_autocheckpoint=100000"):
            database.execute(f"PRAGMA {pragma}").close()
        _series(database, services, until)
        for level in (*ROWS, *STRATA):
            ends = until - until % level.minutes
            begins = max(since, ends - reach.get(level.name, days) * DAY)
            begins -= begins % level.minutes
            if isinstance(level, RowTables):
                for table, made in _rows(level, services, per_hour, dice).items():
                    _repeat(database, bar, (table, made), (begins, ends))
            else:
                made = list(_strata(level.minutes, services, per_hour, dice)) if begins < ends else []
                _repeat(database, bar, (level.name, made), (begins, ends))
            rolled = None if level.name in {"minute", "stratum"} else ends
            kept = begins if level.name in reach else 0
            told = (rolled, kept, level.name)
            database.execute("UPDATE resolution SET rolled_until = ?, kept_since = ? WHERE name = ?", told)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    return Filled(path, since, until, services)


def _series(database: sqlite3.Connection, services: int, until: int) -> None:
    rows = [
        (n, f"service-{n:03}", "support-chat", "small", "sim/small-8b", f"{1:016x}", until) for n in range(services)
    ]
    database.execute("BEGIN")
    database.executemany("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    database.execute("COMMIT")


def _repeat(
    database: sqlite3.Connection, bar: Progress, made: tuple[str, list[tuple[Any, ...]]], span: tuple[int, int]
) -> None:
    """Insert rows whose minutes count from a day's start for every day of the span, in the order of the key."""
    table, rows = made
    keys = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[5]]
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    database.execute(f"CREATE TEMP TABLE drawn AS SELECT * FROM {table} LIMIT 0")  # noqa: S608
    add = f"INSERT INTO drawn VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    again = f"INSERT INTO {table} SELECT minute + ?, {', '.join(columns[1:])} FROM drawn"  # noqa: S608
    database.execute("BEGIN")
    database.executemany(add, sorted(rows, key=lambda row: row[: len(keys)]))
    database.execute("COMMIT")
    days = range(span[0], span[1], DAY)
    task = bar.add_task(f"{table:<18}", total=len(days))
    for start in days:
        database.execute("BEGIN")
        database.execute(again, (start,))
        database.execute("COMMIT")
        bar.advance(task)
    database.execute("DROP TABLE drawn")


def _rows(tables: RowTables, services: int, per_hour: int, dice: random.Random) -> dict[str, list[tuple[Any, ...]]]:
    mean = per_hour * tables.minutes / 60
    pools = {metric: [_drawn(metric, mean, dice) for _ in range(POOL)] for metric in MEASURES}
    names = [table.name for table in tables.all]
    made: dict[str, list[tuple[Any, ...]]] = {name: [] for name in names}
    metrics, limits, events, counters = (made[name] for name in names)
    for minute, series in _places(tables.minutes, services):
        n = max(1, round(dice.gauss(mean, math.sqrt(mean))))
        counters.append((minute, series, *_counts(COUNTERS, n)))
        metrics.extend((minute, series, metric, *dice.choice(pool)) for metric, pool in pools.items())
        limits.extend((minute, series, *limit, n, round(n * dice.random() * 0.1)) for limit in LIMITS)
        events.extend((minute, series, event, 1 + n // 10, 0) for event in EVENTS if dice.random() < min(1, n / 10))
    return made


def _strata(minutes: int, services: int, per_hour: int, dice: random.Random) -> Iterator[tuple[Any, ...]]:
    shares = {buckets: per_hour * minutes / 60 * share for buckets, share in STRATA_OF}
    pools = {buckets: [_packed(mean, dice) for _ in range(POOL)] for buckets, mean in shares.items()}
    for minute, series in _places(minutes, services):
        for buckets, mean in shares.items():
            if dice.random() < math.exp(-mean):  # nothing of the kind came
                continue
            n = max(1, round(dice.gauss(mean, math.sqrt(mean))))
            limits = b"".join(bytes([bit]) + _varint(n) + _varint(n // 20) for bit in LIMIT_BITS)
            yield (minute, series, *buckets, *_counts(STRATUM_COUNTERS, n), limits, dice.choice(pools[buckets]))


def _places(minutes: int, services: int) -> Iterator[tuple[int, int]]:
    return ((minute, series) for minute in range(0, DAY, minutes) for series in range(services))


def _counts(names: Sequence[str], n: int) -> list[int]:
    """Return counters as a sound service has them: few failures, a provider that counts tokens, a known price."""
    share = {"tokens_input": 1_800, "tokens_cached": 600, "tokens_output": 240, "cost_nanousd": 2_500_000}
    share |= {"request_bytes": 7_200, "response_bytes": 43_000, **dict.fromkeys(("n", "n_ok", "n_streamed"), 1)}
    share |= dict.fromkeys(("n_tokens", "n_cost_due", "n_cost", "n_cap_added"), 1)
    return [n * share.get(name, 0) for name in names]


def _drawn(metric: str, mean: float, dice: random.Random) -> tuple[int, int, float, bytes]:
    """Draw the values of one row: how many, failed, their sum, their sketch."""
    median, sigma = MEASURES[metric]
    values = [median * math.exp(dice.gauss(0, sigma)) for _ in range(max(1, round(dice.gauss(mean, math.sqrt(mean)))))]
    return len(values), int(dice.random() < 0.02 * mean), sum(values), _sketch(values)


def _packed(mean: float, dice: random.Random) -> bytes:
    """Draw the measures of one stratum, in the form of `crates/journal/src/fold/packed.rs`."""
    out = b""
    for number, metric in enumerate(OF_STRATA):
        if number == 1:  # the first token is the first visible one
            out += _varint(number * 2 + 1)
            continue
        _, n_failed, total, sketch = _drawn(metric, mean, dice)
        out += b"".join(map(_varint, (number * 2, n_failed, int(total * 1000) * 2, len(sketch)))) + sketch
    return _core.merge_measures([out])


def _sketch(values: list[float]) -> bytes:
    """Encode values as varints (`crates/types/src/sketch/stored.rs`); the native module takes the shorter form."""
    counts: dict[int, int] = {}
    for value in values:
        index = math.ceil(math.log2(value) * 32) - 1
        counts[index] = counts.get(index, 0) + 1
    out, previous = _varint(0) + _varint(len(counts)), 0
    for index in sorted(counts):
        step = index - previous
        out += _varint(step * 2 if step >= 0 else -step * 2 - 1) + _varint(counts[index])
        previous = index
    return _core.merge([out])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def show(filled: Filled) -> None:
    """Print rows and bytes by resolution, and what reading costs."""
    with closing(sqlite3.connect(filled.path)) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0] * database.execute("PRAGMA page_size").fetchone()[0]
        print(f"{filled.services} services, {(filled.until - filled.since) // DAY} days: {pages / 1e9:.2f} GB")
        try:
            sizes = dict(database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        except sqlite3.OperationalError:  # an SQLite built without it
            sizes = {}
        for level in (*ROWS, *STRATA):
            for table in level.all:
                rows = database.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608
                size = sizes.get(table.name, 0)
                print(
                    f"  {table.name:<18} {rows:>12,} rows  {size / 1e6:>9,.1f} MB  {size / max(1, rows):>5.0f} B a row"
                )
    with open_ledger(f"sqlite:///{filled.path}") as ledger:
        end = filled.until * 60.0
        hour, day, month = (ledger.reading(end - span, end, resolution=60) for span in (3_600, 86_400, 28 * 86_400))
        reads = {
            "limits, last 10 minutes by minute": lambda: ledger.reading(end - 600, end, resolution=1).limits(
                ("service",)
            ),
            "strata, last hour": lambda: list(hour.strata()),
            "strata, last day by hours": lambda: list(day.strata()),
            "counts, 28 days by hours": lambda: month.counts(("service", "use_case")),
            "report, last day": lambda: ledger.measure(end - 86_400, end),
        }
        for name, read in reads.items():
            cpu_s = time.process_time()
            found = read()
            rows = len(found) if isinstance(found, list) else len(found.services)
            print(f"  {name:<36} {rows:>9,} rows  {time.process_time() - cpu_s:6.3f} s CPU")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--services", type=int, default=300)
    arguments.add_argument("--days", type=int, default=396)
    arguments.add_argument("--requests-per-hour", type=int, default=150, help="of each service")
    arguments.add_argument("--ledger", type=Path, help="keep the ledger there")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as home:
        path = chosen.ledger or Path(home) / "ledger.db"
        show(fill(path, services=chosen.services, days=chosen.days, per_hour=chosen.requests_per_hour))


if __name__ == "__main__":
    main()
