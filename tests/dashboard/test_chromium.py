"""Every page in a real browser, at both widths, light and dark: nothing on its console, nothing beside the page, axe
content, every link leads somewhere, the keyboard reaches what a mouse does. Charts are drawn from their own tables.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.dashboard.test_pages import ADDRESSES, OVER, control

from paceline.gateway.control import Control
from paceline.gateway.control_api import application

__all__ = ["control"]

pytestmark = pytest.mark.chromium

SHOWN = [
    *ADDRESSES,
    *("/?range=28d", "/?range=28d&team=editor&search=help", "/?since=2026-11-02&until=2026-11-10"),
    *("/services/helpdesk?range=28d", "/services/editor-plugin?range=7d", "/services/nothing"),
    *("/requests?range=28d&service=helpdesk", "/requests?range=28d&service=helpdesk&over=ttft_ms.p95"),
    *(f"/incidents/{OVER}", "/incidents?state=all", "/sign-in"),
    *("/teams/support?range=28d", "/models/small?range=28d", "/models?range=28d", "/reviews?range=28d"),
    *("/gateway?range=28d", "/spend?by=team&month=2026-11", "/spend?by=model&month=2026-11", "/spend?month=2026-01"),
    *("/waivers/file:0", f"/waivers/request?incident={OVER}", "/live?kind=bad", "/live?paused=true"),
]
"""Every page, and its states: with much, with nothing, with what is wrong."""
LOOKS = ((1440, "light"), (390, "dark"), (390, "light"), (1440, "dark"))
ALIKE_MAX = 4
"""Links of one kind that are followed from a page: of fifty requests, four."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update"]


@dataclass
class Site:
    """The dashboard under test, in one browser."""

    url: str
    browser: Browser
    followed: dict[str, int] = field(default_factory=dict)
    """Addresses that links lead to, with what they answered."""

    def page(self, width: int, scheme: str, *, javascript: bool = True) -> Page:
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=self.url,
            java_script_enabled=javascript,
        )
        return context.new_page()


@pytest.fixture(scope="module")
def site(control: Control) -> Iterator[Site]:  # the fixture of that name
    config = uvicorn.Config(application(control), port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    program = os.environ["PACELINE_TEST_CHROMIUM"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield Site(f"http://127.0.0.1:{port}", browser)
        browser.close()
    server.should_exit = True
    thread.join(10)


def _complaints(page: Page) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


BESIDE = """() => [...document.querySelectorAll('main *')].filter((each) => !each.closest('.scroll, svg, caption, pre')
    && each.checkVisibility({contentVisibilityAuto: true}) && each.getBoundingClientRect().right > innerWidth + 1)
    .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("address", SHOWN)
def test_a_page_is_sound(site: Site, address: str) -> None:
    for width, scheme in LOOKS:
        page = site.page(width, scheme)
        said = _complaints(page)
        page.goto(address, wait_until="load")
        expected = [each for each in said if "status of 404" not in each or not address.endswith("nothing")]
        assert expected == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.eval_on_selector_all(".times details, details.menu", "all => all.forEach((each) => (each.open = true))")
        assert page.evaluate(BESIDE) == []
        assert page.evaluate("document.querySelectorAll('main h1').length") == 1
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        _links_lead_somewhere(site, page)
        page.context.close()


def _links_lead_somewhere(site: Site, page: Page) -> None:
    links = set(page.eval_on_selector_all("a[href]", "all => all.map((each) => each.href)"))
    own = {link.partition("#")[0] for link in links if link.startswith(site.url)} - {page.url}
    alike: Counter[tuple[str, ...]] = Counter()
    for link in sorted(own):
        parts = urlsplit(link)
        alike[kind := (parts.path.split("/")[1], *sorted(name for name, _ in parse_qsl(parts.query)))] += 1
        if link not in site.followed and alike[kind] <= ALIKE_MAX:
            site.followed[link] = page.request.get(link).status
    assert {link: site.followed[link] for link in own if site.followed.get(link, 0) >= 400} == {}
    anchors = page.eval_on_selector_all(
        "a[href^='#']", "all => all.map((each) => each.hash).filter((hash) => !document.querySelector(hash))"
    )
    assert anchors == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_keyboard_leads_from_the_top_into_a_service(site: Site, width: int) -> None:
    page = site.page(width, "light")
    page.goto("/?range=28d", wait_until="networkidle")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(60):
        page.keyboard.press("Tab")
        shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert shown != "none", page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.getAttribute('href') || ''").startswith("/services/helpdesk"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/services/helpdesk?range=28d")
    assert page.inner_text("h1") == "helpdesk"
    page.context.close()


def test_a_menu_opens_and_closes_by_keyboard_on_a_telephone(site: Site) -> None:
    page = site.page(390, "light")
    page.goto("/")
    page.focus(".menu summary")
    page.keyboard.press("Enter")
    assert page.is_visible(".menu nav a[href='/incidents']")
    page.keyboard.press("Escape")
    assert not page.is_visible(".menu nav a[href='/incidents']")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.context.close()


def test_filters_work_without_a_new_page_and_are_in_the_address(site: Site) -> None:
    page = site.page(1440, "light")
    page.goto("/?range=28d", wait_until="networkidle")
    page.evaluate("window.isSamePage = true")
    page.select_option("select[name=team]", "editor")
    expect(page.locator("#found tbody tr")).to_have_count(2)
    assert "team=editor" in page.url
    page.fill("input[name=search]", "plug")
    expect(page.locator(".times a").first).to_have_attribute("href", re.compile("search=plug"))
    assert "search=plug" in page.url
    assert page.evaluate("window.isSamePage") is True
    assert page.locator("#found tbody th").first.inner_text().startswith("editor-plugin")
    page.context.close()


def test_without_a_script_everything_is_there(site: Site) -> None:
    page = site.page(1440, "light", javascript=False)
    page.goto("/?range=28d")
    page.select_option("select[name=team]", "editor")
    page.click("form.filters button")
    assert page.locator("#found tbody tr").count() == 2
    page.goto("/services/helpdesk?range=28d")
    assert page.locator("figure.chart svg path.l1").count() >= 2
    page.locator("figure.chart details summary").first.click()
    assert page.locator("figure.chart").first.locator("tbody tr").count() > 100
    page.locator(".times details summary").click()
    page.fill("input[name=since]", "2026-11-09T00:00")
    page.fill("input[name=until]", "2026-11-12T00:00")
    page.click(".times button")
    assert "2026-11-09 00:00 to 2026-11-12 00:00" in page.inner_text(".times")
    page.context.close()


def test_a_chart_is_drawn_from_its_table_moves_nothing_and_zooms(site: Site) -> None:
    page = site.page(1440, "light")
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(each) => (window.moved += each.value))).observe({type: 'layout-shift', buffered: true})"
    )
    page.goto("/services/helpdesk?range=28d", wait_until="networkidle")
    chart = page.locator("figure.chart").first
    chart.scroll_into_view_if_needed()
    page.wait_for_selector("figure.chart .uplot canvas")
    assert page.evaluate("window.moved") == 0
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 20)
    assert chart.locator(".key output").first.inner_text() != ""
    assert page.locator("figure.chart").nth(1).locator(".key output").first.inner_text() != "", "cursors go together"
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=4)
    page.mouse.up()
    page.click(".times a.zoomed")
    page.wait_for_url("**since=2026-11-**until=2026-11-**")
    page.context.close()


def test_it_prints_without_navigation_and_forms(site: Site) -> None:
    page = site.page(1440, "light")
    page.goto("/services/helpdesk?range=28d", wait_until="networkidle")
    page.emulate_media(media="print")
    assert [page.is_visible(each) for each in (".top", ".times", ".csv")] == [False, False, False]
    assert page.is_visible("h1")
    assert len(page.pdf()) > 20_000
    page.context.close()


def test_paper_is_light_says_its_time_and_leaves_forms_out(site: Site) -> None:
    page = site.page(1440, "dark")
    page.goto("/?range=28d", wait_until="networkidle")
    expect(page.locator(".printed")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".printed")).to_contain_text("UTC")
    expect(page.locator("form.filters")).to_be_hidden()
    expect(page.locator("body")).to_have_css("color", "rgb(24, 33, 43)")
    page.context.close()
