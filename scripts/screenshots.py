"""Draws the pictures of the documentation: a small organisation's four weeks, seen in Chromium.

    .venv/bin/python scripts/screenshots.py [--out docs/pictures] [--keep]

Owns the organisation and its traffic, which come through a journal as real ones do; the times end now, so that pictures
of two days differ. Needs Chromium (`PACELINE_TEST_CHROMIUM`, or /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright
from sqlalchemy import insert

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.ledger.journal_files import OK, PROVIDER_ERROR, Record, mask, write_segment  # noqa: E402

from paceline.gateway.address import Address  # noqa: E402
from paceline.gateway.control import Control, opened  # noqa: E402
from paceline.gateway.control_api import application  # noqa: E402
from paceline.gateway.data_dir import DataDir  # noqa: E402
from paceline.ledger.events import Event  # noqa: E402
from paceline.ledger.lint import LintState, RuleCounts  # noqa: E402
from paceline.ledger.schema import incident  # noqa: E402

DAYS, DAY = 28, 86_400
TTFT, TOTAL, ERRORS = ("ttft_ms", "p95"), ("total_ms", "p95"), ("error_share", "mean")


@dataclass(frozen=True)
class Habit:
    """How a service's use case behaves."""

    owner: str
    class_: str
    requests_a_day: int
    ttft_ms: float
    tokens: tuple[int, int]
    usd: float
    limit_ms: float
    usd_a_month: int = 400
    slow_from_day: float = 99.0
    """From then on its first token takes twice as long."""


HABITS = {
    ("helpdesk", "support-chat"): Habit("support", "chat", 260, 420, (1_900, 260), 0.021, 900, 200, slow_from_day=24.6),
    ("editor", "code-complete"): Habit("tools", "autocomplete", 420, 140, (900, 40), 0.002, 350),
    ("assistant", "research"): Habit("lab", "agent", 90, 900, (9_500, 700), 0.11, 3_000, 260),
    ("checkout", "product-questions"): Habit("shop", "chat", 180, 380, (1_200, 180), 0.009, 900),
    ("invoices", "read-invoice"): Habit("finance", "extraction", 120, 500, (3_200, 320), 0.012, 1_500),
    ("newsroom", "nightly-digest"): Habit("media", "batch", 60, 700, (6_000, 500), 0.018, 5_000),
    ("phone", "voice-line"): Habit("support", "voice", 150, 260, (700, 90), 0.006, 600),
}
PAGES = {
    "overview": ("/?range=7d", 1440, "light"),
    "service": ("/services/helpdesk?range=7d", 1440, "light"),
    "service-telephone": ("/services/helpdesk?range=7d", 390, "dark"),
    "spend": ("/spend", 1440, "light"),
}


def standards() -> str:
    """Write the organisation's standards."""
    lines = ["version: 1", "organisation: Acme", 'providers: {house: {base_url: "http://127.0.0.1:4199/v1"}}']
    lines += ["models: {small: {deployments: [house/small-8b]}}", "use_cases:"]
    for (_, use_case), habit in HABITS.items():
        budget = f"budget: {{ttft: {{p95: {habit.limit_ms:.0f}ms, p99: null}}, tpot: null, stall: null}}"
        lines.append(f"  {use_case}: {{class: {habit.class_}, model: small, {budget}}}")
    teams = dict.fromkeys(habit.owner for habit in HABITS.values())
    phases = ("expand", "govern", "pilot", "codify")
    lines += ["teams:"]
    lines += [f'  {name}: {{contact: "#{name}", phase: {phases[at % 4]}}}' for at, name in enumerate(teams)]
    lines += ["services:"]
    for (service, use_case), habit in HABITS.items():
        money = f"budget: {{usd_per_month: {habit.usd_a_month}}}"
        lines.append(f"  {service}: {{owner: {habit.owner}, use_cases: [{use_case}], {money}}}")
    return "\n".join(lines) + "\n"


def traffic(until: float, plan: int) -> Iterator[Record]:
    """Yield four weeks, busy by day, quiet by night and at weekends."""
    dice = random.Random(4)  # noqa: S311
    number = 0
    for (service, use_case), habit in HABITS.items():
        for day in range(DAYS):
            start = until - (DAYS - day) * DAY
            is_weekend = time.gmtime(start + DAY / 2).tm_wday >= 5
            for _ in range(round(habit.requests_a_day * (0.35 if is_weekend else 1.0) * dice.uniform(0.9, 1.1))):
                number += 1
                at = start + min(max(dice.gauss(0.5, 0.2), 0.0), 0.9999) * DAY
                yield _record(number, at, (service, use_case), (habit, plan, (at - until) / DAY + DAYS), dice)


def _record(
    number: int, at: float, subject: tuple[str, str], how: tuple[Habit, int, float], dice: random.Random
) -> Record:
    habit, plan, day = how
    slow = 2.0 if day > habit.slow_from_day else 1.0
    ttft = habit.ttft_ms * slow * math.exp(dice.gauss(0, 0.36)) * (1 + 0.15 * math.sin(at / DAY * 2 * math.pi))
    prompt = round(habit.tokens[0] * (1 + 0.012 * day if subject[0] == "assistant" else 1) * dice.uniform(0.6, 1.4))
    answer = round(habit.tokens[1] * dice.uniform(0.5, 1.6))
    total = ttft + answer * dice.uniform(8, 13)
    failed = dice.random() < 0.002
    over = [TTFT] if ttft > habit.limit_ms or failed else []
    queue = dice.expovariate(1 / 9)
    head = queue + (ttft - queue) * 0.55
    return Record(
        *(number, at, *subject),
        model="small",
        deployment="house/small-8b",
        plan=plan,
        outcome=PROVIDER_ERROR if failed else OK,
        ttft_ms=ttft,
        total_ms=total,
        overhead_us=dice.uniform(30, 90),
        queue_ms=queue,
        tokens=(prompt, round(prompt * 0.4), 0, answer, answer // 4 if subject[0] == "assistant" else 0),
        cost_nanousd=round(habit.usd * 1e9 * (prompt / habit.tokens[0])),
        judged=mask(TTFT, ERRORS),
        over=mask(*over, *([ERRORS] if failed else [])),
        cache=dice.choice(("miss",) * 9 + ("hit",)) if subject[0] == "checkout" else "none",
        instants_us=tuple(round(ms * 1000) for ms in (0.05, queue + 0.1, head, ttft, ttft, total, total + 1)),
    )


def fill(control: Control, journal: Path, until: float) -> None:
    """Take the traffic in, and tell what else happened."""
    ledger = control.ledger
    plan = int((control.planner.state.wanted or "0")[:16], 16)
    write_segment(journal, 1, sorted(traffic(until, plan), key=lambda record: record.start_s))
    ledger.ingest(journal)
    while ledger.roll_up(now=until).behind:
        pass
    at_us = int((until - 3.4 * DAY) * 1e6)
    ledger.events.add(
        Event(at_us, "deploy", "build 417: longer system prompt", "helpdesk", link="https://ci.example/417")
    )
    ledger.events.add(Event(at_us - 2 * DAY * 1_000_000, "plan", "cap of support-chat 800 → 600", "helpdesk"))
    row = {"id": "i_9vQ2", "service": "helpdesk", "use_case": "support-chat", "metric": "ttft_ms"}
    row |= {"percentile": "p95", "kind": "breach", "state": "investigating", "severity": "page", "owner": "support"}
    row |= {"reason": "", "facts": '{"what": "ttft p95 is over 900 ms"}'}
    numbers = {"since_us": at_us, "detected_us": at_us + 540_000_000, "n": 900, "over_limit": 370, "allowed": 0.05}
    with ledger.engine.begin() as connection:
        connection.execute(insert(incident).values(**row, **numbers))
    counts = (61, 12, 60, 4, 0, 2, 0, 1, 3)
    ledger.lint.put(
        LintState(
            "helpdesk",
            at_us,
            "9f31c02",
            "0.1.0",
            "ci",
            *counts,
            {"C201": RuleCounts(2, 1, 0), "K101": RuleCounts(0, 0, 3)},
        )
    )


def draw(url: str, out: Path) -> None:
    """Take the pictures."""
    program = os.environ.get("PACELINE_TEST_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name, (address, width, scheme) in PAGES.items():
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(url + address, wait_until="networkidle")
            page.screenshot(path=out / f"{name}.png")
            page.evaluate("document.fonts.ready")
            page.screenshot(
                path=out / f"{name}.png", clip={"x": 0, "y": 0, "width": width, "height": 1150}, full_page=True
            )
            context.close()
        browser.close()


def main() -> int:
    """Fill a ledger, serve it, take the pictures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    arguments.add_argument("--keep", action="store_true", help="go on serving until interrupted, and print where")
    chosen = arguments.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    until = time.time() // 3600 * 3600
    with tempfile.TemporaryDirectory(prefix="paceline-pictures-") as folder:
        home = Path(folder)
        (home / "paceline.yaml").write_text(standards())
        with opened(DataDir(home / "data"), home / "paceline.yaml", Address.read("127.0.0.1:4101")) as control:
            fill(control, home / "journal", until)
            server = uvicorn.Server(uvicorn.Config(application(control), port=0, log_level="error", lifespan="off"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                thread.join(0.01)
            url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            draw(url, chosen.out)
            if chosen.keep:
                print(url, flush=True)
                thread.join()
            server.should_exit = True
            thread.join(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
