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

    CODE is one of the gateway's (G…) or of the standards file's (S…), or its name. Without one, all are listed.
    """
    from paceline import codes

    if code is None:
        pages = [codes.page(each) for each in codes.all_codes()]
        if output == "json":
            rows = [{"code": each.code, "name": each.name, "summary": each.summary} for each in pages]
            click.echo(json.dumps({"codes": rows}, indent=2, ensure_ascii=False))
        else:
            _list([(each.code, each.name, each.summary) for each in pages])
        return
    try:
        page = codes.page(code)
    except codes.CodeUnknownError as error:
        meant = (
            f"did you mean `paceline explain {error.near}`?" if error.near else "`paceline explain` lists all codes."
        )
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
