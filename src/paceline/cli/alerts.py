"""`paceline alerts`: try a team's channels, and see what was sent. Works on the standards and the ledger themselves."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, loaded_standards, standards_option, when
from paceline.cli.report import read_span
from paceline.cli.trouble import EXIT_NO, Trouble

if TYPE_CHECKING:
    from paceline.ledger.outbox import Message
    from paceline.standards import Standards

_SEVERITIES = ("page", "urgent", "ticket")


@click.group(epilog="Example: paceline alerts test helpdesk")
def command() -> None:
    """Try the channels of a service's owner, and list what was sent.

    Which channels a team has, and when it is left alone, stands in the standards under `teams:` and `alerting:`.
    """


@command.command(epilog="Example: paceline alerts test helpdesk --severity page")
@click.argument("service")
@click.option("--severity", type=click.Choice(_SEVERITIES), default="ticket", show_default=True, help="As if it were.")
@standards_option
@format_option("text", "json")
def test(service: str, severity: str, standards: Path, output: str) -> None:
    """Send a real alert to the owner of SERVICE, now, and say what became of it.

    Quiet hours do not hold it back. Exits with 1 when a channel did not take it.
    """
    from paceline.governance.alerts.channels import channels
    from paceline.governance.alerts.errors import NotSentError

    known = loaded_standards(standards)
    alert = _test_alert(known, service, severity)
    found = channels(known, alert.owner, alert.severity)
    results = []
    for channel in found:
        try:
            channel.sender(known.options.alerting)(alert)
            results.append({"team": channel.team, "channel": channel.name, "sent": True, "error": ""})
        except NotSentError as error:
            results.append({"team": channel.team, "channel": channel.name, "sent": False, "error": error.reason})
    if output == "json":
        click.echo(json.dumps({"service": service, "owner": alert.owner, "channels": results}))
    else:
        for line in _said(results, alert.owner, severity):
            click.echo(line)
    if not results or not all(each["sent"] for each in results):
        raise SystemExit(EXIT_NO)


@command.command("list", epilog="Example: paceline alerts list --since 24h")
@standards_option
@data_option
@click.option("--since", default="24h", show_default=True, metavar="SPAN", help="How far back: 24h, 7d.")
@format_option("text", "json")
def list_messages(standards: Path, data: Path | None, since: str, output: str) -> None:
    """List the messages of late: sent, waiting, failed."""
    since_us = int((time.time() - read_span(since)) * 1e6)
    with opened_ledger(data_dir(data, standards)) as ledger:
        found = ledger.outbox.since(since_us)
    if output == "json":
        click.echo(json.dumps({"messages": [_document(message) for message in found]}))
    elif not found:
        click.echo("No messages.")
    else:
        _show(found)


def _test_alert(known: Standards, service: str, severity: str) -> Any:
    from paceline.governance.alerts.alert import Alert, Severity, State

    options = known.options.services.get(service)
    if options is None:
        names = ", ".join(known.options.services) or "none"
        raise Trouble(f"there is no service {service!r} in the standards.", f"there are: {names}.")
    team = known.options.teams.get(options.owner or "")
    return Alert(
        incident=f"test-{int(time.time())}",
        state=State.FIRING,
        severity=Severity(severity),
        service=service,
        use_case="",
        owner=options.owner or "",
        contact=team.contact if team is not None else "",
        what="this is a test, nothing is wrong",
        since=datetime.now(UTC),
        next_step="nothing; somebody ran `paceline alerts test`",
        link=known.options.alerting.link or "",
        event="test",
    )


def _said(results: list[dict[str, Any]], owner: str, severity: str) -> list[str]:
    if not results:
        return [f"Team {owner} has no channel that takes a {severity}: it would hear nothing."]
    lines = []
    for each in results:
        name = "the control process's log" if each["channel"] == "log" else each["channel"]
        lines.append(f"{each['team'] or 'nobody'}, {name}: {'sent' if each['sent'] else each['error']}")
    if results[0]["channel"] == "log":
        lines.append(f"The team has no `alerts:`. Add one under `teams.{owner or 'NAME'}.alerts`.")
    return lines


def _show(found: list[Message]) -> None:
    from rich.table import Table

    from paceline.cli.rendering import text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("At", "Incident", "Event", "Team", "Channel", "State"):
        table.add_column(column)
    for message in found:
        table.add_row(
            when(message.at_us), message.incident, message.event, message.team, message.channel, _state(message)
        )
    text.console().print(table)


def _state(message: Message) -> str:
    if message.sent_us is not None:
        return f"sent {when(message.sent_us)}"
    if message.failed_us is not None:
        return f"failed: {message.error}"
    tried = f", tried {message.tries} times: {message.error}" if message.tries else ""
    waits = f"waits until {when(message.due_us)}" if message.due_us > time.time_ns() // 1000 else "to be sent"
    return f"{waits}{tried}"


def _document(message: Message) -> dict[str, Any]:
    times = {
        name: None if at is None else at / 1e6
        for name, at in (
            ("at", message.at_us),
            ("due", message.due_us),
            ("sent", message.sent_us),
            ("failed", message.failed_us),
        )
    }
    names = ("incident", "event", "team", "channel", "tries", "error")
    return {**{name: getattr(message, name) for name in names}, **times}
