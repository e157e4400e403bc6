"""Routes by owner and severity, names without secrets, quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.governance.alerts import NotSentError, Severity
from paceline.governance.alerts.channels import LOG, channels, not_before, secret
from paceline.standards import load
from paceline.standards.alerting import QuietHours

STANDARDS = load(
    """\
version: 1
alerting: {default_team: platform}
teams:
  support:
    alerts:
      - {slack: env:SLACK}
      - {pagerduty: env:PD, severities: [page]}
      - {webhook: env:HOOK, signing_secret: env:SIGN}
  platform: {alerts: [{teams: env:TEAMS}]}
  quiet: {}
""",
    env={},
)


def names(team: str, severity: Severity | None = None) -> list[str]:
    return [channel.kind for channel in channels(STANDARDS, team, severity)]


def test_a_team_hears_on_the_channels_that_take_the_severity() -> None:
    assert names("support", Severity.PAGE) == ["slack", "pagerduty", "webhook"]
    assert names("support", Severity.TICKET) == ["slack", "webhook"]
    assert names("support") == ["slack", "pagerduty", "webhook"]


def test_what_nobody_owns_goes_to_the_default_team() -> None:
    (channel,) = channels(STANDARDS, "", Severity.PAGE)
    assert (channel.team, channel.kind) == ("platform", "teams")
    assert channels(STANDARDS, "gone")[0].team == "platform"


def test_a_team_without_channels_is_told_in_the_log() -> None:
    (channel,) = channels(STANDARDS, "quiet", Severity.PAGE)
    assert (channel.name, channel.is_for_people) == (LOG, True)


def test_a_name_is_stable_and_tells_no_secret() -> None:
    (first, second, third) = channels(STANDARDS, "support")
    moved = load("version: 1\nteams: {support: {alerts: [{email: a@b.c}, {slack: env:SLACK}]}}", env={})
    assert channels(moved, "support")[1].name == first.name
    assert "SLACK" not in first.name
    assert len({first.name, second.name, third.name}) == 3
    assert not third.is_for_people


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    assert secret("env:A", {"A": " x "}) == "x"
    assert secret(f"file:{tmp_path / 'key'}", {}) == "from-file"


@pytest.mark.parametrize("reference", ["env:A", "file:/nowhere/at/all"])
def test_an_absent_secret_may_come_later(reference: str) -> None:
    with pytest.raises(NotSentError, match="where the control process runs") as error:
        secret(reference, {"A": ""})
    assert error.value.again


BERLIN = QuietHours.model_validate({"from": "20:00", "to": "08:00", "timezone": "Europe/Berlin", "weekends": True})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),  # Monday noon
        ("2026-11-23T19:30", "2026-11-24T07:00"),  # 20:30 in Berlin
        ("2026-11-24T06:59", "2026-11-24T07:00"),
        ("2026-11-24T07:00", "2026-11-24T07:00"),
        ("2026-11-27T20:00", "2026-11-30T07:00"),  # Friday evening: the weekend, and Monday's morning
        ("2026-03-28T12:00", "2026-03-30T06:00"),  # the clocks go forward on that Sunday
    ],
)
def test_quiet_hours_hold_back_what_is_no_page(now: str, goes: str) -> None:
    assert not_before(BERLIN, Severity.TICKET, at(now)) == at(goes)
    assert not_before(BERLIN, Severity.PAGE, at(now)) == at(now)
    assert not_before(None, Severity.TICKET, at(now)) == at(now)


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.booleans(),
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31)),  # noqa: DTZ001
)
def test_whatever_the_hours_a_message_goes_within_days(begin: int, end: int, weekends: bool, now: datetime) -> None:
    quiet = QuietHours.model_validate({"from": begin, "to": end, "timezone": "Europe/Berlin", "weekends": weekends})
    moment = now.replace(tzinfo=UTC)
    goes = not_before(quiet, Severity.URGENT, moment)
    assert moment <= goes
    assert (goes - moment).days < 4
    assert not_before(quiet, Severity.URGENT, goes) == goes
