"""`paceline incidents`: what is wrong with services, and what people do about it. Works on the ledger itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, running_user, standards_option, when
from paceline.cli.report import read_span
from paceline.cli.trouble import EXIT_NO, Trouble
from paceline.governance.alerts.alert import Severity
from paceline.governance.alerts.errors import GovernanceError
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.states import REASONS, IncidentState, Reason, TransitionError, due
from paceline.ledger.incidents import BREACH

if TYPE_CHECKING:
    from paceline.ledger import Ledger
    from paceline.ledger.incidents import Incident, IncidentEvent

_ONWARD = ("triaged", "investigating", "mitigated")


@click.group(epilog="Example: paceline incidents list")
def command() -> None:
    """Show and act on breaches, regressions and hidden risks.

    The control process opens an incident when more requests are over a limit than its percentile allows, when the same
    work becomes slower or dearer, or when a signal comes on; it closes it when the figures are good for long enough.
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
        sent = ledger.outbox.of(incident)
    if known is None:
        raise _unknown(incident)
    found, events = known
    entries = [(event.at_us, f"{event.actor}: {event.text}") for event in events]
    entries += [(one.at_us, f"told {one.team or 'nobody'} by {one.channel}: {one.event}") for one in sent]
    if output == "json":
        click.echo(json.dumps(_document(found) | {"timeline": [_entry(event) for event in events]}))
        return
    for line in _lines(found):
        click.echo(line)
    click.echo()
    for at_us, text in sorted(entries, key=lambda entry: entry[0]):
        click.echo(f"  {when(at_us)}  {text}")


@command.command(epilog="Example: paceline incidents ack i_4fGh2kLm --to investigating")
@click.argument("incident")
@click.option("--to", type=click.Choice(_ONWARD), default="triaged", show_default=True, help="Where it stands now.")
@standards_option
@data_option
def ack(incident: str, to: str, standards: Path, data: Path | None) -> None:
    """Take an incident on, or move it on."""
    from paceline.governance.incidents.acting import acknowledge

    _act(standards, data, lambda ledger: acknowledge(ledger, incident, running_user(), to=IncidentState(to)))
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
    _act(standards, data, lambda ledger: add(ledger, incident, running_user(), text.strip()))
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
    _act(standards, data, lambda ledger: end(ledger, incident, running_user(), to, reason=named, text=text))
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


def _show_table(found: Sequence[Incident]) -> None:
    from rich.table import Table

    from paceline.cli.rendering import text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("Id", "Service", "Use case", "What", "Severity", "State", "Owner", "Since", "Over"):
        table.add_column(column)
    known = {one.id for one in found}
    for one in found:
        if one.parent not in known:
            table.add_row(one.id, *_cells(one))
            for child in found:
                if child.parent == one.id:
                    table.add_row(f"  {child.id}", *_cells(child))
    text.console().print(table)


def _cells(one: Incident) -> list[str]:
    share = f"{one.over / one.n:.0%} of {one.n:,}" if one.n else ""
    what = limit_words(one.limit) if one.kind == BREACH else f"{one.kind} {limit_words(one.limit)}".strip()
    state = IncidentState(one.state).words
    return [
        one.limit.service,
        one.limit.use_case,
        what,
        one.severity,
        state,
        one.owner or "nobody",
        when(one.since_us),
        share,
    ]


def _lines(one: Incident) -> list[str]:
    facts = Facts.loaded(one.facts)
    where = " / ".join(name for name in (one.limit.service, one.limit.use_case) if name) or f"provider {one.provider}"
    lines = [
        f"{one.id}  {where}: {facts.what or limit_words(one.limit)}",
        f"  {one.severity}, {IncidentState(one.state).words}; owner {one.owner or 'nobody'}",
        f"  since {when(one.since_us)}{_share(one)}",
    ]
    lines += [f"  {label}: {text}" for label, text in _belonging(one)]
    if facts.budget_left is not None and one.is_open:
        left = "overdrawn" if facts.budget_left < 0 else f"{facts.budget_left:.0%} left"
        lines.append(f"  error budget of 28 days: {left}")
    lines += [f"  what changed: {text}" for text in facts.changed]
    if one.ended_us is not None:
        return [
            *lines,
            f"  ended {when(one.ended_us)}, {f'reason {one.reason}' if one.reason else 'without a reason'}",
        ]
    if facts.next_step:
        lines.append(f"  next: {facts.next_step}")
    detected = datetime.fromtimestamp(one.detected_us / 1e6, UTC)
    next_due = due(Severity(one.severity), IncidentState(one.state), detected)
    if next_due is not None:
        lines.append(f"  to be {next_due[0].words} by {next_due[1]:%Y-%m-%d %H:%M} UTC")
    return lines


def _share(one: Incident) -> str:
    if not one.n:
        return ""
    return f", {one.over:,} of {one.n:,} requests over ({one.over / one.n:.1%}; {one.allowed:.1%} allowed)"


def _belonging(one: Incident) -> list[tuple[str, str]]:
    told = {"provider": one.provider, "belongs to": one.parent, "accepted by waiver": one.waiver}
    return [(label, text) for label, text in told.items() if text]


def _document(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
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
        "provider": one.provider,
        "parent": one.parent,
        "waiver": one.waiver,
        "facts": json.loads(one.facts),
    }


def _entry(event: IncidentEvent) -> dict[str, Any]:
    return {"at": event.at_us / 1e6, "actor": event.actor, "kind": event.kind, "text": event.text}
