"""`paceline export`: standards and ledger in the forms of other tools, on standard output or into a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from paceline.cli.alerts import loaded_standards
from paceline.cli.places import standards_option
from paceline.cli.trouble import Trouble

_Function = TypeVar("_Function", bound=Callable[..., Any])


@click.group(epilog="Example: paceline export prometheus > paceline.rules.yml")
def command() -> None:
    """Write standards and ledger in the forms of other tools: rules, SLOs, dashboards, cost data."""


def _output(function: _Function) -> _Function:
    return click.option(
        "--output",
        "-o",
        type=click.Path(dir_okay=False, path_type=Path),
        default=None,
        metavar="FILE",
        help="Write there.  [default: standard output]",
    )(function)


_link = click.option("--link", default=None, metavar="URL", help="The dashboard.  [default: alerting.link]")


@command.command(epilog="Example: paceline export prometheus --link https://paceline.acme.example -o rules.yml")
@_link
@_output
@standards_option
def prometheus(link: str | None, output: Path | None, standards: Path) -> None:
    """Write recording and alert rules for Prometheus from the limits.

    Each limit has an alert for every severity, told when a long and a short window are over. Limits that the gateway's
    metrics cannot tell of are named on standard error and in the file.
    """
    from paceline.exports.prometheus import prometheus_rules

    made = prometheus_rules(loaded_standards(standards), link and link.rstrip("/"))
    _write(made.text, output)
    _say_left_out(made.left_out)


@command.command(epilog="Example: paceline export openslo -o slo.yaml")
@_output
@standards_option
def openslo(output: Path | None, standards: Path) -> None:
    """Write the standards as OpenSLO v1: one SLO for each service, use case and limit."""
    from paceline.exports.openslo import openslo_text

    _write(openslo_text(loaded_standards(standards)), output)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{output} cannot be written: {error.strerror}.", "name another file with --output.") from error


def _say_left_out(left_out: Sequence[str]) -> None:
    for each in left_out:
        click.echo(f"left out: {each}", err=True)
