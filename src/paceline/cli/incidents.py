"""`paceline incidents`: breaches of budgets, and what people do about them. Works on the ledger itself."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, standards_option
from paceline.cli.report import read_span
from paceline.cli.trouble import EXIT_NO, Trouble
from paceline.governance.alerts.alert import Severity
from paceline.governance.alerts.errors import GovernanceError
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.states import REASONS, IncidentState, Reason, TransitionError, due

if TYPE_CHECKING:
    from paceline.ledger import Ledger
    from paceline.ledger.incidents import Incident, IncidentEvent

_ONWARD = ("triaged", "investigating", "mitigated")


@click.group(epilog="Example: paceline incidents list")
def command() -> None:
    """List, show and act on breaches of budgets.

    The control process opens an incident when more requests are over a limit than its percentile allows, and closes it
    when the service is within its budget again for long enough.
    """


@command.command("list", epilog="Example: paceline incidents list --since 7d")
@standards_option
@data_option
@click.option("--since", default=None, metavar="SPAN", help="Those that ended so long ago too: 24h, 7d.")
@format_option("text", "json")
def list_incidents(standards: Path, data: Path | None, since: str | None, output: str) -> None:
    """List the open incidents. Exits with 1 when there are any."""
    ended = None if since is None else int((time.time() - read_span(since)) * 1e6)
    with opened_ledger(data_dir(data, standards)) as ledger:
        found = ledger.incidents.list(ended_since_us=ended)
    if output == "json":
        click.echo(json.dumps({"incidents": [_document(one) for one in found]}))
    elif found:
        _show_table(found)
    else:
        click.echo("No open incidents: every limit with traffic is within its budget, as far as can be told.")
    if any(one.is_open for one in found):
        raise SystemExit(EXIT_NO)


@command.command(epilog="Example: paceline incidents show i_4fGh2kLm")
@click.argument("incident")
@standards_option
@data_option
@format_option("text", "json")
def show(incident: str, standards: Path, data: Path | None, output: str) -> None:
    """Show an incident and its timeline."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        known = ledger.incidents.get(incident)
    if known is None:
        raise _unknown(incident)
    found, events = known
    if output == "json":
        click.echo(json.dumps(_document(found) | {"timeline": [_entry(event) for event in events]}))
        return
    for line in _lines(found):
        click.echo(line)
    click.echo()
    for event in events:
        click.echo(f"  {_when(event.at_us)}  {event.actor}: {event.text}")


@command.command(epilog="Example: paceline incidents ack i_4fGh2kLm --to investigating")
@click.argument("incident")
@click.option("--to", type=click.Choice(_ONWARD), default="triaged", show_default=True, help="Where it stands now.")
@standards_option
@data_option
def ack(incident: str, to: str, standards: Path, data: Path | None) -> None:
    """Take an incident on, or move it on."""
    from paceline.governance.incidents.acting import acknowledge

    _act(standards, data, lambda ledger: acknowledge(ledger, incident, _actor(), to=IncidentState(to)))
    click.echo(f"{incident} is {to}.")


@command.command(epilog='Example: paceline incidents note i_4fGh2kLm "rolled back to build 41"')
@click.argument("incident")
@click.argument("text")
@standards_option
@data_option
def note(incident: str, text: str, standards: Path, data: Path | None) -> None:
    """Add a note to an incident's timeline."""
    from paceline.governance.incidents.acting import note as add

    if not text.strip():
        raise Trouble("the note is empty.", "say what was found or done.")
    _act(standards, data, lambda ledger: add(ledger, incident, _actor(), text.strip()))
    click.echo(f"Noted in {incident}.")


def _reasons(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        for reason, words in REASONS.items():
            click.echo(f"{reason.value:16}{words}")
        ctx.exit()


@command.command(epilog="Example: paceline incidents close i_4fGh2kLm --reason deploy --note 'rolled back'")
@click.argument("incident")
@click.option(
    "--reason", type=click.Choice([each.value for each in Reason]), help="Why it happened; `--reasons` explains them."
)
@click.option("--note", "text", default="", help="What was found or done.")
@click.option("--false-alarm", is_flag=True, help="It was none; needs --note.")
@click.option(
    "--reasons",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_reasons,
    help="Explain the reasons and exit.",
)
@standards_option
@data_option
def close(incident: str, reason: str | None, text: str, false_alarm: bool, standards: Path, data: Path | None) -> None:
    """End an incident: resolved, or a false alarm."""
    from paceline.governance.incidents.acting import end

    to = IncidentState.FALSE_ALARM if false_alarm else IncidentState.RESOLVED
    named = Reason(reason) if reason else None
    _act(standards, data, lambda ledger: end(ledger, incident, _actor(), to, reason=named, text=text))
    click.echo(f"{incident} is {to.words}.")


def _act(standards: Path, data: Path | None, act: Callable[[Ledger], None]) -> None:
    with opened_ledger(data_dir(data, standards)) as ledger:
        try:
            act(ledger)
        except TransitionError as error:
            raise Trouble(f"{error}.", "`paceline incidents close --reasons` explains the reasons.") from error
        except GovernanceError as error:
            raise Trouble(f"{error}.", "`paceline incidents list --since 30d` lists them.") from error


def _unknown(incident: str) -> Trouble:
    return Trouble(f"there is no incident {incident}.", "`paceline incidents list --since 30d` lists them.")


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _show_table(found: Sequence[Incident]) -> None:
    from rich.table import Table

    from paceline.cli.rendering import text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("Id", "Service", "Use case", "Limit", "Severity", "State", "Owner", "Since", "Over"):
        table.add_column(column)
    for one in found:
        limit = limit_words(one.limit)
        state = IncidentState(one.state).words
        share = f"{one.over / one.n:.0%} of {one.n:,}" if one.n else ""
        names = [one.id, one.limit.service, one.limit.use_case, limit, one.severity, state, one.owner or "nobody"]
        table.add_row(*names, _when(one.since_us), share)
    text.console().print(table)


def _lines(one: Incident) -> list[str]:
    limit = one.limit
    share = (
        f"{one.over:,} of {one.n:,} requests over ({one.over / one.n:.1%}; {one.allowed:.1%} allowed)" if one.n else ""
    )
    lines = [
        f"{one.id}  {limit.service} / {limit.use_case}: {limit_words(limit)}",
        f"  {one.severity}, {IncidentState(one.state).words}; owner {one.owner or 'nobody'}",
        f"  since {_when(one.since_us)}, {share}",
    ]
    if one.ended_us is not None:
        return [*lines, f"  ended {_when(one.ended_us)}, reason {one.reason}"]
    detected = datetime.fromtimestamp(one.detected_us / 1e6, UTC)
    next_due = due(Severity(one.severity), IncidentState(one.state), detected)
    if next_due is not None:
        lines.append(f"  to be {next_due[0].words} by {next_due[1]:%Y-%m-%d %H:%M} UTC")
    return lines


def _document(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        **one.limit._asdict(),
        "state": one.state,
        "severity": one.severity,
        "owner": one.owner,
        "since": one.since_us / 1e6,
        "detected": one.detected_us / 1e6,
        "ended": None if one.ended_us is None else one.ended_us / 1e6,
        "reason": one.reason,
        "requests": one.n,
        "over_limit": one.over,
        "allowed": one.allowed,
    }


def _entry(event: IncidentEvent) -> dict[str, Any]:
    return {"at": event.at_us / 1e6, "actor": event.actor, "kind": event.kind, "text": event.text}


def _when(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M}"
