"""Ingest speed: records per second and core, from journal segments into SQLite (and PostgreSQL when it is named).

    python benches/ingest.py [--records 200000] [--rounds 3] [--journal DIR]

The journal is written by `cargo run --release -p paceline-journal --example fill`. The figure is CPU time of this
process, user and system: fold, rows, minute sums, sketches, transactions and the segments' deletion. The database of
PACELINE_TEST_POSTGRES is measured beside it; its server's CPU time is not in the figure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from paceline.ledger import open_ledger

ROOT = Path(__file__).resolve().parent.parent
ASIDE = {"SQLite": " (target 50,000)", "PostgreSQL": " of this process alone"}
# A schema of its own, so that nothing else on the server is touched.
SCHEMA = "paceline_bench"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=200_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--journal", type=Path, help="a journal directory to copy, instead of a synthetic one")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as made:
        home = Path(made)
        source = chosen.journal or fill(home / "source", chosen.records)
        addresses = {"SQLite": f"sqlite:///{home / 'ledger.db'}"}
        if server := os.environ.get("PACELINE_TEST_POSTGRES"):
            addresses["PostgreSQL"] = f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{SCHEMA}"
        print("ingest, median of", chosen.rounds, "rounds")
        for name, address in addresses.items():
            rounds = [measure(address, source, home / "journal") for _ in range(chosen.rounds)]
            records, cpu_s, wall_s = (statistics.median(figures) for figures in zip(*rounds, strict=True))
            print(
                f"  {name:<11} {records:>9,.0f} records  {cpu_s:6.2f} s CPU  {wall_s:6.2f} s  "
                f"{records / cpu_s:>9,.0f} records per second and core{ASIDE[name]}"
            )
        if server:
            on_server(server, f"DROP SCHEMA {SCHEMA} CASCADE")


def fill(directory: Path, records: int) -> Path:
    command = ["cargo", "run", "--quiet", "--release", "-p", "paceline-journal", "--example", "fill", "--"]
    subprocess.run([*command, str(directory), str(records)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return directory


def measure(address: str, source: Path, journal: Path) -> tuple[int, float, float]:
    """Records, CPU seconds and seconds of one ingest into an empty ledger."""
    shutil.rmtree(journal, ignore_errors=True)
    shutil.copytree(source, journal)
    empty(address)
    with open_ledger(address) as ledger:
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        done = ledger.ingest(journal)
        return done.records, time.process_time() - cpu_s, time.perf_counter() - wall_s


def empty(address: str) -> None:
    if address.startswith("sqlite"):
        for suffix in ("", "-wal", "-shm"):
            Path(address.removeprefix("sqlite:///") + suffix).unlink(missing_ok=True)
        return
    on_server(address, f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE", f"CREATE SCHEMA {SCHEMA}")


def on_server(address: str, *statements: str) -> None:
    engine = create_engine(address)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


if __name__ == "__main__":
    main()
