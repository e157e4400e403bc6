"""Every check met, not met and without data; levels; facts from a real ledger; the command."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot
from sqlalchemy import insert

from paceline.cli.scorecard import command
from paceline.governance.scorecard import CHECKS, Level, Verdict, scorecards
from paceline.governance.scorecard.card import card_of
from paceline.governance.scorecard.gathering import Facts, gathered
from paceline.governance.waivers import Source, Waiver, WaiverState
from paceline.ledger import Ledger, open_ledger
from paceline.ledger.incidents import IncidentEvent, LimitKey
from paceline.ledger.lint import LintState
from paceline.ledger.schema import minute, minute_limit, series
from paceline.ledger.verdict import Limit
from paceline.standards import load

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COUNTS = {
    "n": 1000,
    "n_untagged": 5,
    "n_off_standard": 10,
    "n_cost_due": 900,
    "n_cost": 900,
    "n_ok": 950,
    "n_streamed": 940,
    "tokens_input": 2_000_000,
    "tokens_cached": 800_000,
}
LINT = LintState("helpdesk", int(NOW.timestamp() * 1e6), "abc", "0.1.0", "ci", 9, 9, 9, 9, 0, 2, 0, 3, 4, {})
GOOD = Facts(
    name="helpdesk",
    owner="support",
    contact="#support",
    use_cases=("chat",),
    counts=COUNTS,
    interactive=(950, 940),
    limits=(("chat", Limit("ttft_ms", "p95", 800.0, 1000, 30, None)),),
    lint=LINT,
    now=NOW,
)
WAIVER = Waiver(
    *("w_1", Source.LEDGER, "helpdesk", "", "", "", "", "", "r", "dana", "lee"),
    *(WaiverState.APPROVED, NOW - timedelta(days=10), NOW + timedelta(days=20)),
)


def verdict(name: str, facts: Facts) -> tuple[str, str, str]:
    (result,) = [result for check, result in card_of(facts).results if check.name == name]
    return result.verdict.value, result.figure, result.next_step


def with_counts(**counts: int) -> Facts:
    return replace(GOOD, counts={**COUNTS, **counts})


def test_a_service_that_does_everything_is_gold() -> None:
    card = card_of(GOOD)
    assert {result.verdict for _, result in card.results} == {Verdict.MET}
    assert (card.level, card.next_step) == (Level.GOLD, "")


@pytest.mark.parametrize(
    ("name", "facts", "figure", "step"),
    [
        ("owner", replace(GOOD, owner=""), "nobody", "name the team that answers for it: `owner:`"),
        ("owner", replace(GOOD, contact=""), "support, without a contact", "add a `contact:` to the team support"),
        (
            *("linted", replace(GOOD, lint=LINT._replace(errors=2)), "2 errors, 3 pragmas, 4 in the baseline"),
            "see where: paceline check --mode enforce",
        ),
        ("class", replace(GOOD, classless=("chat",)), "1 without one", "write the `class:` of chat"),
        (
            "tagged",
            with_counts(n_untagged=30),
            "97.0%, 98% wanted",
            "set the use case in the base URL, in a header or in its key",
        ),
        (
            "cost known",
            with_counts(n_cost=450),
            "50.0%, 98% wanted",
            "add the price of the model that has none: `prices:`",
        ),
        ("no overdue incident", replace(GOOD, overdue=("i_1",)), "1 overdue", "take it on: paceline incidents ack i_1"),
        (
            "within budget",
            replace(GOOD, limits=(*GOOD.limits, ("chat", Limit("total_ms", "p99", 9.0, 1000, 40, None)))),
            "total p99 of chat: 4.0% over its limit",
            "see where it is slow: paceline incidents list, service helpdesk",
        ),
        ("output capped", replace(GOOD, capless=("chat",)), "none for chat", "set `max_output_tokens`, or `learned`"),
        (
            "standard models",
            with_counts(n_off_standard=80),
            "92.0%, 95% wanted",
            "call `auto`, a task or a model of the standards",
        ),
        (
            "waivers end",
            replace(GOOD, waivers=(replace(WAIVER, source=Source.FILE, id="file:0", state=WaiverState.EXPIRED),)),
            "file:0 has ended",
            "remove it from the standards, or have it approved anew",
        ),
        (
            "waivers end",
            replace(GOOD, waivers=(replace(WAIVER, starts=NOW - timedelta(days=80)),)),
            "80 of the last 90 days",
            "change the budget, or the service",
        ),
        (
            "waivers end",
            replace(GOOD, waivers=(replace(WAIVER, ends=NOW + timedelta(days=3)),)),
            "w_1 ends in 3 days",
            "decide about w_1: within the standards by then, or another waiver",
        ),
        (
            "streamed",
            replace(GOOD, interactive=(950, 500)),
            "52.6%, 90% wanted",
            "ask for streams where a person waits: `stream: true`",
        ),
        (
            "cached",
            with_counts(tokens_cached=100_000),
            "5% of input tokens",
            "put what every call repeats first in the prompt, and keep `prompt_cache` on",
        ),
    ],
)
def test_what_is_not_met_says_so_and_what_to_do(name: str, facts: Facts, figure: str, step: str) -> None:
    assert verdict(name, facts) == ("not met", figure, step)
    assert card_of(facts).next_step == f"{name}: {step}"
    assert card_of(facts).level is not Level.GOLD


UNUSED = (("chat", Limit("ttft_ms", "p95", 800.0, 0, 0, None)),)
NOTHING = replace(GOOD, counts=dict.fromkeys(COUNTS, 0), interactive=(0, 0), limits=UNUSED)


@pytest.mark.parametrize("name", ["tagged", "cost known", "within budget", "standard models", "streamed", "cached"])
def test_without_traffic_nothing_is_met(name: str) -> None:
    assert verdict(name, NOTHING)[0] == "no data"
    assert (card_of(NOTHING).level, card_of(NOTHING).next_step) == (Level.NONE, "tagged: wait for traffic")


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("cost known", with_counts(n_cost_due=0, n_cost=0)),
        ("within budget", replace(GOOD, limits=())),
        ("streamed", replace(GOOD, interactive=(0, 0))),
        ("cached", with_counts(tokens_input=200_000, tokens_cached=0)),
    ],
)
def test_what_does_not_apply_stands_in_nobodys_way(name: str, facts: Facts) -> None:
    assert verdict(name, facts)[0] == "does not apply"
    assert card_of(facts).level is Level.GOLD


def test_limits_at_their_edge_and_of_nothing_are_judged_as_everywhere() -> None:
    edge = replace(GOOD, limits=(("chat", Limit("ttft_ms", "p90", 1.0, 1000, 100, None)),))
    assert verdict("within budget", edge)[0] == "met"
    none = replace(GOOD, limits=(("chat", Limit("error_share", "mean", 0.0, 1000, 1, None)),))
    assert verdict("within budget", none)[:2] == ("not met", "error share of chat: 0.1% over its limit")


def test_waivers_over_the_same_days_count_once_and_a_renewed_one_may_end() -> None:
    both = (
        replace(WAIVER, starts=NOW - timedelta(days=40)),
        replace(WAIVER, id="w_2", starts=NOW - timedelta(days=45)),
    )
    assert verdict("waivers end", replace(GOOD, waivers=both))[:2] == ("met", "2 in force")
    ending = replace(WAIVER, ends=NOW + timedelta(days=3))
    renewed = replace(WAIVER, id="w_2", ends=NOW + timedelta(days=60))
    assert verdict("waivers end", replace(GOOD, waivers=(ending, renewed)))[0] == "met"
    assert verdict("waivers end", replace(GOOD, waivers=(ending, replace(renewed, rule="G204"))))[0] == "not met"


def test_the_exact_cache_is_a_cache_too() -> None:
    facts = replace(with_counts(tokens_cached=0), cache_hits=300)
    assert verdict("cached", facts)[:2] == ("met", "32% of answers from the exact cache")


def test_a_service_without_a_use_case_has_no_budget() -> None:
    assert verdict("class", replace(GOOD, use_cases=()))[0] == "not met"


def test_a_level_needs_those_below_it() -> None:
    assert card_of(replace(GOOD, interactive=(950, 0))).level is Level.SILVER
    assert card_of(replace(GOOD, overdue=("i_1",))).level is Level.BRONZE
    assert card_of(with_counts(n_untagged=500)).level is Level.NONE


def test_every_check_stands_in_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "scorecard.md").read_text()
    assert [check.name for check in CHECKS if f"| {check.name} | {check.level} |" not in page] == []


TEXT = """\
version: 1
models: {small: [openai/a]}
providers: {openai: {}}
tasks: {chat: small}
use_cases:
  support-chat: {class: chat, task: chat, max_output_tokens: 500}
  digest: {task: chat, max_output_tokens: null}
teams: {support: {contact: "#s"}, editor: {contact: "#e"}}
services:
  helpdesk: {owner: support, use_cases: [support-chat]}
  reports: {owner: editor, use_cases: [digest]}
"""


def traffic(ledger: Ledger, service: str, use_case: str, at: int, over: int, **counts: Any) -> None:
    names = {"service": service, "use_case": use_case, "model": "small", "deployment": "openai/a", "plan": "p"}
    with ledger.engine.begin() as connection:
        made = connection.execute(insert(series).values(**names, last_minute=1 << 40)).inserted_primary_key
        assert made is not None
        row = dict.fromkeys((column.name for column in minute.columns), 0)
        connection.execute(insert(minute).values({**row, **counts, "minute": at, "series": made[0]}))
        limit = {"minute": at, "series": made[0], "metric": "ttft_ms", "percentile": "p95"}
        connection.execute(insert(minute_limit).values(**limit, n=counts["n"], over_limit=over))


def test_facts_come_from_ledger_and_standards(ledger: Ledger) -> None:
    at = int(NOW.timestamp()) // 60 - 3000
    traffic(ledger, "helpdesk", "support-chat", at, 20, **COUNTS)
    detected = int((NOW - timedelta(days=30)).timestamp() * 1e6)
    values = {
        "state": "detected",
        "severity": "page",
        "owner": "support",
        "since_us": detected,
        "detected_us": detected,
    }
    with ledger.incidents.changing() as change:
        event = IncidentEvent(detected, "paceline", "detected", "over")
        limit = LimitKey("helpdesk", "support-chat", "ttft_ms", "p95")
        number = change.open(
            {**values, "detected_us": detected, "n": 1, "over_limit": 1, "allowed": 0.05}, limit, event
        )
    helpdesk, reports = gathered(ledger, load(TEXT, env={}), NOW.timestamp())
    assert (helpdesk.counts, helpdesk.interactive, helpdesk.overdue) == (COUNTS, (950, 940), (number,))
    counted = {(limit.metric, limit.percentile): (limit.n, limit.over) for _, limit in helpdesk.limits}
    assert counted["ttft_ms", "p95"] == (1000, 20)
    assert (reports.classless, reports.capless, reports.counts["n"]) == (("digest",), ("digest",), 0)
    first, second = scorecards(ledger, load(TEXT, env={}), NOW.timestamp())
    assert (first.level, second.level) == (Level.BRONZE, Level.NONE)
    assert scorecards(ledger, load(TEXT, env={}), NOW.timestamp(), only="helpdesk") == [first]


def test_old_words_of_the_linter_say_nothing_and_none_at_all_do_not_matter() -> None:
    old = replace(GOOD, lint=LINT._replace(at_us=LINT.at_us - 31 * 86_400_000_000))
    assert verdict("linted", old)[:2] == ("no data", "last reported 31 days ago")
    assert verdict("linted", replace(GOOD, lint=None))[0] == "does not apply"


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "paceline.yaml").write_text(TEXT)
    where = ["--standards", str(tmp_path / "paceline.yaml"), "--data", str(tmp_path / "data")]
    with open_ledger(tmp_path / "data") as ledger:
        traffic(ledger, "helpdesk", "support-chat", int(time.time()) // 60 - 3000, 20, **COUNTS)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(command, [*arguments, *where])
        assert done.exit_code == 0
        return done.output

    assert run() == snapshot("""\
gold    helpdesk                 nothing: keep it so
none    reports                  class: write the `class:` of digest
""")
    assert run("reports") == snapshot("""\
reports: none, owner editor
  ok bronze  Does a team with a contact answer for it? (editor, #e)
  no bronze  Does each of its use cases name a class, and so a budget? (1 without one)
             write the `class:` of digest
  ?  bronze  Do its calls say which use case they are for? (0 requests)
  ?  bronze  Is the cost of its calls known? (0 requests)
  ok silver  Is every incident where it has to be by now? (none overdue)
  ?  silver  Were all limits kept over 28 days? (too few requests to tell)
  no silver  Has every use case an output cap? (none for digest)
             set `max_output_tokens`, or `learned`
  ?  silver  Does it use the models of the standards? (0 requests)
  -  silver  Is its code free of the linter's errors? (never reported)
  ok gold    Are exceptions short, and do they end? (none)
  ?  gold    Do people who wait see the answer as it comes? (0 requests)
  ?  gold    Is what its prompts repeat cached? (0 answers)
""")
    assert [card["level"] for card in json.loads(run("--format", "json"))["scorecards"]] == ["gold", "none"]
    assert run("--format", "markdown").splitlines()[2] == "| helpdesk | gold | support |  |"
    assert run("reports", "--format", "markdown").startswith("## reports: none")
    assert CliRunner().invoke(command, ["nothing", *where]).exit_code == 2
