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
    from paceline.lint import pages, snippets

    if output in {"ruff", "eslint"}:
        click.echo(snippets.ruff() if output == "ruff" else snippets.eslint(), nl=False)
        return
    wanted = pages.code_of(code) if code is not None else None
    if code is not None and wanted is None:
        near = pages.near(code)
        meant = f"did you mean `paceline rules {near}`?" if near else "`paceline rules` lists them all."
        raise Trouble(f"there is no rule {code!r}.", meant)
    chosen = [row for row in pages.rows() if wanted in {None, row["code"]}]
    if output == "json":
        click.echo(json.dumps({"rules": chosen}, indent=2, ensure_ascii=False))
    elif wanted is not None:
        click.echo(pages.page(wanted), nl=False)
    else:
        width = max(len(row["name"]) for row in chosen)
        for row in chosen:
            click.echo(f"{row['code']}  {row['name'].ljust(width)}  {row['severity'].ljust(7)}  {row['summary']}")
