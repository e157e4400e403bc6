"""The dashboard's main journey on real processes: a first call is seen, a budget is broken, somebody answers for it.

`paceline up`, the simulated provider, the real OpenAI SDK, a real browser. The calendar is turned on, so that the
minutes a breach is judged by pass at once.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
from playwright.sync_api import Page, sync_playwright
from tests.gateway.test_up import Up, paceline, up
from tests.integration.clock import Clock
from tests.integration.installation import PATIENCE_S, free_port, until

pytestmark = [pytest.mark.chromium, pytest.mark.faketime, pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(300)]

STANDARDS = """\
version: 1
organisation: Acme
providers: {{sim: {{dialect: openai, base_url: "http://127.0.0.1:{sim}/v1", engine: paceline-sim, key: null}}}}
models: {{small: {{deployments: [sim/slow]}}}}
tasks: {{chat: small}}
use_cases:
  support-chat:
    class: chat
    task: chat
    budget: {{ttft: null, ttfv: null, tpot: null, stall: null, cost: null, total: {{p95: 60ms}}}}
teams: {{support: {{contact: "#support"}}}}
services: {{helpdesk: {{owner: support, use_cases: [support-chat]}}}}
"""
# An answer takes a tenth of a second and more: well over its limit.
MODEL = "slow=small,overhead_ms=150,overhead_sigma=0,step_ms=1,per_running_ms=0,per_prefill_token_ms=0"
CALLS = 60
SECRET = "the prompt nobody may read"
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def running(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    """An installation begun as a newcomer begins it."""
    port = free_port()
    (tmp_path / "paceline.yaml").write_text(STANDARDS.format(sim=port))
    command = (sys.executable, "-m", "paceline", "sim", "--listen", f"127.0.0.1:{port}", "--model", MODEL)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as sim, monkeypatch.context() as turned:
        for name, value in clock.environment.items():
            turned.setenv(name, value)
        with up(tmp_path) as made:
            turned.undo()  # the browser and the SDK live by the machine's own clock
            made.wait_for("curl")
            yield made
        sim.terminate()


@pytest.fixture
def page(component: str) -> Iterator[Page]:
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=component, args=list(ARGUMENTS))
        opened = browser.new_page(viewport={"width": 1440, "height": 1000})
        said: list[str] = []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        yield opened
        browser.close()
    assert said == [], "a browser has nothing to complain about"


def test_from_the_first_call_to_a_waiver(running: Up, page: Page, clock: Clock, tmp_path: Path) -> None:
    key = re.search(r"Bearer (pk-\w{40})", running.printed)
    assert key is not None
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{running.gateway}/v1", api_key=key[1], max_retries=0)
    site = f"http://127.0.0.1:{running.control}"

    page.goto(f"{site}/live")
    assert "The first call is here within a second." in page.inner_text("main")
    call(client)
    page.wait_for_selector("#live tbody tr")  # it comes by itself
    assert "helpdesk\nsupport-chat" in page.inner_text("#live tbody")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: call(client), range(CALLS - 1)))
    until(lambda: counted(site) == CALLS, "all calls in the ledger")
    row = opened(page, f"{site}/").locator("main tbody tr", has_text="helpdesk").first.inner_text()
    assert f"\t{CALLS}\t" in row, "all calls on the overview"

    clock.forward(300)
    until(lambda: opened(page, f"{site}/incidents").locator("table a[href^='/incidents/i_']").count(), "the incident")
    page.click("table a[href^='/incidents/i_']")
    assert "total p95 is over 60 ms" in page.inner_text("h1")
    assert "Acknowledge" not in page.inner_text("main"), "nobody is signed in"

    made = paceline(
        "tokens", "create", "--role", "owner", "--team", "support", "--name", "dana", "--format", "json", cwd=tmp_path
    )
    page.click("main a[href^='/sign-in']")
    page.fill("input[name=token]", json.loads(made.stdout)["token"])
    page.click("button:has-text('Sign in')")
    page.click("button:has-text('Acknowledge')")
    assert "detected → triaged" in page.inner_text("ol.timeline")
    incident = page.url.rpartition("/")[2]

    page.click("a:has-text('Ask for a waiver')")
    assert page.input_value("select[name=limit]") == "total p95"
    page.fill("textarea[name=reason]", "the provider is being replaced")
    page.click("button:has-text('Ask')")
    assert page.url.startswith(f"{site}/waivers/w_")
    text = page.inner_text("main")
    assert "Waiver of helpdesk / support-chat: total p95" in text
    assert "An admin other than dana approves or denies it" in text
    asked = opened(page, f"{site}/incidents/{incident}").inner_text("ol.timeline")
    assert "asked for a waiver of total p95" in asked

    for address in ("/", "/live", f"/incidents/{incident}", "/services/helpdesk", "/requests"):
        assert SECRET not in opened(page, site + address).content()


def call(client: openai.OpenAI) -> None:
    """Ask as any program does."""
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": SECRET}]
    answer = client.chat.completions.create(model="auto", messages=messages, max_tokens=20)
    assert answer.choices[0].message.content


def counted(site: str) -> int:
    """Return the calls that the ledger has taken in."""
    with urllib.request.urlopen(f"{site}/api/report", timeout=PATIENCE_S) as answer:  # noqa: S310
        return sum(one["requests"] for one in json.load(answer)["services"])


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    return page
