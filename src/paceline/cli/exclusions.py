"""`paceline exclusions`: times that are not judged, such as maintenance. Works on the standards and the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import (
    data_dir,
    data_option,
    format_option,
    loaded_standards,
    read_moment,
    running_user,
    standards_option,
)
from paceline.cli.trouble import EXIT_NO, Trouble

if TYPE_CHECKING:
    from paceline.governance.exclusions import Exclusion


@click.group(epilog="Example: paceline exclusions list")
def command() -> None:
    """Say when not to judge: known maintenance, once or by a rule.

    What happens then is recorded and shown as ever; it opens no incident and closes none.
    """


@command.command(
    epilog='Example: paceline exclusions add --starts 2026-11-28T22:00+01:00 --minutes 120 --reason "reindexing"'
)
@click.option("--service", default="", help="Only this service; all if absent.")
@click.option("--use-case", default="", help="Only this use case; all if absent.")
@click.option("--starts", required=True, metavar="TIME", help="When the first begins, such as 2026-11-28T22:00+01:00.")
@click.option("--minutes", type=int, required=True, help="How long each lasts.")
@click.option("--rule", default="", help="How it recurs: an RRULE such as FREQ=WEEKLY;BYDAY=SA; once if absent.")
@click.option("--timezone", default="UTC", show_default=True, help="Time zone whose wall clock the rule keeps to.")
@click.option("--reason", required=True, help="Why.")
@standards_option
@data_option
def add(standards: Path, data: Path | None, starts: str, **wanted: Any) -> None:
    """Add a time that is not judged."""
    from paceline.governance.exclusions import Exclusion, ExclusionError, add

    known = loaded_standards(standards)
    made = Exclusion(id="", actor=running_user(), starts=read_moment(starts), **wanted)
    with opened_ledger(data_dir(data, standards)) as ledger:
        try:
            number = add(ledger, known, made)
        except ExclusionError as error:
            raise Trouble(f"{error}.", "`paceline exclusions add --help` shows how to write it.") from error
    click.echo(f"{number} is added; next {_next(made) or 'never'}.")


@command.command("list", epilog="Example: paceline exclusions list")
@click.option("--all", "with_ended", is_flag=True, help="Those that ended too.")
@standards_option
@data_option
@format_option("text", "json")
def list_exclusions(with_ended: bool, standards: Path, data: Path | None, output: str) -> None:
    """List the times that are not judged, of the standards file and of the ledger."""
    from paceline.governance.exclusions import all_exclusions

    known = loaded_standards(standards)
    with opened_ledger(data_dir(data, standards)) as ledger:
        found = all_exclusions(ledger, known)
    shown = [one for one in found if with_ended or (one.ended is None and _next(one))]
    if output == "json":
        click.echo(json.dumps({"exclusions": [_document(one) for one in shown]}))
        return
    for one in shown:
        scope = " / ".join(each for each in (one.service or "all services", one.use_case) if each)
        state = "ended" if one.ended else f"next {_next(one) or 'never'}"
        click.echo(f"{one.id}  {scope}, {one.minutes} minutes, {one.rule or 'once'}: {one.reason} ({state})")
    if not shown:
        click.echo("No exclusions: every minute is judged.")


@command.command(epilog="Example: paceline exclusions end x_1f2e3d4c")
@click.argument("exclusion")
@standards_option
@data_option
def end(exclusion: str, standards: Path, data: Path | None) -> None:
    """End an exclusion of the ledger, now."""
    with opened_ledger(data_dir(data, standards)) as ledger:
        is_ended = ledger.exclusions.end(exclusion, running_user())
    if not is_ended:
        where = "it stands in the standards file." if exclusion.startswith("file:") else "none goes on by that name."
        click.echo(f"{exclusion} cannot be ended: {where}", err=True)
        raise SystemExit(EXIT_NO)
    click.echo(f"{exclusion} has ended.")


def _next(one: Exclusion) -> str:
    """Say when the current or next one begins; empty when none will."""
    now = datetime.now(UTC)
    for first, end in one.spans(now, now + timedelta(days=366)):
        if end * 60 > now.timestamp():
            return f"{datetime.fromtimestamp(first * 60, UTC):%Y-%m-%d %H:%M} UTC"
    return ""


def _document(one: Exclusion) -> dict[str, Any]:
    names = ("id", "service", "use_case", "reason", "actor", "minutes", "rule", "timezone")
    ended = None if one.ended is None else one.ended.timestamp()
    said = {name: getattr(one, name) for name in names}
    return {**said, "starts": one.starts.timestamp(), "ended": ended, "next": _next(one)}
