"""`paceline waivers`: ask for exceptions, decide about them, list them. Works on the standards and the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import (
    data_dir,
    data_option,
    format_option,
    loaded_standards,
    running_user,
    standards_option,
)
from paceline.cli.trouble import Trouble

if TYPE_CHECKING:
    from paceline.governance.waivers import Waiver
    from paceline.ledger import Ledger

_SOON_DAYS = 14

_as = click.option("--as", "actor", default=None, metavar="NAME", help="Who does it.  [default: the user]")


@click.group(epilog="Example: paceline waivers list")
def command() -> None:
    """Ask for exceptions to the standards, approve or deny them, list them.

    What is waived is measured and shown as ever; it pages nobody and fails no gate until the waiver ends.
    """


@command.command(
    epilog='Example: paceline waivers request helpdesk --limit "ttft p95" --days 30 --reason "vendor outage, moving"'
)
@click.argument("service")
@click.option("--use-case", default="", help="Only this use case; all of the service's if absent.")
@click.option("--limit", default="", help='Only this limit, such as "ttft p95"; all if absent.')
@click.option("--rule", default="", metavar="CODE", help="In place of limits: the rule it lifts, such as G204.")
@click.option("--model", default="", help="In place of limits: the model it allows.")
@click.option("--reason", required=True, help="Why.")
@click.option("--days", type=int, required=True, help="For how long from its approval.")
@_as
@standards_option
@data_option
def request(standards: Path, data: Path | None, actor: str | None, **wanted: Any) -> None:
    """Ask for a waiver for SERVICE; another person has to approve it."""
    from paceline.governance.waivers.deciding import Request, request

    known = loaded_standards(standards)
    with _deciding(data, standards) as ledger:
        number, same = request(ledger, known, Request(requester=actor or running_user(), **wanted))
    click.echo(f"{number} is asked for. Another person approves it: paceline waivers approve {number}")
    if same is not None:
        click.echo(f"{same.id} covers the same until {_day(same.ends)}.")


@command.command(epilog="Example: paceline waivers approve w_4fGh2kLm --as lee")
@click.argument("waiver")
@_as
@standards_option
@data_option
def approve(waiver: str, actor: str | None, standards: Path, data: Path | None) -> None:
    """Approve a waiver that another person asked for; it holds from now on."""
    from paceline.governance.waivers.deciding import approve

    known = loaded_standards(standards)
    with _deciding(data, standards) as ledger:
        found = approve(ledger, known, waiver, actor or running_user())
    click.echo(f"{waiver} holds until {_day(found.ends)}: {found.scope}.")


@command.command(epilog='Example: paceline waivers deny w_4fGh2kLm --reason "use the small model"')
@click.argument("waiver")
@click.option("--reason", required=True, help="Why not.")
@_as
@standards_option
@data_option
def deny(waiver: str, reason: str, actor: str | None, standards: Path, data: Path | None) -> None:
    """Deny a waiver that is asked for."""
    from paceline.governance.waivers.deciding import deny

    with _deciding(data, standards) as ledger:
        deny(ledger, waiver, actor or running_user(), reason)
    click.echo(f"{waiver} is denied.")


@command.command(epilog='Example: paceline waivers revoke w_4fGh2kLm --reason "moved already"')
@click.argument("waiver")
@click.option("--reason", required=True, help="Why it ends.")
@_as
@standards_option
@data_option
def revoke(waiver: str, reason: str, actor: str | None, standards: Path, data: Path | None) -> None:
    """End a waiver before its time, or take a request back."""
    from paceline.governance.waivers.deciding import revoke

    with _deciding(data, standards) as ledger:
        revoke(ledger, waiver, actor or running_user(), reason)
    click.echo(f"{waiver} is revoked.")


@command.command("list", epilog="Example: paceline waivers list --all")
@click.option("--all", "with_ended", is_flag=True, help="Those that ended or were denied too.")
@standards_option
@data_option
@format_option("text", "json")
def list_waivers(with_ended: bool, standards: Path, data: Path | None, output: str) -> None:
    """List waivers of the standards file and of the ledger: those that hold, and those asked for."""
    from paceline.governance.waivers import WaiverState, all_waivers

    known = loaded_standards(standards)
    with _deciding(data, standards) as ledger:
        found = all_waivers(ledger, known, time.time())
    shown = [each for each in found if with_ended or each.state in (WaiverState.APPROVED, WaiverState.PENDING)]
    if output == "json":
        click.echo(json.dumps({"waivers": [document(each) for each in shown]}))
    elif shown:
        _show(shown)
    else:
        click.echo("No waivers: the standards hold for everybody.")


@command.command(epilog="Example: paceline waivers show w_4fGh2kLm")
@click.argument("waiver")
@standards_option
@data_option
@format_option("text", "json")
def show(waiver: str, standards: Path, data: Path | None, output: str) -> None:
    """Show a waiver and who did what to it."""
    from paceline.governance.waivers import all_waivers

    known = loaded_standards(standards)
    with _deciding(data, standards) as ledger:
        found = next((each for each in all_waivers(ledger, known, time.time()) if each.id == waiver), None)
        entries = ledger.audit.list(subject=f"waiver {waiver}")
    if found is None:
        raise Trouble(f"there is no waiver {waiver}.", "`paceline waivers list --all` lists them.")
    if output == "json":
        acts = [{"at": one.at_us / 1e6, "actor": one.actor, "action": one.action, "text": one.text} for one in entries]
        click.echo(json.dumps(document(found) | {"audit": acts[::-1]}))
        return
    click.echo(f"{found.id}  {found.scope}")
    click.echo(f"  {found.state.value}{f', until {_day(found.ends)}' if found.ends else ''}")
    click.echo(f"  {found.reason}")
    click.echo(f"  asked for by {found.requester}{f', decided by {found.approver}' if found.approver else ''}")
    for one in reversed(entries):
        click.echo(
            f"  {datetime.fromtimestamp(one.at_us / 1e6, UTC):%Y-%m-%d %H:%M}  {one.actor}: {one.action}: {one.text}"
        )


def document(one: Waiver) -> dict[str, Any]:
    """Return a waiver as JSON shows it; times in Unix seconds."""
    names = ("id", "service", "use_case", "metric", "percentile", "rule", "model", "reason", "requester", "approver")
    times = {name: None if at is None else at.timestamp() for name, at in (("starts", one.starts), ("ends", one.ends))}
    said = {"scope": one.scope, "state": one.state.value, "source": one.source.value}
    return {**{name: getattr(one, name) for name in names}, **said, **times}


@contextmanager
def _deciding(data: Path | None, standards: Path) -> Iterator[Ledger]:
    from paceline.governance.waivers.deciding import WaiverError

    with opened_ledger(data_dir(data, standards)) as ledger:
        try:
            yield ledger
        except WaiverError as error:
            raise Trouble(f"{error}.", f"{error.fix}.".replace("?.", "?")) from error


def _show(found: Sequence[Waiver]) -> None:
    from rich.table import Table

    from paceline.cli.rendering import text

    now = datetime.now(UTC)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("Id", "Scope", "State", "Until", "Requester", "Approver", "Reason"):
        table.add_column(column)
    for one in found:
        left = one.days_left(now) if one.state == "approved" else None
        soon = f" ({left} days)" if left is not None and left <= _SOON_DAYS else ""
        until = f"{_day(one.ends)}{soon}"
        table.add_row(one.id, one.scope, one.state.value, until, one.requester, one.approver, one.reason)
    text.console().print(table)


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"
