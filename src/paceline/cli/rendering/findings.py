"""Findings of an import as lines for a person, on standard error: what says the same is told once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from paceline.imports import Finding

__all__ = ["show"]

_PLACES: Final = 4
"""Places that are named; `--format json` names all."""
_COLOURS: Final = {"to do": "yellow", "changed": "cyan", "left out": "red"}


def show(findings: Sequence[Finding]) -> None:
    """Print them: the kind, the places in the source, why, and what to do."""
    from paceline.imports.findings import grouped

    for finding, others in grouped(findings):
        kind = click.style(f"{finding.kind}:", fg=_COLOURS[finding.kind], bold=True)
        places = ", ".join([finding.path, *others[: _PLACES - 1]])
        if (more := len(others) + 1 - _PLACES) > 0:
            places += f" and {more} more"
        click.echo(f"{kind} {places}: {finding.why}", err=True)
        if finding.instead:
            word = "instead:" if finding.kind == "left out" else "     do:"
            click.echo(f"  {click.style(word, dim=True)} {finding.instead}", err=True)
