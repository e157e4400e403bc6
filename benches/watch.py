"""What a look of the watch costs: 300 services with five limits each, one settled minute of traffic, nothing over.

Owns the set-up; run it as `python benches/watch.py`. The first look is left out: it reads a day.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from paceline.governance.incidents.rules import Rules
from paceline.governance.incidents.watch import watch
from paceline.ledger import open_ledger
from paceline.ledger.schema import minute_limit, series

SERVICES = 300
LIMITS = (("ttft_ms", "p95"), ("ttft_ms", "p99"), ("tpot_ms", "p99"), ("stall_ms", "p99"), ("total_ms", "p95"))
LOOKS = 20
START = 1_795_435_200 // 60
TARGET_S = 1.0


def main() -> int:
    """Print CPU seconds a look."""
    costs = []
    with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder)) as ledger:
        with ledger.engine.begin() as connection:
            names = [
                {"id": one + 1, "service": f"s{one}", "use_case": "u", "model": "m", "deployment": "d", "plan": "p"}
                for one in range(SERVICES)
            ]
            connection.execute(insert(series), [{**each, "last_minute": 1 << 40} for each in names])
        for minute in range(START, START + LOOKS + 1):
            rows = [
                {
                    "minute": minute,
                    "series": one + 1,
                    "metric": metric,
                    "percentile": percentile,
                    "n": 60,
                    "over_limit": 0,
                }
                for one in range(1, SERVICES + 1)
                for metric, percentile in LIMITS
            ]
            with ledger.engine.begin() as connection:
                connection.execute(insert(minute_limit), rows)
            before = time.process_time()
            watch(ledger, (minute + 1) * 60 + 100, Rules())
            costs.append(time.process_time() - before)
    after = costs[1:]
    count = SERVICES * len(LIMITS)
    print(
        f"a look at {count:,} limits: {statistics.median(after):.3f} s CPU (most {max(after):.3f}; at most {TARGET_S})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
