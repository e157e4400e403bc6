"""What the dashboard costs: CPU of each page over 300 services and 13 months, bytes of a first load, browser basics.

    python benches/dashboard.py [--services 300] [--data DIR] [--chromium PROGRAM]

The ledger is drawn by `ledger_year`: every resolution with as many rows a day as 300 services of 150 requests an hour
have, days for 396 days, and of the finer ones what pages read: hours of 60 days, ten minutes of 3, minutes of 1; no
strata, which no page reads. Beside them: 300 services of 20 teams and 6 use cases in the standards, their spend of 90
days, 40 incidents, and a tenth of the requests of 24 hours as single rows (108,000).

CPU is that of this process, all threads, for one request through the whole application (ASGI), compression included.
`first`: for the first visitor of a control process that has started and prepared what it prepares (templates are among
it). `unprepared`: with no figure known and no template read. `then`: from the second look on. Medians of three, three
and five; each includes what the request has made anew in the background. Not measured: the kernel and uvicorn.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import ledger_year
from sqlalchemy import insert

from paceline.dashboard import view
from paceline.dashboard.assets import address_of
from paceline.dashboard.preparing import Preparing
from paceline.gateway.control import Control
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link
from paceline.gateway.pages import PAGES
from paceline.gateway.planner import Planner
from paceline.ledger import Ledger, open_ledger
from paceline.ledger.schema import incident, request, spend

TARGET_MS, TARGET_KB = 100, 100
USE_CASES = ("support-chat", "search", "extract", "code-complete", "digest", "agent-step")
REACH = {"minute": 1, "ten_minute": 3, "hour": 60, "stratum": 0, "stratum_hour": 0}
FURTHER = ("/?range=1h", "/?range=7d", "/?range=28d", "/services/service-007", "/services/service-007?range=28d")
ROWS = ("/requests?service=service-007", "/requests?range=28d")
RUNS = 5
FIRST_RUNS = 3


def main() -> int:
    """Fill a ledger, or take the one that is there, and print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--services", type=int, default=300)
    arguments.add_argument("--data", type=Path, help="keep the ledger there, and take it from there the next time")
    arguments.add_argument("--chromium", default=os.environ.get("PACELINE_TEST_CHROMIUM"), help="measure in it too")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as folder:
        home = chosen.data or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        with opened(home, chosen.services) as control:
            addresses = [*(address for address, _ in PAGES), *FURTHER, *ROWS]
            asgi = application(control)
            get(asgi, "/healthz")  # as whoever started it has asked
            show_cpu(control, asgi, addresses)
            show_bytes(asgi)
            if chosen.chromium:
                show_chromium(asgi, chosen.chromium, addresses)
    return 0


@contextmanager
def opened(home: Path, services: int) -> Iterator[Control]:
    """Open a control process's parts over the ledger in `home`, without its loops: only pages use the CPU."""
    standards = home / "paceline.yaml"
    if not standards.exists():
        filled = ledger_year.fill(home / "ledger.db", services=services, reach=REACH)
        with open_ledger(home) as ledger:
            _beside(ledger, services, filled.until)
        standards.write_text(_standards(services))
    data = DataDir(home)
    with open_ledger(home) as ledger:
        link = Link(data.socket)
        planner = Planner(standards, data, ledger, link)
        planner.tick()
        yield Control(data, standards, ledger, link, planner, (), needs_key=False)


def _standards(services: int) -> str:
    classes = ("chat", "chat", "extraction", "autocomplete", "batch", "agent")
    lines = ["version: 1", "organisation: Bench", 'providers: {sim: {base_url: "http://127.0.0.1:4199/v1"}}']
    lines += ["models: {small: {deployments: [sim/small-8b]}}", "use_cases:"]
    lines += [f"  {name}: {{class: {kind}, model: small}}" for name, kind in zip(USE_CASES, classes, strict=True)]
    lines += ["teams:", *(f'  team-{n:02}: {{contact: "#team-{n:02}", phase: expand}}' for n in range(20)), "services:"]
    for n in range(services):
        use_cases = f"[support-chat, {USE_CASES[1 + n % 5]}]"
        lines.append(
            f"  service-{n:03}: {{owner: team-{n % 20:02}, use_cases: {use_cases}, budget: {{usd_per_month: 500}}}}"
        )
    return "\n".join(lines) + "\n"


def _beside(ledger: Ledger, services: int, until: int) -> None:
    dice = random.Random(2)  # noqa: S311
    names = [f"service-{n:03}" for n in range(services)]
    day = until // 1_440
    money = [
        {"day": day - back, "kind": "service", "name": name, "nanousd": round(dice.uniform(5, 20) * 1e9)}
        for back in range(90)
        for name in names
    ]
    incidents = [
        {
            "id": f"i_{n}",
            "service": dice.choice(names),
            "use_case": "support-chat",
            "metric": "ttft_ms",
            "percentile": "p95",
            "kind": "breach",
            "state": "detected",
            "owner": f"team-{n % 20:02}",
            "reason": "",
            "severity": dice.choice(["page", "urgent", "ticket"]),
            "n": 900,
            "over_limit": 120,
            "allowed": 0.05,
            "since_us": (until - n * 90) * 60_000_000,
            "detected_us": (until - n * 90) * 60_000_000,
            "facts": '{"what": "ttft p95 is over 1.5 s"}',
        }
        for n in range(40)
    ]
    with ledger.engine.begin() as connection:
        connection.execute(insert(spend), money)
        connection.execute(insert(incident), incidents)
        for start in range(0, 108_000, 6_000):
            connection.execute(insert(request), [_request(n, until, names, dice) for n in range(start, start + 6_000)])


def _request(number: int, until: int, names: list[str], dice: random.Random) -> dict[str, Any]:
    at_ms = until * 60_000 - 86_400_000 + number * 800
    ttft, total = dice.randrange(200_000, 900_000), dice.randrange(1_000_000, 6_000_000)
    texts = {column.name: "" for column in request.columns if column.type.python_type is str}
    numbers = {column.name: 0 for column in request.columns if column.type.python_type is int}
    return {
        **texts,
        **numbers,
        "id": at_ms.to_bytes(6, "big") + number.to_bytes(10, "big"),
        "start_us": at_ms * 1000,
        "service": dice.choice(names),
        "use_case": "support-chat",
        "model": "small",
        "deployment": "sim/small-8b",
        "outcome": "ok",
        "status": 200,
        "sent_us": 60,
        "headers_us": ttft // 2,
        "first_us": ttft,
        "last_us": total,
        "end_us": total,
        "ttft_us": ttft,
        "total_us": total,
        "tokens_input": 1_800,
        "tokens_output": 240,
        "cost_nanousd": 2_500_000,
    }


def show_cpu(control: Control, asgi: Any, addresses: list[str]) -> None:
    """Print what preparing costs, then the CPU of each address, and of one page below each that has pages."""
    for number in ("first", "second"):
        prepared = _prepared(control, number)
    print(f"server CPU a page, ms (at most {TARGET_MS})        first  unprepared     then   KB as sent")
    done: set[str] = set()
    for address in addresses:
        if time.monotonic() > prepared.until:
            prepared = _prepared(control)
        found = _page(control, asgi, prepared, address, done)
        below = re.search(rf'href="({re.escape(address)}/[^"?]+)', found) if address != "/" else None
        if below:
            _page(control, asgi, prepared, below[1], done)


class Prepared(NamedTuple):
    """What a control process knows that has prepared its figures, and until when they are young."""

    kept: dict[Any, Any]
    unseen: set[Any]
    until: float


def _prepared(control: Control, number: str = "") -> Prepared:
    forget(control)
    cpu, wall = time.process_time(), time.monotonic()
    Preparing(control.sources).tick()
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    rest = min(max(60.0, 100 * wall), 240.0)
    if number:
        print(f"{number} round of preparing: {cpu * 1e3:.0f} ms CPU, {cpu / (rest + wall):.2%} of one core")
    return Prepared(dict(control.sources._kept), set(control.sources._unseen), time.monotonic() + rest)


def forget(control: Control, prepared: Prepared | None = None) -> None:
    """Let the control process know nothing but what it prepared."""
    control.sources._kept.clear()
    control.sources._unseen.clear()
    view._environment.cache_clear()
    if prepared is not None:
        control.sources._kept.update(prepared.kept)
        control.sources._unseen.update(prepared.unseen)
        view.read_all()


def _page(control: Control, asgi: Any, prepared: Prepared, address: str, done: set[str]) -> str:
    if address in done:
        return ""
    done.add(address)
    unprepared, first = [], []
    for _ in range(FIRST_RUNS):
        forget(control)
        unprepared.append(_cost_ms(control, asgi, address))
        forget(control, prepared)
        first.append(_cost_ms(control, asgi, address))
    then = [_cost_ms(control, asgi, address) for _ in range(RUNS)]
    size = len(get(asgi, address)[2]) / 1e3
    costs = [statistics.median(each) for each in (first, unprepared, then)]
    print(f"  {address:<40} {costs[0]:9.0f} {costs[1]:11.0f} {costs[2]:8.0f} {size:9.1f}", flush=True)
    return get(asgi, address, encoding="identity")[2].decode()


def _cost_ms(control: Control, asgi: Any, address: str) -> float:
    before = time.process_time()
    status = get(asgi, address)[0]
    while status == 202 or control.sources._making:  # it says that it takes a moment; or something is made anew
        time.sleep(0.05)
        status = get(asgi, address)[0] if status == 202 else status
    assert status == 200, (address, status)
    return (time.process_time() - before) * 1e3


def show_bytes(asgi: Any) -> None:
    """Print what a browser fetches the first time, heads not counted."""
    names = (
        "paceline.css",
        "paceline.js",
        "uPlot-1.6.32.min.css",
        "uPlot-1.6.32.min.js",
        "htmx-2.0.10.min.js",
        "icon.svg",
    )
    beside = {name: len(get(asgi, address_of(name))[2]) for name in names}
    for address in ("/", "/services/service-007?range=28d"):
        page = len(get(asgi, address)[2])
        whole = (page + sum(beside.values())) / 1e3
        print(f"first load of {address}: {whole:.1f} KB (at most {TARGET_KB}), page {page / 1e3:.1f}")
    print("  " + ", ".join(f"{name} {size / 1e3:.1f}" for name, size in beside.items()))


def get(asgi: Any, address: str, encoding: str = "gzip") -> tuple[int, dict[str, str], bytes]:
    """Ask the application for an address as a browser does; status, headers, body."""
    path, _, query = address.partition("?")
    headers = {"host": "127.0.0.1:4101", "accept": "text/html", "accept-encoding": encoding}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 4101),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    _loop().run_until_complete(asgi(scope, receive, send))
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


_LOOPS: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _LOOPS:
        _LOOPS.append(asyncio.new_event_loop())
    return _LOOPS[0]


def show_chromium(asgi: Any, program: str, addresses: list[str]) -> None:
    """Print first paint, layout shift, complaints and requests of each page in a browser."""
    import uvicorn
    from playwright.sync_api import sync_playwright

    server = uvicorn.Server(uvicorn.Config(asgi, port=0, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    watch = (
        "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(one) => (window.moved += one.value))).observe({type: 'layout-shift', buffered: true})"
    )
    print("in Chromium, 1440 px                      first paint, ms   layout shift   console   requests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for address in addresses:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            said: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.add_init_script(watch)
            page.goto(url + address, wait_until="networkidle")
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
            many = page.evaluate("performance.getEntriesByType('resource').length + 1")
            print(f"  {address:<40} {paint:15.0f} {page.evaluate('window.moved'):14.3f} {len(said):9} {many:10}")
            page.close()
        browser.close()
    server.should_exit = True
    thread.join(10)


if __name__ == "__main__":
    sys.exit(main())
