"""`paceline event`: tell what happened, so that it stands in the timelines of incidents. Works on the ledger itself."""

from __future__ import annotations

import time
from pathlib import Path

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.places import data_dir, data_option, read_moment, running_user, standards_option, when
from paceline.cli.trouble import Trouble
from paceline.ledger.events import Event


@click.group(epilog='Example: paceline event deploy helpdesk "build 41"')
def command() -> None:
    """Tell of deploys and outages, for the timelines of incidents."""


_at = click.option("--at", default=None, metavar="TIME", help="When, as 2026-11-23T14:05Z.  [default: now]")
_link = click.option("--link", default="", metavar="URL", help="Where more is to be read.")


@command.command(epilog='Example: paceline event deploy helpdesk "build 41" --link https://ci.acme.example/41')
@click.argument("service")
@click.argument("text")
@_at
@_link
@standards_option
@data_option
def deploy(service: str, text: str, at: str | None, link: str, standards: Path, data: Path | None) -> None:
    """Tell that SERVICE was deployed; a release pipeline does this."""
    _tell(Event(_moment(at), "deploy", _text(text), service, link=link, actor=running_user()), data, standards)


@command.command(epilog='Example: paceline event outage openai "elevated latency" --link https://status.openai.com')
@click.argument("provider")
@click.argument("text")
@_at
@_link
@standards_option
@data_option
def outage(provider: str, text: str, at: str | None, link: str, standards: Path, data: Path | None) -> None:
    """Tell that PROVIDER has trouble."""
    _tell(
        Event(_moment(at), "outage", _text(text), provider=provider, link=link, actor=running_user()), data, standards
    )


@command.command("list", epilog="Example: paceline event list --since 24h")
@click.option("--since", default="24h", show_default=True, metavar="SPAN", help="How far back: 24h, 7d.")
@click.option("--service", default=None, help="Only what concerns it.")
@standards_option
@data_option
def list_events(since: str, service: str | None, standards: Path, data: Path | None) -> None:
    """List what was told, and what paceline noted itself."""
    from paceline.cli.report import read_span

    until = time.time() + 60
    with opened_ledger(data_dir(data, standards)) as ledger:
        found = ledger.events.between(int((until - read_span(since)) * 1e6), int(until * 1e6), service=service)
    for one in found:
        about = " ".join(each for each in (one.service, one.provider) if each) or "all"
        at = when(one.at_us)
        said = " ".join(each for each in (one.text, one.link) if each)
        click.echo(f"{at}  {one.kind:<7} {about}: {said}")
    if not found:
        click.echo("Nothing happened, as far as was told.")


def _tell(event: Event, data: Path | None, standards: Path) -> None:
    with opened_ledger(data_dir(data, standards)) as ledger:
        is_new = ledger.events.add(event)
    click.echo("Noted." if is_new else "It was noted before.")


def _text(text: str) -> str:
    if not text.strip():
        raise Trouble("the text is empty.", "say what was deployed or what is wrong, in a few words.")
    return " ".join(text.split())


def _moment(at: str | None) -> int:
    return time.time_ns() // 1000 if at is None else int(read_moment(at).timestamp() * 1e6)
