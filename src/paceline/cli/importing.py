"""`paceline import`: takes over what other tools know, as a change of the standards file that is shown first."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paceline.cli.places import loaded_standards, standards_option
from paceline.cli.trouble import EXIT_NO, Trouble

if TYPE_CHECKING:
    from paceline.governance.owners import Claim, Proposal


@click.group("import", epilog="Example: paceline import backstage services/")
def command() -> None:
    """Take over what other tools know: shows what would change, and changes it with --write."""


_write = click.option("--write", is_flag=True, help="Change the standards file; comments stay.")


@command.command(epilog="Example: paceline import backstage services/ --write")
@click.argument("places", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@_write
@standards_option
def backstage(places: tuple[Path, ...], write: bool, standards: Path) -> None:
    """Read `catalog-info.yaml` of Backstage: files, or folders to look through.

    A component is a service by its annotation `paceline.dev/service`, or by its name.
    """
    from paceline.governance.owners.backstage import claims

    _take_over(standards, lambda: claims(list(places)), write=write)


@command.command(epilog="Example: paceline import codeowners CODEOWNERS --service helpdesk=apps/helpdesk")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--service", "places", multiple=True, required=True, metavar="NAME=PATH", help="Where a service's code is."
)
@_write
@standards_option
def codeowners(file: Path, places: tuple[str, ...], write: bool, standards: Path) -> None:
    """Read a file like CODEOWNERS; the last line that matches a service's path counts."""
    from paceline.governance.owners.codeowners import claims

    pairs = dict(place.split("=", 1) for place in places if "=" in place)
    if len(pairs) < len(places):
        raise Trouble("a service is not written as NAME=PATH.", "write it like --service helpdesk=apps/helpdesk.")
    _take_over(standards, lambda: claims(file, pairs), write=write)


def _take_over(path: Path, read: Callable[[], Sequence[Claim]], *, write: bool) -> None:
    from paceline.governance.owners import OwnersError, merged
    from paceline.governance.owners.writing import changed_text
    from paceline.governance.owners.writing import write as replace

    known = loaded_standards(path)
    try:
        proposal = merged(known, read())
        _tell(proposal)
        if not proposal.changes:
            raise SystemExit(EXIT_NO if proposal.problems else 0)
        text = path.read_text(encoding="utf-8")
        owners = {name: owner for name, (_, owner) in proposal.changes.items()}
        changed = changed_text(text, owners, proposal.new_teams)
        for line in difflib.unified_diff(
            text.splitlines(), changed.splitlines(), str(path), str(path), lineterm="", n=1
        ):
            click.echo(line)
        if write:
            replace(path, changed)
            click.echo(f"{path} is changed.")
        else:
            click.echo("Nothing is written; --write does it.")
    except OwnersError as error:
        raise Trouble(f"{error}.", f"{error.fix}.") from error
    if proposal.problems:
        raise SystemExit(EXIT_NO)


def _tell(proposal: Proposal) -> None:
    for service, (before, now) in proposal.changes.items():
        click.echo(f"{service}: {before or 'nobody'} → {now}")
    for problem in proposal.problems:
        click.echo(f"not clear: {problem}")
    if proposal.new_teams:
        click.echo(f"new teams: {', '.join(proposal.new_teams)}")
    if proposal.others:
        click.echo(
            f"{len(proposal.others)} components are no service of the standards: {', '.join(proposal.others[:8])}"
        )
    if not proposal.changes:
        click.echo(f"Nothing changes: {proposal.same} owner{'' if proposal.same == 1 else 's'} as in the standards.")
