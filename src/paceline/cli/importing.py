"""`paceline import`: takes over what other tools know.

Gateways' configurations become standards of their own, with a list of what could not be carried over; owners become a
change of the standards file that is shown first.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from paceline.cli.places import format_option, loaded_standards, standards_option
from paceline.cli.trouble import EXIT_NO, Trouble

if TYPE_CHECKING:
    from paceline.governance.owners import Claim, Proposal
    from paceline.imports import Finding, Outcome

_Function = TypeVar("_Function", bound=Callable[..., Any])


@click.group("import", epilog="Example: paceline import litellm config.yaml -o paceline.yaml")
def command() -> None:
    """Take over what other tools know: another gateway's configuration, a catalogue's owners.

    No key is copied: standards name variables, and the list says which to set.
    """


def _made(function: _Function) -> _Function:
    """Add the options of commands that make standards."""
    output = click.option(
        "--output",
        "-o",
        "target",
        type=click.Path(dir_okay=False, path_type=Path),
        default=None,
        metavar="FILE",
        help="Write the standards there.  [default: standard output]",
    )
    overwrite = click.option("--overwrite", is_flag=True, help="Write the file though it is there already.")
    return output(overwrite(format_option("text", "json")(function)))


@command.command(epilog="Example: paceline import litellm config.yaml -o paceline.yaml")
@click.argument("place", type=click.Path(exists=True, path_type=Path), metavar="FILE|DIR")
@_made
def litellm(place: Path, target: Path | None, overwrite: bool, output: str) -> None:
    """Read the configuration of LiteLLM's proxy: `config.yaml` with what it includes, or a folder.

    The standards go to standard output or into a file; what could not be carried over is listed on standard error.
    """
    from paceline.imports.litellm import read

    _bring(lambda: read(place), place, target, overwrite, output)


@command.command(epilog="Example: paceline import portkey config.json --default openai/gpt-5.4-mini")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--virtual-key",
    "virtual_keys",
    multiple=True,
    metavar="NAME=VENDOR",
    help="Which vendor's a virtual key is, or `@NAME` of the catalogue.",
)
@click.option(
    "--default", default="", metavar="PROVIDER/MODEL", help="What targets stand for that leave it to their callers."
)
@_made
def portkey(
    file: Path, virtual_keys: tuple[str, ...], default: str, target: Path | None, overwrite: bool, output: str
) -> None:
    """Read configs of Portkey: one, a list as its API gives them, or the gateway's `conf.json`.

    Each config becomes a model and a use case; what could not be carried over is listed on standard error.
    """
    from paceline.imports.portkey import read

    pairs = dict(each.split("=", 1) for each in virtual_keys if "=" in each)
    if len(pairs) < len(virtual_keys):
        raise Trouble("a virtual key is not written as NAME=VENDOR.", "write it like --virtual-key prod-key=openai.")
    if default.count("/") < 1 and default:
        raise Trouble(f"{default!r} is not PROVIDER/MODEL.", "write it like --default openai/gpt-5.4-mini.")
    _bring(lambda: read(file, pairs, default), file, target, overwrite, output)


def _bring(read: Callable[[], Outcome], source: Path, target: Path | None, overwrite: bool, output: str) -> None:
    from paceline.imports import ImportsError

    if target is not None and target.exists() and not overwrite:
        raise Trouble(f"{target} is there already.", "name another file, or add --overwrite.")
    try:
        found = read()
        if target is not None:
            target.write_text(found.text, encoding="utf-8")
    except ImportsError as error:
        raise Trouble(f"{error}.", f"{error.fix}.") from error
    except OSError as error:
        raise Trouble(f"{target} cannot be written: {error.strerror}.", "name another file with --output.") from error
    if output == "json":
        findings = [finding.as_dict() for finding in found.findings]
        document = {"source": str(source), "standards": found.document, "findings": findings}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    if target is None:
        click.echo(found.text, nl=False)
    _list(found.findings)
    if target is not None:
        click.echo(
            f"{target} is written; `paceline validate {target}` checks it with the variables it names.", err=True
        )


def _list(findings: Sequence[Finding]) -> None:
    from paceline.imports.findings import grouped

    colours = {"to do": "yellow", "changed": "cyan", "left out": "red"}
    for finding, more in grouped(findings):
        kind = click.style(f"{finding.kind}:", fg=colours[finding.kind], bold=True)
        places = f"{finding.path}{f', and {more} more' if more else ''}"
        click.echo(f"{kind} {places}: {finding.why}", err=True)
        if finding.instead:
            word = "instead:" if finding.kind == "left out" else "     do:"
            click.echo(f"  {click.style(word, dim=True)} {finding.instead}", err=True)


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
