"""`paceline report`: every service beside its budget."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, standards_option
from paceline.cli.trouble import Trouble

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")


def read_span(text: str) -> float:
    """Read `90s`, `15m`, `1h`, `7d` or `2w` as seconds."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise Trouble(f"{text!r} is not a span of time.", "write it like 15m, 1h or 7d.")
    return float(found[1]) * _UNITS_S[found[2]]


@click.command(epilog="Example: paceline report --since 24h --format markdown")
@standards_option
@data_option
@click.option("--since", default="1h", show_default=True, metavar="SPAN", help="How far back: 15m, 1h, 7d.")
@format_option("text", "json", "markdown", "html")
def command(standards: Path, data: Path | None, since: str, output: str) -> None:
    """Show every service's latency and cost beside its budget.

    Every figure is read from the ledger, where each call the gateway took has its record: also those that failed.
    """
    span = read_span(since)
    place = data_dir(data, standards)
    if not place.path.is_dir():
        wrong = f"there is no data directory {place.path}."
        raise Trouble(wrong, "name one with --data, or start with `paceline up` or `paceline demo`.")
    with opened_ledger(place) as ledger:
        document = ledger.report(time.time() - span)
    where = f" --data {data}" if data is not None else ""
    _print(document, output, f"paceline report{where} --since {since} --format html > report.html")


def _print(document: dict[str, Any], output: str, following: str) -> None:
    if output == "json":
        click.echo(json.dumps(document, indent=2))
    elif output == "markdown":
        from paceline.cli.rendering import markdown

        click.echo(markdown.render(document), nl=False)
    elif output == "html":
        from paceline.cli.rendering import html

        click.echo(html.render(document))
    else:
        from paceline.cli.rendering import text

        text.show(document, following)
