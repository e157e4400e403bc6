"""`paceline init`: writes a starter standards file and its `.env.example`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from paceline.cli.places import STANDARDS_NAME
from paceline.cli.trouble import Trouble

ENVIRONMENT_NAME = ".env.example"


@click.command(epilog="Example: paceline init && paceline validate")
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(directory: Path, force: bool) -> None:
    """Write a starter standards file.

    It is commented, names every section and key, and is sound as it is. Beside it goes `.env.example` with the
    secrets it refers to. Files that are there stay as they are, unless --force is given.
    """
    from paceline.standards.starter import environment_text, starter_text

    texts = {directory / STANDARDS_NAME: starter_text(), directory / ENVIRONMENT_NAME: environment_text()}
    there = [path for path in texts if path.exists() or path.is_symlink()]
    if there and not force:
        names = " and ".join(str(path) for path in there)
        raise Trouble(
            f"{names} {'is' if len(there) == 1 else 'are'} there already.", "--force overwrites, or name another DIR."
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(
            f"cannot write to {directory}: {error.strerror}.", "name a directory that you may write to."
        ) from error
    for path in texts:
        click.echo(f"{click.style('wrote', fg='green')} {path}")
    place = "" if directory == Path() else f" {shlex.quote(str(directory / STANDARDS_NAME))}"
    click.echo(f"Next: put your providers, models and services in, then `paceline validate{place}`.")
