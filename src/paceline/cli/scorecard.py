"""`paceline scorecard`: how far services have come, and the one thing each has to do next. Works on the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, loaded_standards, standards_option
from paceline.cli.trouble import Trouble

if TYPE_CHECKING:
    from paceline.governance.scorecard import Card


@click.command(epilog="Example: paceline scorecard helpdesk")
@click.argument("service", required=False)
@standards_option
@data_option
@format_option("text", "json", "markdown")
def command(service: str | None, standards: Path, data: Path | None, output: str) -> None:
    """Say how far services have come: bronze, silver, gold.

    With SERVICE every check of it; without, one line a service with the one thing to do next.
    """
    from paceline.governance.scorecard import scorecards

    known = loaded_standards(standards)
    if service is not None and service not in known.options.services:
        names = ", ".join(known.options.services) or "none"
        raise Trouble(f"there is no service {service!r} in the standards.", f"there are: {names}.")
    with opened_ledger(data_dir(data, standards)) as ledger:
        cards = scorecards(ledger, known, time.time())
    shown = [card for card in cards if service in (None, card.service)]
    if output == "json":
        click.echo(json.dumps({"scorecards": [card.document() for card in shown]}))
    elif output == "markdown":
        click.echo("\n".join(_markdown(shown, whole=service is not None)))
    elif service is not None:
        _show(shown[0])
    else:
        for card in shown:
            click.echo(f"{card.level:<7} {card.service:<24} {card.next_step or 'nothing: keep it so'}")


def _show(card: Card) -> None:
    click.echo(f"{card.service}: {card.level}, owner {card.owner or 'nobody'}")
    for check, result in card.results:
        mark = {"met": "ok", "not met": "no", "no data": "?"}.get(result.verdict.value, "-")
        figure = f" ({result.figure})" if result.figure else ""
        click.echo(f"  {mark:<3}{check.level:<7} {check.question}{figure}")
        if result.next_step:
            click.echo(f"             {result.next_step}")


def _markdown(cards: Sequence[Card], *, whole: bool) -> list[str]:
    if not whole:
        rows = [f"| {card.service} | {card.level} | {card.owner or 'nobody'} | {card.next_step} |" for card in cards]
        return ["| service | level | owner | next |", "|---|---|---|---|", *rows]
    (card,) = cards
    rows = [
        f"| {check.question} | {check.level} | {result.verdict.value} | {result.figure} | {result.next_step} |"
        for check, result in card.results
    ]
    head = [f"## {card.service}: {card.level}", "", "| question | level | | figure | next |", "|---|---|---|---|---|"]
    return [*head, *rows]
