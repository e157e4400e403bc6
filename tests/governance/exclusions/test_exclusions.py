"""Times that are not judged: rules, time zones, file and ledger. On each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from paceline.cli.exclusions import command
from paceline.governance.exclusions import Excluded, Exclusion, ExclusionError, add, all_exclusions, excluded
from paceline.ledger import Ledger
from paceline.standards import load
from paceline.standards.recurrence import Recurrence, RuleError

TEXT = """\
version: 1
models: {small: [openai/a]}
providers: {openai: {}}
tasks: {chat: small}
use_cases: {support-chat: {class: chat, task: chat}, digest: {class: batch, task: chat}}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat, digest]}}
"""
STANDARDS = load(TEXT, env={})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def minute(text: str) -> int:
    return int(at(text).timestamp()) // 60


ONE = Exclusion(
    "", "helpdesk", "", "reindexing", "dana", at("2026-10-17T22:00+02:00"), 120, "FREQ=WEEKLY", "Europe/Berlin"
)


def test_a_rule_keeps_to_the_wall_clock_over_its_changes() -> None:
    begins = Recurrence(ONE.starts, ONE.rule, ONE.timezone).between(at("2026-10-20T00:00Z"), at("2026-11-02T00:00Z"))
    assert begins == [at("2026-10-24T20:00Z"), at("2026-10-31T21:00Z")]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("weekly", "is not a rule"),
        ("FREQ=SOMETIMES", "cannot be read"),
        ("FREQ=MINUTELY", "more often than hourly"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
        ("DTSTART:20260101T000000Z", "is not a rule"),
        ("FREQ=DAILY;UNTIL=20261101", "cannot be read"),
        ("FREQ=DAILY;COUNT=X", "cannot be read"),
    ],
)
def test_a_rule_that_cannot_be_taken_is_refused(ledger: Ledger, rule: str, wrong: str) -> None:
    with pytest.raises(RuleError, match=wrong):
        Recurrence(ONE.starts, rule).check()
    with pytest.raises(ExclusionError, match=wrong):
        add(ledger, STANDARDS, replace(ONE, rule=rule))
    assert ledger.exclusions.list() == []


def test_minutes_within_are_covered_and_others_are_not() -> None:
    found = Excluded([ONE], at("2026-10-20T00:00Z"), at("2026-11-02T00:00Z"))
    times = ("2026-10-24T19:59Z", "2026-10-24T20:00Z", "2026-10-24T21:59Z", "2026-10-24T22:00Z")
    assert [found.covers("helpdesk", "digest", minute(each)) for each in times] == [False, True, True, False]
    assert not found.covers("editor", "digest", minute(times[1]))


def test_one_that_began_before_the_span_reaches_into_it() -> None:
    found = Excluded([ONE], at("2026-10-24T21:00Z"), at("2026-10-25T00:00Z"))
    assert found.covers("helpdesk", "", minute("2026-10-24T21:30Z"))


@pytest.mark.parametrize(
    ("service", "use_case", "covers"),
    [("", "", True), ("helpdesk", "digest", True), ("", "digest", True), ("", "chat", False)],
)
def test_an_empty_part_of_the_scope_means_all(service: str, use_case: str, covers: bool) -> None:
    one = replace(ONE, service=service, use_case=use_case, rule="")
    found = Excluded([one], at("2026-10-17T00:00Z"), at("2026-10-18T00:00Z"))
    assert found.covers("helpdesk", "digest", minute("2026-10-17T20:30Z")) is covers


@given(st.integers(1, 3000), st.integers(-5000, 5000))
def test_once_lasts_exactly_its_minutes(length: int, off: int) -> None:
    one = replace(ONE, rule="", minutes=length)
    first = minute("2026-10-17T20:00Z")
    found = Excluded([one], at("2026-10-10T00:00Z"), at("2026-10-30T00:00Z"))
    assert found.covers("helpdesk", "x", first + off) is (0 <= off < length)


def test_those_of_the_ledger_end_and_are_audited(ledger: Ledger) -> None:
    number = add(ledger, STANDARDS, ONE)
    since, until = at("2026-10-20T00:00Z").timestamp(), at("2026-10-26T00:00Z").timestamp()
    assert excluded(ledger, STANDARDS, since, until).covers("helpdesk", "digest", minute("2026-10-24T20:30Z"))
    assert ledger.exclusions.end(number, "lee")
    assert not ledger.exclusions.end(number, "lee")
    (one,) = all_exclusions(ledger, STANDARDS)
    assert one.ended is not None
    assert one.spans(datetime.now(UTC), at("2099-01-01T00:00Z")) == []
    assert [entry.action for entry in ledger.audit.list(subject=f"exclusion {number}")] == ["end", "add"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"service": "x"}, "there is no service 'x'"),
        ({"use_case": "x"}, "there is no use case 'x'"),
        ({"reason": " "}, "there is no reason"),
        ({"timezone": "Berlin"}, "wants the time zone 'Berlin', which this machine does not know"),
        ({"minutes": 0}, "0 minutes are not allowed"),
        ({"minutes": 20_000}, "1 to 10080, a week"),
    ],
)
def test_what_cannot_be_excluded_is_said(ledger: Ledger, change: dict[str, object], wrong: str) -> None:
    with pytest.raises(ExclusionError, match=wrong):
        add(ledger, STANDARDS, replace(ONE, **change))  # type: ignore[arg-type]


def test_those_of_the_file_are_checked_and_count(ledger: Ledger) -> None:
    one = '{service: helpdesk, reason: r, starts: "2026-11-21T22:00:00Z", minutes: 60, rule: FREQ=WEEKLY}'
    standards = load(f"{TEXT}exclusions: [{one}]\n", env={})
    assert standards.faults == ()
    since, until = at("2026-11-27T00:00Z").timestamp(), at("2026-11-30T00:00Z").timestamp()
    assert excluded(ledger, standards, since, until).covers("helpdesk", "digest", minute("2026-11-28T22:30Z"))


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"starts": '"2026-11-21T22:00:00"'}, "starts", "the time has no offset from UTC"),
        ({"rule": "FREQ=MINUTELY"}, "rule", "'FREQ=MINUTELY' happens more often than hourly; nothing would be judged"),
        ({"timezone": "Berlin"}, "timezone", "there is no time zone 'Berlin' on this machine"),
        ({"service": "helpdsk"}, "service", "there is no service 'helpdsk'"),
    ],
)
def test_faults_of_the_file_say_where_and_what(change: dict[str, str], path: str, message: str) -> None:
    parts = {"service": "helpdesk", "reason": "r", "starts": '"2026-11-21T22:00:00Z"', "minutes": "60", **change}
    text = ", ".join(f"{name}: {value}" for name, value in parts.items())
    (fault,) = load(f"{TEXT}exclusions: [{{{text}}}]\n", env={}).faults
    assert (fault.path, fault.message) == (f"exclusions[0].{path}", message)


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "paceline.yaml").write_text(TEXT)
    where = ["--standards", str(tmp_path / "paceline.yaml"), "--data", str(tmp_path / "data")]

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, [*arguments, *where])
        return done.exit_code, done.output

    assert run("list") == (0, "No exclusions: every minute is judged.\n")
    scope = ("--starts", "2020-01-04T22:00+01:00", "--minutes", "60", "--rule", "FREQ=WEEKLY", "--reason", "reindexing")
    code, said = run("add", "--service", "helpdesk", *scope)
    number = said.split()[0]
    assert (code, said.startswith(f"{number} is added; next 20")) == (0, True)
    assert f"{number}  helpdesk, 60 minutes, FREQ=WEEKLY: reindexing (next 20" in run("list")[1]
    assert run("end", number) == (0, f"{number} has ended.\n")
    assert run("end", "file:0")[0] == 1
    assert run("list")[1] == "No exclusions: every minute is judged.\n"
    assert "(ended)" in run("list", "--all")[1]
    assert run("add", *scope[:1], "soon", *scope[2:])[0] == 2
