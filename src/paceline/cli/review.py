"""`paceline review`: what happened in a week or a month, and what follows. Works on the ledger itself."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, format_option, loaded_standards, standards_option
from paceline.cli.trouble import Trouble

if TYPE_CHECKING:
    from paceline.governance.review import Review
    from paceline.ledger import Ledger
    from paceline.standards import Standards


class _Day(click.ParamType[date]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read `2026-11-22`."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it like 2026-11-22.", param, ctx)


@click.group(invoke_without_command=True, epilog="Example: paceline review --format html --output review.html")
@standards_option
@data_option
@click.option("--period", type=click.Choice(["week", "month"]), default="week", show_default=True, help="How far back.")
@click.option(
    "--ending", type=_Day(), default=None, metavar="DATE", help="Its last day, or one after it.  [default: yesterday]"
)
@format_option("markdown", "html", "json")
@click.option("--output", "file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write it there.")
@click.option("--send", "teams", multiple=True, metavar="TEAM", help="Send it to a team's chat and mail; repeatable.")
@click.option("--no-save", is_flag=True, help="Do not keep it for the next review to look back at.")
@click.pass_context
def command(
    ctx: click.Context,
    standards: Path,
    data: Path | None,
    period: str,
    ending: date | None,
    output: str,
    file: Path | None,
    teams: tuple[str, ...],
    no_save: bool,
) -> None:
    """Write the review of a week or a month.

    Budgets worst first, incidents with their ages, spend with where the month ends, what moved, what can be accounted
    for, waivers that end, and what to do next. The same period gives the same review; the next one checks from the
    data whether its actions happened. Weeks begin on Monday, 00:00 UTC.
    """
    if ctx.invoked_subcommand is not None:
        return
    from paceline.governance.review import Period, rendered, write_review

    sound = loaded_standards(standards)
    with opened_ledger(data_dir(data, standards)) as ledger:
        review = write_review(ledger, sound, Period(period), ending, time.time(), save=not no_save)
        if teams:
            _send(ledger, sound, review, teams)
    text = rendered(review, output)
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{file} cannot be written: {error.strerror}.", "name another file with --output.") from error
    click.echo(f"Wrote the review of {review.words} to {file}.")


def _send(ledger: Ledger, standards: Standards, review: Review, teams: tuple[str, ...]) -> None:
    from paceline.governance.review.sending import put_review

    unknown = [team for team in teams if team not in standards.options.teams]
    if unknown:
        names = ", ".join(standards.options.teams) or "none"
        raise Trouble(f"there is no team {unknown[0]!r}.", f"there are: {names}.")
    many = put_review(ledger, standards, review, teams, time.time())
    click.echo(f"{many} message{'' if many == 1 else 's'} will be sent; `paceline alerts list` shows them.", err=True)


@command.command("list", epilog="Example: paceline review list")
@standards_option
@data_option
@format_option("text", "json")
def list_reviews(standards: Path, data: Path | None, output: str) -> None:
    """List the reviews that were kept, the newest first."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        found = ledger.reviews.list()
    if output == "json":
        rows = [{"id": one.id, "since": one.since_us / 1e6, "until": one.until_us / 1e6} for one in found]
        click.echo(json.dumps({"reviews": rows}))
        return
    for one in found:
        done = len(one.document.get("actions", ()))
        made = f"{datetime.fromtimestamp(one.made_us / 1e6, UTC):%Y-%m-%d %H:%M}"
        click.echo(f"{one.id:20}{one.document.get('words', ''):28}{done:3} actions   written {made} UTC")
    if not found:
        click.echo("No review was kept yet: `paceline review` writes one.")
