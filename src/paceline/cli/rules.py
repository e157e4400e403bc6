"""`paceline rules`: what `paceline check` looks for."""

from __future__ import annotations

import json

import click

from paceline.cli.trouble import Trouble


@click.command(epilog="Example: paceline rules C201")
@click.argument("code", required=False)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "ruff", "eslint"]),
    default="text",
    help="How to print them; `ruff` and `eslint` print B101 as their configuration.",
)
def command(code: str | None, output: str) -> None:
    """Say what the linter looks for, and why.

    CODE is one rule's, or its name; without one, all are listed.
    """
    from paceline.lint import snippets
    from paceline.lint.rules import all_rules

    if output in {"ruff", "eslint"}:
        click.echo(snippets.ruff() if output == "ruff" else snippets.eslint(), nl=False)
        return
    chosen = [rule for rule in all_rules() if code is None or code.upper() == rule.code or code.lower() == rule.name]
    if not chosen:
        raise Trouble(f"there is no rule {code!r}.", "`paceline rules` lists them all.")
    if output == "json":
        click.echo(json.dumps({"rules": [rule.as_dict() for rule in chosen]}, indent=2, ensure_ascii=False))
    elif code is None:
        for rule in chosen:
            click.echo(f"{rule.code}  {rule.name.ljust(20)}  {rule.severity.ljust(7)}  {rule.summary}")
    else:
        click.echo(chosen[0].page(), nl=False)
