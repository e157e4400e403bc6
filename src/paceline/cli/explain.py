"""`paceline explain`: what a code means and what to do about it."""

from __future__ import annotations

import json
import sys

import click

from paceline.cli.places import format_option
from paceline.cli.trouble import Trouble


@click.command(epilog="Example: paceline explain G204")
@click.argument("code", required=False)
@format_option("text", "json")
def command(code: str | None, output: str) -> None:
    """Say what a code means and what to do about it.

    CODE is one of the gateway's (G…), of the standards file's (S…) or of the linter's (C201 and the like), or its
    name. Without one, all are listed.
    """
    from paceline import codes
    from paceline.lint import pages as lint

    if code is None:
        pages = [codes.page(each) for each in codes.all_codes()]
        rows = [(each.code, each.name, each.summary) for each in pages]
        rows += [(row["code"], row["name"], row["summary"].rstrip(".")) for row in lint.rows()]
        if output == "json":
            listed = [dict(zip(("code", "name", "summary"), row, strict=True)) for row in rows]
            click.echo(json.dumps({"codes": listed}, indent=2, ensure_ascii=False))
        else:
            _list(rows)
        return
    rule = lint.code_of(code)
    if rule is not None:
        (row,) = [each for each in lint.rows() if each["code"] == rule]
        _show(lint.page(rule)) if output == "text" else click.echo(json.dumps(row, indent=2, ensure_ascii=False))
        return
    try:
        page = codes.page(code)
    except codes.CodeUnknownError as error:
        ours = "_" in code or code[:1].upper() in {"G", "S"}  # rules of the linter are named with hyphens
        near = error.near or lint.near(code) if ours else lint.near(code) or error.near
        meant = f"did you mean `paceline explain {near}`?" if near else "`paceline explain` lists all codes."
        raise Trouble(f"{error}.", meant) from error
    if output == "json":
        click.echo(json.dumps(page.as_dict(), indent=2, ensure_ascii=False))
    else:
        _show(page.text)


def _list(rows: list[tuple[str, str, str]]) -> None:
    width = max(len(name) for _, name, _ in rows)
    for code, name, summary in rows:
        click.echo(f"{click.style(code, bold=True)}  {name.ljust(width)}  {summary}")


def _show(text: str) -> None:
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text, code_theme="ansi_dark"), width=min(console.width, 100))
