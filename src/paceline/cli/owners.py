"""`paceline owners`: who answers for what, what changed, and what nobody answers for."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, loaded_standards, standards_option
from paceline.cli.report import read_span
from paceline.cli.trouble import EXIT_NO

_SHOWN = ("actor", "action", "subject", "text")


@click.command(epilog="Example: paceline owners --since 7d")
@click.option("--since", default="24h", show_default=True, metavar="SPAN", help="Whose calls count: 24h, 7d.")
@standards_option
@data_option
@format_option("text", "json")
def command(since: str, standards: Path, data: Path | None, output: str) -> None:
    """Say who owns which service, and which calls nobody answers for.

    Exits with 1 when there are calls nobody answers for. `paceline import` takes owners over from other catalogues.
    """
    from paceline.governance.owners import ownerless

    known, now = loaded_standards(standards), time.time()
    with opened_ledger(data_dir(data, standards)) as ledger:
        lost = ownerless(ledger, known, now - read_span(since), now)
        changes = [one for one in ledger.audit.list(limit=500) if one.action == "owner"]
    owners = {name: each.owner or "" for name, each in sorted(known.options.services.items())}
    if output == "json":
        acts = [
            {"at": one.at_us / 1e6, "subject": one.subject, "text": one.text, "actor": one.actor} for one in changes
        ]
        click.echo(json.dumps({"owners": owners, "ownerless": [one._asdict() for one in lost], "changes": acts}))
    else:
        for name, owner in owners.items():
            click.echo(f"{name:<24} {owner or 'nobody'}")
        for one in changes[:10]:
            click.echo(f"changed {datetime.fromtimestamp(one.at_us / 1e6, UTC):%Y-%m-%d}: {one.subject}: {one.text}")
        for each in lost:
            cost = f", ${each.cost_usd:,.2f}" if each.cost_usd else ""
            click.echo(f"{each.requests:,} calls with {each.why}{f': {each.service}' if each.service else ''}{cost}")
    if lost:
        raise SystemExit(EXIT_NO)
