"""Findings of an import as lines for a person, on standard error: what says the same is told once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from paceline.imports import Finding

__all__ = ["show"]

_COLOURS: Final = {"to do": "yellow", "changed": "cyan", "left out": "red"}


def show(findings: Sequence[Finding]) -> None:
    """Print them: the kind, the place in the source and how many more there are, why, and what to do."""
    from paceline.imports.findings import grouped

    for finding, more in grouped(findings):
        kind = click.style(f"{finding.kind}:", fg=_COLOURS[finding.kind], bold=True)
        places = f"{finding.path}{f', and {more} more' if more else ''}"
        click.echo(f"{kind} {places}: {finding.why}", err=True)
        if finding.instead:
            word = "instead:" if finding.kind == "left out" else "     do:"
            click.echo(f"  {click.style(word, dim=True)} {finding.instead}", err=True)
