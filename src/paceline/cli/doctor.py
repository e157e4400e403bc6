"""`paceline doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from paceline.cli.checks import Check, Installation, State, all_checks
from paceline.cli.places import data_dir, data_option, format_option, standards_option
from paceline.cli.trouble import EXIT_NO

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "bold red"}


@click.command(epilog="Example: paceline doctor --format json")
@standards_option
@data_option
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, standards: Path, data: Path | None, output: str) -> None:
    """Find out what is wrong with this installation.

    Looks at Python, the native module, the standards file and the secrets it names, the data directory, the
    ledger, the processes and their plan. Changes nothing. Exit code 1 when something is wrong.
    """
    checks = list(all_checks(Installation(standards, data_dir(data, standards))))
    if output == "json":
        found = [{"name": one.name, "state": one.state.value, "seen": one.seen, "fix": one.fix} for one in checks]
        click.echo(json.dumps({"checks": found}, indent=2))
    else:
        _show(checks)
    ctx.exit(EXIT_NO if any(one.state is State.WRONG for one in checks) else 0)


def _show(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    from paceline.cli.rendering import text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for one in checks:
        seen = Text(one.seen)
        if one.fix:
            seen.append(f"\n→ {one.fix}", style="dim" if one.state is State.NOTE else "")
        table.add_row(Text(one.state.value, style=_STYLES[one.state]), one.name, seen)
    text.console().print(table)
    wrong = sum(one.state is State.WRONG for one in checks)
    click.echo(f"\n{wrong} of {len(checks)} checks found something wrong." if wrong else "\nNothing is wrong.")
