"""`paceline keys`: the keys that services call with. Works on the ledger itself, whether or not anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paceline.cli.places import data_dir, data_option, format_option, standards_option
from paceline.cli.trouble import EXIT_NO, Trouble
from paceline.gateway.data_dir import DataDir

if TYPE_CHECKING:
    from paceline.ledger import Ledger


_MONEY = click.FloatRange(0, 1e9, min_open=True, max_open=True)
_LIMITS = {
    "requests_per_minute": "{:,} requests/min",
    "tokens_per_minute": "{:,} tokens/min",
    "requests_in_flight": "{:,} at once",
    "usd_per_day": "${:,g}/day",
    "usd_per_month": "${:,g}/month",
}


@click.group(epilog="Example: paceline keys create --service helpdesk --use-case support-chat")
def command() -> None:
    """Make, list and revoke the keys that services call with.

    A change is in force on a running gateway within a second. Only a key's SHA-256 is stored.
    """


@contextmanager
def opened_ledger(place: DataDir) -> Iterator[Ledger]:
    """Open the ledger of a data directory, made if need be; raises `Trouble`."""
    from paceline.ledger import LedgerError, open_ledger

    try:
        place.ensure()
        ledger = open_ledger(place.path)
    except (OSError, LedgerError) as error:
        raise Trouble(f"the ledger in {place.path} cannot be opened: {error}.", "run `paceline doctor`.") from error
    try:
        yield ledger
    finally:
        ledger.close()


@command.command(epilog="Example: paceline keys create --service helpdesk --format json")
@click.option("--service", required=True, help="The service it acts for when a call has no tag.")
@click.option("--use-case", default=None, help="The use case of calls without a tag.")
@click.option("--any-service", is_flag=True, help="May act for any service that a call's tag names.")
@click.option("--name", default="", help="A note, for the list.")
@click.option("--requests-per-minute", type=click.IntRange(1, 2**32 - 1), metavar="N", help="The most it may send.")
@click.option("--tokens-per-minute", type=click.IntRange(1, 2**53), metavar="N", help="Input and output together.")
@click.option("--requests-in-flight", type=click.IntRange(1, 2**32 - 1), metavar="N", help="The most at once.")
@click.option("--usd-per-day", type=_MONEY, metavar="USD", help="The most it may spend a day, in UTC.")
@click.option("--usd-per-month", type=_MONEY, metavar="USD", help="The most it may spend a calendar month.")
@standards_option
@data_option
@format_option("text", "json")
def create(
    service: str,
    use_case: str | None,
    any_service: bool,
    name: str,
    standards: Path,
    data: Path | None,
    output: str,
    **limits: float | None,
) -> None:
    """Make a key and show it, this once.

    Its limits hold beside those of its service, use case and team in the standards file.
    """
    warn_of_unknown(standards, service, use_case)
    own = {limit: value for limit, value in limits.items() if value is not None}
    with opened_ledger(data_dir(data, standards)) as ledger:
        made = ledger.keys.create(service=service, use_case=use_case, any_service=any_service, name=name, limits=own)
    if output == "json":
        facts = {"key": made.key, "id": made.id, "service": service, "use_case": use_case, "any_service": any_service}
        click.echo(json.dumps(facts | {"limits": own}))
        return
    click.echo(made.key)
    click.echo(f"  id {made.id}, acts for {service}. It is not shown again: keep it where secrets are kept.", err=True)


@command.command("list", epilog="Example: paceline keys list --format json")
@standards_option
@data_option
@format_option("text", "json")
def list_keys(standards: Path, data: Path | None, output: str) -> None:
    """List the keys; their text is not known."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        keys = [key.document() for key in ledger.keys.list()]
    if output == "json":
        click.echo(json.dumps({"keys": keys}))
        return
    if not keys:
        click.echo("There are no keys. `paceline keys create --service NAME` makes one.")
        return
    from rich.table import Table

    from paceline.cli.rendering import text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("Id", "Service", "Use case", "Made", "Revoked", "Limits", "Name"):
        table.add_column(column)
    for key in keys:
        service = "any" if key["any_service"] else key["service"] or ""
        when = [_when(key["created_at"]), _when(key["revoked_at"])]
        limits = ", ".join(_LIMITS[name].format(value) for name, value in key["limits"].items())
        table.add_row(key["id"], service, key["use_case"] or "", *when, limits, key["name"])
    text.console().print(table)


@command.command(epilog="Example: paceline keys revoke k_3f9aQx12")
@click.argument("key_id", metavar="ID")
@standards_option
@data_option
def revoke(key_id: str, standards: Path, data: Path | None) -> None:
    """Revoke a key, for good."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        if not ledger.keys.revoke(key_id):
            raise Trouble(f"there is no key {key_id!r} in use.", "`paceline keys list` shows the ids.", EXIT_NO)
    click.echo(f"revoked {key_id}")


@command.command(epilog="Example: paceline keys admin")
@standards_option
@data_option
def admin(standards: Path, data: Path | None) -> None:
    """Make a new admin key for the control API; the one before stops working."""
    from paceline.gateway.admin import make_admin_key

    with opened_ledger(data_dir(data, standards)) as ledger:
        click.echo(make_admin_key(ledger))


def warn_of_unknown(standards: Path, service: str, use_case: str | None) -> None:
    """Say so on standard error when the standards file does not know a name; a key may be made before it does."""
    services = known_services(standards)
    if services is None:
        return
    if service not in services:
        known = ", ".join(services) or "none"
        click.echo(f"note: {standards} has no service {service!r} (it has {known}).", err=True)
    elif use_case is not None and use_case not in services[service]:
        click.echo(f"note: in {standards}, service {service!r} has no use case {use_case!r}.", err=True)


def known_services(standards: Path) -> dict[str, list[str]] | None:
    """Return the use cases of each service in the standards file; None when it is missing or has faults."""
    if not standards.is_file():
        return None
    from paceline import standards as rules

    try:
        plan = rules.load(standards).plan(()).document
    except rules.StandardsError:
        return None
    return {one["name"]: one["use_cases"] for one in plan["services"]}


def _when(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
