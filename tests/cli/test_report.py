"""The report's forms, from one document as the ledger makes it."""

# ruff: noqa: E501  # the snapshots are as wide as what they show

import json
import re
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot

from paceline.cli.rendering import cells, html, markdown, text
from paceline.cli.report import command, read_span
from paceline.cli.trouble import Trouble

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parent / "report.json").read_text())


def shown(document: dict[str, Any]) -> str:
    out = StringIO()
    text.show(document, "paceline report --format html > report.html", out)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_text_shows_every_service_beside_its_budget() -> None:
    assert shown(DOCUMENT) == snapshot("""\
Services against their budgets, 2026-11-23 04:00 to 05:00 UTC

Service         Calls  Metric      p50      p95      p99  Budget         Over it  Tokens and cost
───────────────────────────────────────────────────────────────────────────────────────────────────────────
builder           301  TTFT     1.21 s   2.80 s   4.10 s  p50 ≤ 3.00 s     2.0 %  12.0 M in (91.7 % cached)
repo-agent                                                p95 ≤ 10.0 s       0 %  94,000 out
owner platform                                            p99 ≤ 20.0 s       0 %  $21.80 (100 % known)
                       TPOT    17.2 ms  19.0 ms  21.0 ms  p99 ≤ 40.0 ms      0 %

editor          1,012  total    110 ms   442 ms   812 ms  p50 ≤ 200 ms    10.0 %  2.30 M in
code|complete                                             p95 ≤ 400 ms     7.1 %  29,000 out
owner nobody                                              p99 ≤ 1.00 s     0.1 %  - (0 % known)
                       errors        -        -        -  ≤ 2.0 %          1.0 %

notes               0                                                             -
digest
owner docs

ok    builder · repo-agent    within budget
                              cache answered 31.0 %, saved $1.20
                              prompt caches held 91.7 % of the input; 20 missed, mostly a system prompt that
                              changed
                              12 sent again ($0.05), 3 answered by another deployment
                              20 hedged ($0.02), the second copy won 12
                              40 waited in a queue, p95 120 ms
                              4 of 290 cut short by the cap added
                              7 refused for requests a minute
                              2 refused for money a day
                              30 close to a limit
                              $0.07 more for attempts that did not answer
over  editor · code|complete  over budget: <total> p95 442 ms against 400 ms (7.1 % over); 10 failed at the
                              provider, 1 timed out as a whole
-     notes · digest          no traffic

TTFT: time to the first token; TPOT: time per output token after the first; total: from the call to the end of
its answer; errors: share of calls that failed
The gateway itself added p50 84 µs, p95 140 µs, p99 1.19 ms to a call.

Output caps
  repo-agent on large: p99 310 tokens in 2,400 answers suggest a cap of 466; in force: 8,192
  2026-11-23 05:00 UTC: the cap of digest went from 240 to the class's: more answers were cut short

Next: paceline report --format html > report.html\
""")


def test_text_fits_a_pasted_block_and_is_plain_when_piped() -> None:
    lines = shown(DOCUMENT).splitlines()
    assert max(map(len, lines)) <= text.PIPED_COLUMNS
    assert "\x1b" not in "".join(lines)


def test_a_narrow_terminal_gets_tokens_and_cost_below_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "PIPED_COLUMNS", 80)
    lines = shown(DOCUMENT).splitlines()
    assert "\n".join(lines) == snapshot("""\
Services against their budgets, 2026-11-23 04:00 to 05:00 UTC

Service         Calls  Metric      p50      p95      p99  Budget         Over it
────────────────────────────────────────────────────────────────────────────────
builder           301  TTFT     1.21 s   2.80 s   4.10 s  p50 ≤ 3.00 s     2.0 %
repo-agent                                                p95 ≤ 10.0 s       0 %
owner platform                                            p99 ≤ 20.0 s       0 %
                       TPOT    17.2 ms  19.0 ms  21.0 ms  p99 ≤ 40.0 ms      0 %

editor          1,012  total    110 ms   442 ms   812 ms  p50 ≤ 200 ms    10.0 %
code|complete                                             p95 ≤ 400 ms     7.1 %
owner nobody                                              p99 ≤ 1.00 s     0.1 %
                       errors        -        -        -  ≤ 2.0 %          1.0 %

notes               0
digest
owner docs

ok    builder · repo-agent    within budget
                              12.0 M in (91.7 % cached), 94,000 out, $21.80 (100
                              % known)
                              cache answered 31.0 %, saved $1.20
                              prompt caches held 91.7 % of the input; 20 missed,
                              mostly a system prompt that changed
                              12 sent again ($0.05), 3 answered by another
                              deployment
                              20 hedged ($0.02), the second copy won 12
                              40 waited in a queue, p95 120 ms
                              4 of 290 cut short by the cap added
                              7 refused for requests a minute
                              2 refused for money a day
                              30 close to a limit
                              $0.07 more for attempts that did not answer
over  editor · code|complete  over budget: <total> p95 442 ms against 400 ms
                              (7.1 % over); 10 failed at the provider, 1 timed
                              out as a whole
                              2.30 M in, 29,000 out, - (0 % known)
-     notes · digest          no traffic
                              -

TTFT: time to the first token; TPOT: time per output token after the first;
total: from the call to the end of its answer; errors: share of calls that
failed
The gateway itself added p50 84 µs, p95 140 µs, p99 1.19 ms to a call.

Output caps
  repo-agent on large: p99 310 tokens in 2,400 answers suggest a cap of 466; in
force: 8,192
  2026-11-23 05:00 UTC: the cap of digest went from 240 to the class's: more
answers were cut short

Next: paceline report --format html > report.html\
""")
    assert max(map(len, lines)) <= 80


def test_markdown_escapes_what_would_break_its_tables() -> None:
    assert markdown.render(DOCUMENT) == snapshot("""\
# Services against their budgets, 2026-11-23 04:00 to 05:00 UTC

| Service | Use case | Owner | Calls | Metric | p50 | p95 | p99 | Budget | Over it |
| --- | --- | --- | ---: | --- | ---: | ---: | ---: | --- | ---: |
| builder | repo-agent | platform | 301 | TTFT | 1.21 s | 2.80 s | 4.10 s | p50 ≤ 3.00 s | 2.0 % |
|  |  |  |  |  |  |  |  | p95 ≤ 10.0 s | 0 % |
|  |  |  |  |  |  |  |  | p99 ≤ 20.0 s | 0 % |
|  |  |  |  | TPOT | 17.2 ms | 19.0 ms | 21.0 ms | p99 ≤ 40.0 ms | 0 % |
| editor | code\\|complete | nobody | 1,012 | total | 110 ms | 442 ms | 812 ms | p50 ≤ 200 ms | 10.0 % |
|  |  |  |  |  |  |  |  | **p95 ≤ 400 ms** | 7.1 % |
|  |  |  |  |  |  |  |  | p99 ≤ 1.00 s | 0.1 % |
|  |  |  |  | errors | - | - | - | ≤ 2.0 % | 1.0 % |

| Service | Use case | Tokens | Cost | Cost known for | Verdict |
| --- | --- | --- | --- | --- | --- |
| builder | repo-agent | 12.0 M in (91.7 % cached), 94,000 out | $21.80 | 100 % | within budget |
| editor | code\\|complete | 2.30 M in, 29,000 out | - | 0 % | over budget: <total> p95 442 ms against 400 ms (7.1 % over); 10 failed at the provider, 1 timed out as a whole |
| notes | digest | - | - | - | no traffic |

- **builder · repo-agent**: cache answered 31.0 %, saved $1.20; prompt caches held 91.7 % of the input; 20 missed, mostly a system prompt that changed; 12 sent again ($0.05), 3 answered by another deployment; 20 hedged ($0.02), the second copy won 12; 40 waited in a queue, p95 120 ms; 4 of 290 cut short by the cap added; 7 refused for requests a minute; 2 refused for money a day; 30 close to a limit; $0.07 more for attempts that did not answer

Output caps:

- repo-agent on large: p99 310 tokens in 2,400 answers suggest a cap of 466; in force: 8,192
- 2026-11-23 05:00 UTC: the cap of digest went from 240 to the class's: more answers were cut short

The gateway itself added p50 84 µs, p95 140 µs, p99 1.19 ms to a call.

_TTFT: time to the first token; TPOT: time per output token after the first; total: from the call to the end of its answer; errors: share of calls that failed_
""")


def test_html_is_one_page_that_needs_nothing_else_and_escapes_names() -> None:
    page = html.render(DOCUMENT)
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []
    assert "<script" not in page
    assert "over budget: &lt;total&gt;" in page
    assert page.count("<section>") == 4
    assert all(row.service in page and row.verdict.split("<")[0] in page for row in cells.services(DOCUMENT))


def test_a_percentile_that_falls_among_failed_calls_says_so() -> None:
    document = deepcopy(DOCUMENT)
    total = document["services"][1]["metrics"]["total_ms"]
    total |= {"p99": None, "n_failed": 40}
    assert cells.services(document)[1].metrics[0].p99 == "failed"


def test_a_service_without_a_budget_shows_what_means_something_everywhere() -> None:
    document = deepcopy(DOCUMENT)
    service = document["services"][1]
    for metric in service["metrics"].values():
        metric |= {"limits": {}, "over_by_limit": {}, "broken": []}
    assert [metric.name for metric in cells.services(document)[1].metrics] == ["total"]
    assert "total" in shown(document)
    assert "| total |" in markdown.render(document)
    assert "<td>total</td>" in html.render(document)


@pytest.mark.parametrize("render", [shown, markdown.render, html.render])
def test_an_empty_window_says_so(render: Any) -> None:
    assert "No calls in this window." in render({**DOCUMENT, "services": []})


@pytest.mark.parametrize(("span", "seconds"), [("90s", 90), ("15m", 900), ("1.5h", 5400), ("7d", 604800)])
def test_spans_are_read(span: str, seconds: float) -> None:
    assert read_span(span) == seconds


@pytest.mark.parametrize("span", ["", "1", "h", "0h", "-1h", "1 year"])
def test_what_is_no_span_is_refused(span: str) -> None:
    with pytest.raises(Trouble):
        read_span(span)


def test_a_missing_data_directory_is_said_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--data", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "or start with `paceline up` or `paceline demo`." in done.stderr


@pytest.mark.parametrize("output", ["text", "json", "markdown", "html"])
def test_an_empty_ledger_is_reported_in_every_form(tmp_path: Path, output: str) -> None:
    done = CliRunner().invoke(command, ["--data", str(tmp_path), "--format", output])
    assert done.exit_code == 0, done.output
    if output == "json":
        assert json.loads(done.stdout)["services"] == []


def test_what_traffic_rules_did_is_told_in_every_form_and_only_where_it_happened() -> None:
    rows = cells.services(DOCUMENT)
    assert rows[0].traffic == snapshot(
        (
            "cache answered 31.0 %, saved $1.20",
            "prompt caches held 91.7 % of the input; 20 missed, mostly a system prompt that changed",
            "12 sent again ($0.05), 3 answered by another deployment",
            "20 hedged ($0.02), the second copy won 12",
            "40 waited in a queue, p95 120 ms",
            "4 of 290 cut short by the cap added",
            "7 refused for requests a minute",
            "2 refused for money a day",
            "30 close to a limit",
            "$0.07 more for attempts that did not answer",
        )
    )
    assert rows[1].traffic == ()
    for text_form in (shown(DOCUMENT), markdown.render(DOCUMENT), html.render(DOCUMENT)):
        assert "12 sent again ($0.05), 3 answered by another deployment" in " ".join(text_form.split())


def test_output_caps_are_suggested_and_their_changes_told() -> None:
    assert cells.caps(DOCUMENT) == snapshot(
        [
            "repo-agent on large: p99 310 tokens in 2,400 answers suggest a cap of 466; in force: 8,192",
            "2026-11-23 05:00 UTC: the cap of digest went from 240 to the class's: more answers were cut short",
        ]
    )
    assert cells.caps({}) == []
