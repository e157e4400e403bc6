"""`paceline validate`: checks a standards file and shows all its faults."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paceline.cli.places import STANDARDS_NAME, format_option
from paceline.cli.trouble import EXIT_NO, Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paceline.standards import Fault, Standards


@click.command(epilog="Example: paceline validate --strict paceline.yaml")
@click.argument("file", default=STANDARDS_NAME, type=click.Path(path_type=Path, allow_dash=True), metavar="[FILE]")
@format_option("text", "json", "github")
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.pass_context
def command(ctx: click.Context, file: Path, output: str, strict: bool) -> None:
    """Check a standards file and show all its faults.

    FILE is `paceline.yaml` unless named; `-` reads standard input. Exit code 0 when it is sound, 1 when it has
    faults, 2 when it cannot be read. Warnings do not fail unless --strict is given.
    """
    from paceline import standards

    name = "<stdin>" if str(file) == "-" else str(file)
    try:
        loaded = standards.load(sys.stdin.buffer.read() if name == "<stdin>" else file)
    except standards.StandardsUnreadableError as error:
        raise Trouble(f"{error.reason}.", f"{error.hint}.") from error
    failed = bool(loaded.found if strict else loaded.faults)
    if output == "json":
        found = [fault.as_dict() for fault in loaded.found]
        waivers = [] if loaded.faults else [waiver.model_dump(mode="json") for waiver in loaded.options.waivers]
        document = {"file": name, "sound": not failed, "found": found, "waivers": waivers}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif output == "github":
        for fault in loaded.found:
            click.echo(_github(name, fault))
    else:
        _text(name, loaded.found, summary=_summary(loaded))
        _waivers(loaded)
    ctx.exit(EXIT_NO if failed else 0)


def _text(name: str, found: Sequence[Fault], summary: str) -> None:
    for fault in found:
        where = fault.variable or (f"{name}:{fault.line}:{fault.column}" if fault.line else name)
        colour = "yellow" if fault.warning else "red"
        kind = click.style("warning" if fault.warning else "fault", fg=colour, bold=True)
        click.echo(f"{click.style(where, bold=True)}: {kind} {click.style(fault.code.value, fg=colour)}")
        path = f"{click.style(fault.path, fg='cyan')}: " if fault.path else ""
        click.echo(f"  {path}{fault.message}")
        if fault.hint:
            click.echo(f"  {click.style('hint:', dim=True)} {fault.hint}")
        click.echo()
    bad = any(not fault.warning for fault in found)
    click.echo(click.style(f"{name}: {summary}", fg="red" if bad else "green", bold=True))
    if bad:
        code = next(fault.code.value for fault in found if not fault.warning)
        click.echo(f"`paceline explain {code}` says more.")


def _waivers(loaded: Standards) -> None:
    """List the approved exceptions of a sound file, the one that ends first on top."""
    if loaded.faults:
        return
    for waiver in sorted(loaded.options.waivers, key=lambda waiver: waiver.until):
        scope = " · ".join(part for part in (waiver.service, waiver.use_case, waiver.model, waiver.rule) if part)
        state = "ended" if waiver.until < loaded.day else "until"
        people = f"asked by {waiver.requester}, approved by {waiver.approver}"
        click.echo(f"waiver {click.style(scope, bold=True)} {state} {waiver.until}: {waiver.reason} ({people})")


def _summary(loaded: Standards) -> str:
    faults, warnings = len(loaded.faults), len(loaded.warnings)
    extra = f", {_count(warnings, 'warning')}" if warnings else ""
    if faults:
        return f"{_count(faults, 'fault')}{extra}"
    options = loaded.options
    parts = (_count(len(options.services), "service"), _count(len(options.use_cases), "use case"))
    return f"sound: {', '.join(parts)}, {_count(len(options.models), 'model')}{extra}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _github(name: str, fault: Fault) -> str:
    """Write one finding as a workflow command that GitHub shows beside the line."""
    level = "warning" if fault.warning else "error"
    place = f"file={_escaped(name, True)}" + (f",line={fault.line},col={fault.column}" if fault.line else "")
    subject = fault.variable or fault.path
    message = f"{subject}: {fault.message}" if subject else fault.message
    hint = f"\n{fault.hint}" if fault.hint else ""
    return f"::{level} {place},title={fault.code.value}::{_escaped(message + hint)}"


def _escaped(text: str, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text
