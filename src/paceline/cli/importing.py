"""`paceline import`: takes over what other tools know.

Gateways' configurations become standards of their own, with a list of what could not be carried over; owners become a
change of the standards file that is shown first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from paceline.cli.importing_catalogues import backstage, codeowners
from paceline.cli.outputs import overwrite_option, refuse_present, write_whole, writing
from paceline.cli.places import format_option
from paceline.cli.trouble import Trouble

if TYPE_CHECKING:
    from paceline.imports import Outcome

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
    return output(overwrite_option(format_option("text", "json")(function)))


@command.command(
    short_help="LiteLLM's configuration as standards.",
    epilog="Example: paceline import litellm config.yaml -o paceline.yaml",
)
@click.argument("place", type=click.Path(exists=True, path_type=Path), metavar="FILE|DIR")
@_made
def litellm(place: Path, target: Path | None, overwrite: bool, output: str) -> None:
    """Read the configuration of LiteLLM's proxy: `config.yaml` with what it includes, or a folder.

    The standards go to standard output or into a file; what could not be carried over is listed on standard error.
    """
    from paceline.imports.litellm import read

    _bring(lambda: read(place), place, target, overwrite, output)


@command.command(
    short_help="Portkey's configs as standards.",
    epilog="Example: paceline import portkey config.json --default openai/gpt-5.4-mini",
)
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
    from paceline.cli.rendering.findings import show
    from paceline.imports import ImportsError

    refuse_present(target, overwrite=overwrite)
    if target is not None and target.exists() and target.samefile(source):
        raise Trouble(f"{target} is what is read.", "name another file with --output.")
    try:
        found = read()
    except ImportsError as error:
        raise Trouble(f"{error}.", f"{error.fix}.") from error
    if target is not None:
        with writing(target):
            write_whole(target, [found.text])
    if output == "json":
        findings = [finding.as_dict() for finding in found.findings]
        document = {"source": str(source), "standards": found.document, "findings": findings}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    if target is None:
        click.echo(found.text, nl=False)
    show(found.findings)
    if target is not None:
        click.echo(
            f"{target} is written; `paceline validate {target}` checks it with the variables it names.", err=True
        )


for each in (backstage, codeowners):
    command.add_command(each)
