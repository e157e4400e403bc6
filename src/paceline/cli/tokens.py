"""`paceline tokens`: who may use the control API, and as what. Works on the ledger itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, standards_option
from paceline.cli.trouble import EXIT_NO, Trouble
from paceline.ledger.tokens import ROLES


@click.group(epilog="Example: paceline tokens create --role owner --team support --name dana")
def command() -> None:
    """Make, list and revoke tokens of people and programs for the control API.

    A viewer reads; an owner acts on what its team owns; an admin does everything. Only a digest is kept.
    """


@command.command(epilog="Example: paceline tokens create --role owner --team support --name ci")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it may.")
@click.option("--name", required=True, help="Whose it is: what timelines and the audit say.")
@click.option("--team", default="", help="The team of an owner.")
@standards_option
@data_option
@format_option("text", "json")
def create(role: str, name: str, team: str, standards: Path, data: Path | None, output: str) -> None:
    """Make a token and print it, the only time it is seen."""
    if (role == "owner") != bool(team):
        raise Trouble("an owner's token names its team, and no other does.", "add --team NAME, or choose another role.")
    if not name.strip():
        raise Trouble("the token has no name.", "say whose it is with --name.")
    with opened_ledger(data_dir(data, standards)) as ledger:
        text, made = ledger.tokens.create(role, name.strip(), team=team, actor="paceline tokens")
    if output == "json":
        click.echo(json.dumps({"id": made.id, "role": role, "team": team, "name": made.name, "token": text}))
    else:
        of = f" of {team}" if team else ""
        click.echo(f"{text}\nThis is {made.id}, for {made.name} as {role}{of}. It is not shown again.")


@command.command("list", epilog="Example: paceline tokens list")
@standards_option
@data_option
@format_option("text", "json")
def list_tokens(standards: Path, data: Path | None, output: str) -> None:
    """List the tokens, without their texts."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        found = ledger.tokens.list()
    if output == "json":
        click.echo(json.dumps({"tokens": [one._asdict() for one in found]}))
        return
    for one in found:
        at = f"{datetime.fromtimestamp(one.made_us / 1e6, UTC):%Y-%m-%d}"
        state = "revoked" if one.revoked_us is not None else f"since {at}"
        click.echo(f"{one.id}  {one.role:<7} {one.team or '-':<16} {one.name:<24} {state}")
    if not found:
        click.echo("No tokens: on this machine reading is free; `paceline tokens create` makes one.")


@command.command(epilog="Example: paceline tokens revoke t_1f2e3d4c")
@click.argument("token")
@standards_option
@data_option
def revoke(token: str, standards: Path, data: Path | None) -> None:
    """Revoke a token, at once."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        if not ledger.tokens.revoke(token, actor="paceline tokens"):
            click.echo(f"There is no token {token} that holds; `paceline tokens list` lists them.", err=True)
            raise SystemExit(EXIT_NO)
    click.echo(f"{token} is revoked.")
