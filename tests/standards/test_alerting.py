"""Channels, quiet hours, and how alerts are sent: what is read, and what is said of what is wrong."""

from __future__ import annotations

import pytest

from paceline.standards import Standards, load

TEAM = "version: 1\nteams:\n  support: {alerts: [%s]}\n%s\n"
MAIL = "alerting: {smtp: env:SMTP, sender: paceline@acme.example}"


def read(channel: str, more: str = "") -> Standards:
    return load(TEAM % (channel, more), env={})


def said(standards: Standards) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in standards.faults]


@pytest.mark.parametrize("channel", ["{slack: env:S}", "{teams: env:T}", "{pagerduty: file:/p}", "{webhook: env:W}"])
def test_each_channel_alone_is_sound(channel: str) -> None:
    assert said(read(channel)) == []


def test_a_channel_goes_one_way() -> None:
    assert said(read("{slack: env:S, pagerduty: env:P}")) == [
        ("teams.support.alerts[0]", "an alert goes one way, and this one names slack and pagerduty")
    ]
    assert said(read("{severities: [page]}")) == [
        ("teams.support.alerts[0]", "an alert goes one way, and this one names no channel")
    ]


def test_only_webhooks_are_signed() -> None:
    assert said(read("{webhook: env:W, signing_secret: env:S}")) == []
    (fault,) = read("{slack: env:W, signing_secret: env:S}").faults
    assert (fault.path, fault.message) == (
        "teams.support.alerts[0].signing_secret",
        "only a webhook's messages are signed",
    )


def test_mail_needs_a_server_and_a_sender() -> None:
    assert said(read("{email: a@acme.example}", MAIL)) == []
    (fault,) = read("{email: a@acme.example}").faults
    assert fault.hint == "Add `alerting: {smtp: env:SMTP, sender: paceline@YOUR.DOMAIN}`"
    assert said(read("{email: acme.example}", MAIL)) == [
        ("teams.support.alerts[0].email", "'acme.example' is not a mail address")
    ]


def test_absent_secrets_of_alerts_are_warned_of() -> None:
    standards = read("{webhook: env:W, signing_secret: env:S}", MAIL)
    assert [fault.path for fault in standards.warnings] == ["teams.support.alerts"] * 2 + ["alerting.smtp"]


@pytest.mark.parametrize(("written", "minutes"), [('"20:00"', 1200), ('"8:05"', 485), ("22:30", 1350), ('"00:00"', 0)])
def test_a_time_of_day_is_read_with_and_without_quotes(written: str, minutes: int) -> None:
    standards = load(f"version: 1\nteams:\n  a: {{quiet_hours: {{from: {written}, to: '07:00'}}}}\n", env={})
    assert said(standards) == []
    quiet = standards.options.teams["a"].quiet_hours
    assert quiet is not None
    assert (quiet.from_, quiet.to, quiet.timezone) == (minutes, 420, "UTC")


@pytest.mark.parametrize("written", ['"24:00"', "noon", "1440", "true", '"7"'])
def test_what_is_no_time_of_day_is_told(written: str) -> None:
    standards = load(f"version: 1\nteams:\n  a: {{quiet_hours: {{from: {written}, to: '07:00'}}}}\n", env={})
    ((path, message),) = said(standards)
    assert path == "teams.a.quiet_hours.from"
    assert message.endswith("is not a time of day")


def test_teams_and_time_zones_must_exist() -> None:
    standards = load(
        "version: 1\nalerting: {default_team: platfrm}\n"
        "teams:\n  platform: {}\n  a: {escalate_to: b, quiet_hours: {from: '20:00', to: '07:00', timezone: Berlin}}\n",
        env={},
    )
    assert said(standards) == [
        ("alerting.default_team", "there is no team 'platfrm'"),
        ("teams.a.escalate_to", "there is no team 'b'"),
        ("teams.a.quiet_hours.timezone", "there is no time zone 'Berlin' on this machine"),
    ]
