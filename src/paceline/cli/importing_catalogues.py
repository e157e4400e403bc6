"""`paceline import backstage` and `codeowners`: owners, and services, of catalogues as a change of the standards file.

The change is shown first; it is written with --write, and comments stay.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.places import format_option, loaded_standards, standards_option
from paceline.cli.trouble import EXIT_NO, Trouble

if TYPE_CHECKING:
    from paceline.governance.owners import Claim, Proposal
    from paceline.imports.backstage import Additions
    from paceline.standards import Standards

_write = click.option("--write", is_flag=True, help="Change the standards file; comments stay.")


@click.command(
    short_help="Owners, and services, of Backstage.",
    epilog="Example: paceline import backstage services/ --new --use-case support-chat",
)
@click.argument("places", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--new", is_flag=True, help="Add components that the standards do not have as services, too.")
@click.option("--use-case", "use_cases", multiple=True, metavar="NAME", help="The use case of new services.")
@_write
@format_option("text", "json")
@standards_option
def backstage(
    places: tuple[Path, ...], new: bool, use_cases: tuple[str, ...], write: bool, output: str, standards: Path
) -> None:
    """Read `catalog-info.yaml` of Backstage: files, or folders to look through.

    A component is a service by its annotation `paceline.dev/service`, or by its name. With --new, components of type
    `service` and annotated ones become services, and the groups that own them teams; their use cases are those of the
    annotation `paceline.dev/use-cases`, or of --use-case.
    """
    from paceline.governance.owners.backstage import claims
    from paceline.imports.backstage import additions

    def added(known: Standards) -> Additions:
        return additions(known, places, use_cases)

    _take_over(standards, lambda: claims(list(places)), added if new else None, output, write=write)


@click.command(
    short_help="Owners of files like CODEOWNERS.",
    epilog="Example: paceline import codeowners CODEOWNERS --service helpdesk=apps/helpdesk",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--service", "places", multiple=True, required=True, metavar="NAME=PATH", help="Where a service's code is."
)
@_write
@format_option("text", "json")
@standards_option
def codeowners(file: Path, places: tuple[str, ...], write: bool, output: str, standards: Path) -> None:
    """Read a file like CODEOWNERS; the last line that matches a service's path counts."""
    from paceline.governance.owners.codeowners import claims

    pairs = dict(place.split("=", 1) for place in places if "=" in place)
    if len(pairs) < len(places):
        raise Trouble("a service is not written as NAME=PATH.", "write it like --service helpdesk=apps/helpdesk.")
    _take_over(standards, lambda: claims(file, pairs), None, output, write=write)


def _take_over(
    path: Path,
    read: Callable[[], Sequence[Claim]],
    add: Callable[[Standards], Additions] | None,
    output: str,
    *,
    write: bool,
) -> None:
    from paceline.governance.owners import OwnersError, merged
    from paceline.governance.owners.writing import changed_text
    from paceline.governance.owners.writing import write as replace
    from paceline.imports import ImportsError

    known = loaded_standards(path)
    try:
        added = add(known) if add else None
        proposal = merged(known, [each for each in read() if added is None or each.service not in added.components])
        text = path.read_text(encoding="utf-8")
        owners = {name: owner for name, (_, owner) in proposal.changes.items()}
        teams: dict[str, dict[str, Any]] = {team: {} for team in proposal.new_teams}
        teams |= added.teams if added else {}
        changed = changed_text(text, owners, teams, added.services if added else {})
        if write and changed != text:
            replace(path, changed)
    except (OwnersError, ImportsError) as error:
        raise Trouble(f"{error}.", f"{error.fix}.") from error
    if output == "json":
        click.echo(json.dumps(_document(proposal, added, is_written=write and changed != text), indent=2))
    else:
        _tell(proposal, added)
        _show(path, text, changed, write=write)
    if proposal.problems:
        raise SystemExit(EXIT_NO)


def _document(proposal: Proposal, added: Additions | None, *, is_written: bool) -> dict[str, Any]:
    return {
        "owners": {name: {"before": before or None, "now": now} for name, (before, now) in proposal.changes.items()},
        "teams": {team: {} for team in proposal.new_teams} | (added.teams if added else {}),
        "services": added.services if added else {},
        "problems": list(proposal.problems),
        "others": list(proposal.others),
        "findings": [finding.as_dict() for finding in added.findings] if added else [],
        "written": is_written,
    }


def _tell(proposal: Proposal, added: Additions | None) -> None:
    from paceline.cli.rendering.findings import show

    for service, (before, now) in proposal.changes.items():
        click.echo(f"{service}: {before or 'nobody'} → {now}")
    for problem in proposal.problems:
        click.echo(f"not clear: {problem}")
    services = added.services if added else {}
    for name, entry in services.items():
        click.echo(f"new service: {name}, of {entry['owner']}")
    if teams := dict.fromkeys([*proposal.new_teams, *(added.teams if added else ())]):
        click.echo(f"new teams: {', '.join(teams)}")
    others = [name for name in proposal.others if name not in services]
    if others and added is None:
        click.echo(f"{len(others)} components are no service of the standards: {', '.join(others[:8])}")
    if not proposal.changes and not services:
        click.echo(f"Nothing changes: {proposal.same} owner{'' if proposal.same == 1 else 's'} as in the standards.")
    if added:
        show(added.findings)


def _show(path: Path, text: str, changed: str, *, write: bool) -> None:
    """Print the change of the file, and whether it is made."""
    if changed == text:
        return
    for line in difflib.unified_diff(text.splitlines(), changed.splitlines(), str(path), str(path), lineterm="", n=1):
        click.echo(line)
    click.echo(f"{path} is changed." if write else "Nothing is written; --write does it.")
