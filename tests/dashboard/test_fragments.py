"""Parts of pages as they are sent, by snapshot: what several pages show alike."""
# ruff: noqa: E501, RUF001  # lines and dashes as they are sent

from __future__ import annotations

from typing import Any

from inline_snapshot import snapshot

from paceline.dashboard import view
from paceline.dashboard.pages.live import Rates
from paceline.dashboard.pages.request import Shown, shown
from paceline.dashboard.plan_changes import Change
from paceline.ledger.recent import RequestRow, Seen


def row(**changes: Any) -> Shown:
    known = {
        "id": "01a2", "start_us": 1_764_331_200_000_000, "service": "helpdesk", "use_case": "support-chat",
        "model": "small", "deployment": "sim/a", "outcome": "ok", "code": 0, "status": 200, "ttft_us": 480_000,
        "total_us": 2_400_000, "end_us": 2_410_000, "tokens_input": 1_200, "tokens_output": 90,
        "cost_nanousd": 1_400_000, "over_limit": 0, "attempts": 1, "cache": "miss", "queue_us": None,
    }  # fmt: skip
    return shown(RequestRow(**{**known, **changes}))


def macro(file: str, name: str, *arguments: Any) -> str:
    """Return what a macro of a template gives, its lines put together."""
    module = view._environment().get_template(f"{file}.html.j2").module
    return "\n".join(line.strip() for line in str(getattr(module, name)(*arguments)).splitlines() if line.strip())


def test_a_request_that_went_well() -> None:
    assert macro("parts_rows", "request_row", row()) == snapshot("""\
<tr>
<td class="tight"><a href="/requests/01a2">12:00:00</a><small>2025-11-28</small></td>
<td class="tight">helpdesk<small>support-chat</small></td>
<td class="tight">small<small>sim/a</small></td>
<td class="tight"><span class="badge good">ok</span><small></small></td>
<td class="number">480 ms</td>
<td class="number">2.4 s</td>
<td class="number">1,200<small>90</small></td>
<td class="number">$0.0014</td>
</tr>\
""")


def test_a_request_that_failed_after_three_attempts_with_an_escaped_name() -> None:
    failed = row(
        service="<b>&",
        outcome="timeout_first_token",
        code=402,
        ttft_us=None,
        total_us=None,
        cost_nanousd=None,
        attempts=3,
    )
    assert macro("parts_rows", "request_row", failed) == snapshot("""\
<tr>
<td class="tight"><a href="/requests/01a2">12:00:00</a><small>2025-11-28</small></td>
<td class="tight">&lt;b&gt;&amp;<small>support-chat</small></td>
<td class="tight">small<small>sim/a</small></td>
<td class="tight"><span class="badge bad">timeout first token</span><small>G402 3 attempts</small></td>
<td class="number">–</td>
<td class="number">2.41 s</td>
<td class="number">1,200<small>90</small></td>
<td class="number">–</td>
</tr>\
""")


def test_a_request_over_a_limit_is_amber_not_red() -> None:
    assert 'badge warn">over a limit' in macro("parts_rows", "request_row", row(over_limit=4))


def test_money_stands_beside_how_much_of_it_is_known() -> None:
    found = [macro("parts_rows", "coverage", share) for share in (None, 1.0, 0.92)]
    assert found == snapshot(
        ["", "<small>100 % of calls priced</small>", '<small class="warn">92 % of calls priced</small>']
    )


def test_changes_of_the_standards() -> None:
    changes = [Change("use case a", "ttft p95 limit", "800 ms", "1 s"), Change("team b", "", "", "new")]
    assert macro("parts_changes", "list", changes) == snapshot("""\
<div class="scroll" tabindex="0" role="region" aria-label="Changes"><table>
<caption>Changes</caption>
<thead><tr><th scope="col">Where</th><th scope="col">What</th><th scope="col">Was</th><th scope="col">Is</th></tr></thead>
<tbody><tr><td class="tight">use case a</td><td class="tight">ttft p95 limit</td><td><del>800 ms</del></td><td><ins>1 s</ins></td></tr><tr><td class="tight">team b</td><td class="tight">–</td><td>–</td><td><ins>new</ins></td></tr></tbody>
</table></div>\
""")
    assert macro("parts_changes", "list", []) == snapshot(
        '<p class="quiet">Nothing that matters to a request: an earlier document came back, or its order changed.</p>'
    )


def test_the_part_of_live_that_changes() -> None:
    values = {
        "rows": [row()],
        "rates": Rates(998.4, 0.002, 0.05, 20_100.0, 14.2, 10.0),
        "seen": Seen(n=12_345),
        "chosen": {"service": None, "kind": None},
        "is_paused": False,
        "is_old": False,
        "made_at": 1_764_331_205.0,
        "most": 40,
    }
    text = view.render("live_rows", gateway_url="http://127.0.0.1:4100", **values)
    assert "\n".join(line.strip() for line in text.splitlines() if line.strip()) == snapshot("""\
<div id="live" hx-get="/live/rows?" hx-trigger="every 1s" hx-swap="outerHTML" hx-target="this">
<ul class="tiles" aria-label="Lately"><li><span>requests a second</span><b class="">998</b><small>mean of 10 s</small></li>
<li><span>not answered</span><b class="">0.2 %</b></li>
<li><span>over a limit</span><b class="">5 %</b></li>
<li><span>tokens written a second</span><b class="">20,100</b></li>
<li><span>an hour at this rate</span><b class="">$14.20</b><small>of calls whose price is known</small></li>
<li><span>since this process began</span><b class="">12,345</b></li>
</ul><p class="made"><a href="/live?paused=true">Stop here</a> · <a href="/live?">Look again</a> · as of <time datetime="2025-11-28T12:00:05Z">12:00:05</time> UTC</p>
<section class="block">
<div class="bar"><h2>The last 1</h2><p>At most 40 are shown; the counts above are of all.</p><a class="csv" href="/requests.csv?range=1h" download>CSV</a></div>  <div class="scroll" tabindex="0" role="region" aria-label="The last 1"><table>
<caption>The last 1</caption>
<thead><tr><th scope="col">Began (UTC)</th><th scope="col">Service</th><th scope="col">Model</th><th scope="col">Outcome</th><th scope="col" class="number">First token</th><th scope="col" class="number">Total</th><th scope="col" class="number">Tokens in, out</th><th scope="col" class="number">Cost</th></tr></thead>
<tbody><tr>
<td class="tight"><a href="/requests/01a2">12:00:00</a><small>2025-11-28</small></td>
<td class="tight">helpdesk<small>support-chat</small></td>
<td class="tight">small<small>sim/a</small></td>
<td class="tight"><span class="badge good">ok</span><small></small></td>
<td class="number">480 ms</td>
<td class="number">2.4 s</td>
<td class="number">1,200<small>90</small></td>
<td class="number">$0.0014</td>
</tr>
</tbody>
</table></div>
</section>
</div>\
""")
