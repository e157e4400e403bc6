"""The parts that every page is made of, as they are sent, by snapshot."""

# ruff: noqa: E501  # as they are sent
from __future__ import annotations

from typing import Any

from inline_snapshot import snapshot

from paceline.dashboard import view
from paceline.dashboard.charts import Line, Mark, line_chart
from paceline.dashboard.shapes import QUANTILES, Curve, curve_chart, heat_map
from paceline.dashboard.spans import span_between, span_of

NOW = 1_795_435_225.5


def part(source: str, **values: Any) -> str:
    """Return what a piece of a template gives, its lines put together."""
    template = view._environment().from_string('{% import "parts.html.j2" as parts %}' + source)
    return "\n".join(line.strip() for line in template.render(**values).splitlines() if line.strip())


def test_a_head_with_its_time() -> None:
    head = '{{ parts.head("Services", "Worst <first>.", span=span, address="/", chosen={"team": "a&b"}) }}'
    assert part(head, span=span_of("7d", NOW)) == snapshot("""\
<div class="head">
<div class="title"><h1>Services</h1><p class="sub">Worst &lt;first&gt;.</p></div>
<div class="times" id="times">
<ul aria-label="Time">
<li><a href="/?team=a%26b&amp;range=1h">1h</a></li>
<li><a href="/?team=a%26b&amp;range=24h">24h</a></li>
<li><a href="/?team=a%26b&amp;range=7d" aria-current="true">7d</a></li>
<li><a href="/?team=a%26b&amp;range=28d">28d</a></li>
</ul>
<details>
<summary>Between</summary>
<form method="get" action="/">
<input type="hidden" name="team" value="a&amp;b">      <label>Since (UTC) <input name="since" type="datetime-local" required value="2026-11-16T12:01"></label>
<label>Until (UTC) <input name="until" type="datetime-local" value="2026-11-23T12:01"></label>
<button>Show</button>
</form>
</details>
</div>
<p class="printed">2026-11-16 12:01 to 2026-11-23 12:01 UTC</p></div>\
""")


def test_a_head_between_two_moments_says_which() -> None:
    span = span_between("2026-11-01", "2026-11-02T06:00", NOW)
    assert part("{{ parts.times(span, '/spend') }}", span=span) == snapshot("""\
<div class="times" id="times">
<ul aria-label="Time">
<li><a href="/spend?range=1h">1h</a></li>
<li><a href="/spend?range=24h">24h</a></li>
<li><a href="/spend?range=7d">7d</a></li>
<li><a href="/spend?range=28d">28d</a></li>
</ul>
<details>
<summary>2026-11-01 00:00 to 2026-11-02 06:00 UTC</summary>
<form method="get" action="/spend">
<label>Since (UTC) <input name="since" type="datetime-local" required value="2026-11-01T00:00"></label>
<label>Until (UTC) <input name="until" type="datetime-local" value="2026-11-02T06:00"></label>
<button>Show</button>
</form>
</details>
</div>\
""")


def test_filters_go_along_with_the_time_and_work_without_a_script() -> None:
    form = '{{ parts.filters("/", span, {"team": "lab", "state": none, "search": "x"}, selects, search="search") }}'
    selects = [("team", ["lab", "shop"]), ("state", [("over", "over budget")]), ("phase", [])]
    assert part(form, span=span_of("1h", NOW), selects=selects) == snapshot("""\
<form class="filters" method="get" action="/" role="search"
hx-get="/" hx-target="#found" hx-select="#found" hx-swap="outerHTML" hx-select-oob="#times,#which" hx-push-url="true" hx-trigger="submit, input delay:200ms" hx-sync="this:replace">
<input type="hidden" name="range" value="1h">  <label>Team
<select name="team"><option value="">All</option>
<option value="lab" selected>lab</option><option value="shop">shop</option>    </select></label>
<label>State
<select name="state"><option value="">All</option>
<option value="over">over budget</option>    </select></label>
<label>Search <input type="search" name="search" value="x" maxlength="200"></label>  <button>Show</button>
</form>\
""")


def test_tiles_have_a_tone_only_where_it_means_something() -> None:
    tiles = (
        '{% call parts.tiles() %}{{ parts.tile(2, "over budget", tone="bad", href="/?state=over") }}'
        '{{ parts.tile("$18", "spent", note="of $60") }}{% endcall %}'
    )
    assert part(tiles) == snapshot("""\
<ul class="tiles" aria-label="Figures"><li><span>over budget</span><a href="/?state=over"><b class="bad">2</b></a></li>
<li><span>spent</span><b class="">$18</b><small>of $60</small></li>
</ul>\
""")


def test_a_table_has_its_name_and_its_csv() -> None:
    table = '{% call parts.table("Services & more", csv="/x.csv?a=1&b=2", note="6") %}<tbody></tbody>{% endcall %}'
    assert part(table) == snapshot("""\
<section class="block">
<div class="bar"><h2>Services &amp; more</h2><p>6</p><a class="csv" href="/x.csv?a=1&amp;b=2" download>CSV</a></div>  <div class="scroll" tabindex="0" role="region" aria-label="Services &amp; more"><table>
<caption>Services &amp; more</caption>
<tbody></tbody>
</table></div>
</section>\
""")


def test_a_chart_is_drawn_and_is_a_table() -> None:
    line = Line("p95", ((0.0, 400.0), (60.0, None), (120.0, 1_200.0)))
    drawn = line_chart(
        "ttft", "ms", [line], 0.0, 180.0, limits=[("p95 limit", 800.0)], marks=[Mark(60.0, 'build "<41>"')]
    )
    assert part('{{ parts.chart(drawn, csv="/s.csv") }}', drawn=drawn) == snapshot("""\
<figure class="chart" data-unit="ms" data-limits="[[&#34;p95 limit&#34;, 800.0]]" data-marks="[[60.0, &#34;build \\&#34;\\u003c41\\u003e\\&#34;&#34;]]">
<figcaption><b>ttft</b> <span class="quiet">ms</span>
<span class="key"><span class="l1">p95</span><span class="limit">p95 limit</span><span class="event">what happened</span></span></figcaption>
<div class="plot">
<svg viewBox="0 0 640 220" role="img" aria-label="ttft, in ms">
<rect class="over" x="64" y="10" width="568" height="111.6"/>
<line class="grid" x1="64" x2="632" y1="196.0" y2="196.0"/>
<text x="56" y="200.0" text-anchor="end">0</text>
<line class="grid" x1="64" x2="632" y1="149.5" y2="149.5"/>
<text x="56" y="153.5" text-anchor="end">500</text>
<line class="grid" x1="64" x2="632" y1="103.0" y2="103.0"/>
<text x="56" y="107.0" text-anchor="end">1,000</text>
<line class="grid" x1="64" x2="632" y1="56.5" y2="56.5"/>
<text x="56" y="60.5" text-anchor="end">1,500</text>
<line class="grid" x1="64" x2="632" y1="10.0" y2="10.0"/>
<text x="56" y="14.0" text-anchor="end">2,000</text>
<text x="64.0" y="214" text-anchor="middle">00:00</text>
<text x="253.3" y="214" text-anchor="middle">00:01</text>
<text x="442.7" y="214" text-anchor="middle">00:02</text>
<text x="632.0" y="214" text-anchor="middle">00:03</text>
<line class="event" x1="253.3" x2="253.3" y1="10" y2="196"><title>build &#34;&lt;41&gt;&#34;</title></line>
<path class="line l1" d="M64.0 158.8h1.5M442.7 84.4h1.5"><title>p95</title></path>
<line class="limit" x1="64" x2="632" y1="121.6" y2="121.6"/>
<text class="limit-name" x="632" y="117.6" text-anchor="end">p95 limit</text>
</svg>
</div>
<div class="bar">
<details class="figures"><summary>Table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="ttft, as a table"><table>
<caption>ttft, ms</caption>
<thead><tr><th scope="col">UTC</th><th scope="col" class="number">p95</th></tr></thead>
<tbody><tr><th scope="row" data-at="0">01-01 00:00</th><td class="number">400</td></tr><tr><th scope="row" data-at="60">01-01 00:01</th><td class="number"></td></tr><tr><th scope="row" data-at="120">01-01 00:02</th><td class="number">1,200</td></tr></tbody>
</table></div>
</details>
<a class="csv" href="/s.csv" download>CSV</a>  </div>
</figure>\
""")


def test_a_meter_ends_at_four_times_what_is_allowed() -> None:
    assert part("{{ parts.meter(0.5) }}{{ parts.meter(9.25) }}") == snapshot("""\
<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="0.5 times the allowed share">
<rect class="track" width="100" height="8" rx="2"/>
<rect class="fill" width="12.5" height="8" rx="2"/>
<line class="mark" x1="25" x2="25" y1="0" y2="8"/>
</svg>
<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="9.2 times the allowed share">
<rect class="track" width="100" height="8" rx="2"/>
<rect class="fill bad" width="100" height="8" rx="2"/>
<line class="mark" x1="25" x2="25" y1="0" y2="8"/>
</svg>\
""")


def test_parts_of_a_whole() -> None:
    assert part('{{ parts.stack("Time", [("queue", 10, "10 ms"), ("decode", 30, "30 ms")]) }}') == snapshot("""\
<div class="stack">
<svg viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label="Time: queue 10 ms, decode 30 ms">
<rect class="s1" x="0" width="250.0" height="20"><title>queue: 10 ms</title></rect>
<rect class="s2" x="250.0" width="750.0" height="20"><title>decode: 30 ms</title></rect>
</svg>
<ul><li class="s1"><span>queue</span> <b>10 ms</b> <small>25 %</small></li><li class="s2"><span>decode</span> <b>30 ms</b> <small>75 %</small></li></ul>
</div>\
""")
    assert "<rect" not in part('{{ parts.stack("Time", [("queue", 0, "0 ms")]) }}')


def test_a_spark() -> None:
    assert part('{{ parts.spark([0, none, 2, 1], "Trend", 1) }}') == snapshot("""\
<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="Trend">
<line class="limit" x1="0" x2="100" y1="12.0" y2="12.0"/>  <path d="M0.0 22.0h1.5M66.7 2.0h1.5L100.0 12.0"/>
</svg>\
""")


def test_a_heat_map_and_a_curve_are_tables_too() -> None:
    drawn = heat_map("Total time", "ms", [(0.0, {40: 3})], 0.0, 600.0, step=600, limit=1_100)
    text = part('{{ parts.heat(drawn, csv="/h.csv") }}', drawn=drawn)
    assert '<rect class="h5"' in text
    assert '<td class="number">3</td>' in text
    curve = curve_chart("Percentiles", "ms", [Curve("total", tuple(range(100, 1_000, 100))[: len(QUANTILES)])])
    text = part('{{ parts.curve(drawn, csv="/p.csv") }}', drawn=curve)
    assert '<th scope="row">p95</th><td class="number">700</td>' in text


def test_states_do_not_rest_on_colour_alone() -> None:
    assert part(
        '{{ parts.severity("page") }}{{ parts.severity("ticket") }}{{ parts.badge("good", "<ok>") }}'
    ) == snapshot(
        '<span class="badge bad">page</span><span class="badge quiet">ticket</span><span class="badge good">&lt;ok&gt;</span>'
    )


def test_nothing_says_what_to_do() -> None:
    assert part('{% call parts.nothing("Nothing yet.") %}<p>Send one.</p>{% endcall %}') == snapshot(
        '<div class="nothing"><p>Nothing yet.</p><p>Send one.</p></div>'
    )


def test_when_figures_were_made() -> None:
    assert part("{{ parts.made(1795435225) }}") == snapshot(
        '<p class="made">Figures of <time datetime="2026-11-23T12:00:25Z">12:00:25</time> UTC.</p>'
    )
