"""The page Live at about a thousand requests a second: what a viewer costs, and how a browser bears it.

    python benches/live.py [--connections 100] [--seconds 20] [--viewers 20]

One installation with the simulated provider, the gateway and the control process; a closed loop of streamed calls of a
tenth of a second each. Viewers ask for what the page asks for, once a second each; their cost is the control process's
CPU time with them less that without. Then one real browser looks at the page: its longest task, the gaps between its
frames, how far anything moved. Chromium takes part in the same two cores as everything else.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loads
import processes
import sides
from figures import table
from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("PACELINE_TEST_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WATCH = """() => {
  const seen = {tasks: [], gaps: [], moved: 0, last: performance.now()};
  new PerformanceObserver(list => list.getEntries().forEach(each => seen.tasks.push(each.duration)))
    .observe({type: "longtask", buffered: false});
  new PerformanceObserver(list => list.getEntries().forEach(each => { seen.moved += each.value; }))
    .observe({type: "layout-shift", buffered: false});
  const frame = now => { seen.gaps.push(now - seen.last); seen.last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  window.seen = seen;
}"""


@dataclass(frozen=True)
class Running:
    """One installation."""

    gateway: sides.Side
    control: int
    """Process id."""
    port: int
    """Of the control process."""


@contextlib.contextmanager
def installation(folder: Path, direct: sides.Side) -> Iterator[Running]:
    """Run gateway and control process over the simulated provider."""
    from paceline.gateway.data_dir import DataDir
    from paceline.ledger import open_ledger

    data = DataDir(folder / "data")
    data.ensure()
    file = folder / "paceline.yaml"
    file.write_text(sides.standards_text(direct.port))
    with open_ledger(data.path) as ledger:
        key = ledger.keys.create(service="bench").key
    ports = processes.free_port(), processes.free_port()
    program = [sys.executable, "-m", "paceline"]
    where = ["--data", str(data.path)]
    control = [*program, "control", *where, "--standards", str(file), "--listen", f"127.0.0.1:{ports[0]}"]
    gateway = [*program, "gateway", *where, "--listen", f"127.0.0.1:{ports[1]}"]
    env = {"BENCH_PROVIDER_KEY": "sk-bench"}
    with (
        processes.running("control", control, ports[0], folder, **env) as control_pid,
        processes.running("gateway", gateway, ports[1], folder, **env) as gateway_pid,
    ):
        path = "/t/bench/bench-chat/v1/chat/completions"
        side = sides.Side("gateway", gateway_pid, ports[1], path, {"authorization": f"Bearer {key}"})
        yield Running(side, control_pid, ports[0])


class Viewers:
    """Threads that ask for the part of the page that changes, once a second each."""

    def __init__(self, port: int, many: int) -> None:
        self.answers = 0
        self.bytes = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._look, args=(port, at / max(many, 1))) for at in range(many)]

    def __enter__(self) -> Viewers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _look(self, port: int, offset: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._ended.wait(offset)
        while not self._ended.is_set():
            connection.request("GET", "/live/rows", headers={"accept-encoding": "gzip"})
            body = connection.getresponse().read()
            self.answers, self.bytes = self.answers + 1, self.bytes + len(body)
            self._ended.wait(1.0)
        connection.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--connections", type=int, default=100)
    arguments.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    arguments.add_argument("--viewers", type=int, default=20)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as home, contextlib.ExitStack() as stack:
        folder = Path(home)
        direct = stack.enter_context(sides.simulator(folder))
        running = stack.enter_context(installation(folder, direct))
        _ready(running)
        with loaded(running, chosen.connections, folder):
            time.sleep(5)  # until rates are those of the load
            rows = [(f"{many} viewers", *measured(running, many, chosen.seconds)) for many in (0, chosen.viewers)]
            each = (rows[1][2] - rows[0][2]) / chosen.viewers
            browser = looked_at(running, chosen.seconds)
    head = ["", "requests a second", "control CPU ms/s", "KB an answer"]
    table(
        "The page Live", head, [[name, f"{rate:,.0f}", f"{cpu:.0f}", f"{size:.1f}"] for name, rate, cpu, size in rows]
    )
    print(f"  a viewer costs {each:.2f} ms of CPU a second")
    table("One browser", ["", ""], [[name, value] for name, value in browser.items()])


@contextlib.contextmanager
def loaded(running: Running, connections: int, folder: Path) -> Iterator[None]:
    """Keep the load up for the length of a block."""
    load = loads.Load("bench-paced", stream=True, connections=connections, requests=100_000_000, output_tokens=20)
    with subprocess.Popen(loads.command(running.gateway, load, folder), stdout=subprocess.DEVNULL) as client:
        try:
            yield
        finally:
            client.kill()


def measured(running: Running, viewers: int, seconds: float) -> tuple[float, float, float]:
    """Return requests a second, the control process's CPU (ms a second) and the size of an answer (KB)."""
    with Viewers(running.port, viewers) as looking:
        before, cpu, at = _taken_in(running), processes.cpu_s(running.control), time.monotonic()
        time.sleep(seconds)
        length = time.monotonic() - at
        used = processes.cpu_s(running.control) - cpu
        rate = (_taken_in(running) - before) / length
    return rate, 1_000 * used / length, looking.bytes / 1e3 / max(looking.answers, 1)


def looked_at(running: Running, seconds: float) -> dict[str, str]:
    """Look at the page with a real browser."""
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"http://127.0.0.1:{running.port}/live")
        page.wait_for_selector("#live tbody tr")
        page.wait_for_timeout(2_000)
        page.evaluate(WATCH)
        page.wait_for_timeout(1_000 * seconds)
        seen: dict[str, Any] = page.evaluate("window.seen")
        shown = _shown_rate(page)
        browser.close()
    gaps = sorted(seen["gaps"])
    tasks = sorted(seen["tasks"], reverse=True)
    return {
        "requests a second, as it shows them": shown,
        "longest task, ms": f"{tasks[0]:.0f}" if tasks else "under 50",
        "tasks of 50 ms and more, a second": f"{len(tasks) / seconds:.2f}",
        "gap between frames, ms: median / p99 / longest": " / ".join(
            f"{gaps[place]:.0f}" for place in (len(gaps) // 2, len(gaps) * 99 // 100, -1)
        ),
        "layout shift": f"{seen['moved']:.3f}",
    }


def _shown_rate(page: Page) -> str:
    return page.locator("#live .tiles b").first.inner_text()


def _taken_in(running: Running) -> int:
    text = _get(running.port, "/live/rows").decode()
    return int(text.rpartition("since this process began")[2].partition("</b>")[0].rpartition(">")[2].replace(",", ""))


def _ready(running: Running) -> None:
    deadline = time.monotonic() + 30
    while not json.loads(_get(running.port, "/api/status"))["plan"]["is_current"]:
        assert time.monotonic() < deadline, "the gateway never got its plan"
        time.sleep(0.1)


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
