"""`paceline check`: lints source code for calls to models."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from paceline.cli.trouble import EXIT_COULD_NOT, EXIT_NO, Trouble

_RANKS = {"error": 0, "warning": 1, "info": 2}


@click.command(epilog="Example: paceline check --format full src")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "output",
    type=click.Choice(["concise", "full", "json", "sarif", "github"]),
    default="concise",
    show_default=True,
    help="How to print it.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="error",
    show_default=True,
    help="The mildest finding that fails the run.",
)
@click.option(
    "--mode",
    type=click.Choice(["report", "enforce"]),
    default="enforce",
    show_default=True,
    help="Whether findings fail the run.",
)
@click.option("--show-unknown", is_flag=True, help="List what could not be decided.")
@click.option("--tests", "with_tests", is_flag=True, help="Look into tests, too.")
@click.option("--gateway", multiple=True, metavar="HOST", help="A host that is the gateway; may be repeated.")
@click.option("--clients", multiple=True, metavar="GLOB", help="Files that may construct clients; may be repeated.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    output: str,
    fail_on: str,
    mode: str,
    show_unknown: bool,
    with_tests: bool,
    gateway: tuple[str, ...],
    clients: tuple[str, ...],
) -> None:
    """Lint source code for calls to models.

    PATHS are files and directories, the current one unless named. Exit code 0 when nothing fails, 1 when something
    does, 2 when a file that was named cannot be read.
    """
    from paceline.catalogue import load
    from paceline.lint.findings import Policy
    from paceline.lint.output import render
    from paceline.lint.run import check

    wanted = paths or (Path(),)
    for path in wanted:
        if not path.exists():
            raise Trouble(f"there is no {path}.", "name files or directories that exist.")
    policy = Policy(gateways=(*Policy().gateways, *gateway), clients=clients)
    outcome = check(wanted, load(), policy, datetime.now(UTC).date(), with_tests)
    click.echo(render(outcome, output, show_unknown))
    named = {path.as_posix() for path in wanted if path.is_file()}
    if any(path in named for path, _ in outcome.unread):
        ctx.exit(EXIT_COULD_NOT)
    failing = fail_on != "never" and mode == "enforce"
    if failing and any(_RANKS[each.severity] <= _RANKS[fail_on] for each in outcome.live):
        ctx.exit(EXIT_NO)
