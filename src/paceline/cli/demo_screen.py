"""What `paceline demo` says: what it is about to do, how far it is, what came out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import click

from paceline.cli.rendering import text, units
from paceline.demo.cast import ROLES
from paceline.demo.replay import Replay
from paceline.demo.sdk import EVERY
from paceline.demo.stage import Stage

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.2


def say(line: str) -> None:
    """Print one line about the processes."""
    click.echo(f"paceline: {line}")


def introduce(stage: Stage, seconds: float, sdks: Mapping[str, str]) -> None:
    """Say what will be played, from where, how fast."""
    click.echo(f"Replaying {seconds:g} seconds of real traffic of three services through a gateway on this machine.\n")
    for role in ROLES:
        start = f" from minute {role.starts_s / 60:g}" if role.starts_s else ""
        speed = f"{role.scale:g} times as fast as recorded{start}"
        click.echo(f"  {role.service:<9} {role.use_case:<14} {role.source}, {speed}")
    click.echo("\n  Arrival times, prompt and answer lengths and shared prefixes are the traces'; the text is made up,")
    click.echo("  and a simulated provider answers, at the speed of real engines (its answers are not sped up).")
    if sdks:
        named = " and ".join(f"{name} {version}" for name, version in sdks.items())
        click.echo(f"  One call in {EVERY} is made with the real SDKs ({named}), the rest by a lean client.")
    else:
        click.echo("  The openai and anthropic packages are not installed (paceline[demo] brings them), so a lean")
        click.echo("  client makes all calls.")
    click.echo(f"  Gateway {stage.gateway.url}, control {stage.control.url}, simulated provider {stage.sim.url}\n")


async def watch(replay: Replay, seconds: float) -> None:
    """Show progress until cancelled: a bar on a terminal, a line now and then in a pipe."""
    if sys.stdout.isatty():
        await _bar(replay, seconds)
        return
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        click.echo(f"  {_clock(replay, seconds)}  {_state(replay)}")


async def _bar(replay: Replay, seconds: float) -> None:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("  {task.fields[clock]}"), BarColumn(bar_width=30), TextColumn("{task.description}"))
    with Progress(*columns, console=text.console(), transient=True) as progress:
        task = progress.add_task("", total=seconds, clock="")
        while True:
            done = min(replay.elapsed_s, seconds)
            progress.update(task, completed=done, description=_state(replay), clock=_clock(replay, seconds))
            await asyncio.sleep(BAR_EVERY_S)


def _clock(replay: Replay, seconds: float) -> str:
    if replay.elapsed_s > seconds:
        return "last answers"
    return f"{replay.elapsed_s:3.0f} s of {seconds:g}"


def _state(replay: Replay) -> str:
    tallies = replay.tallies.values()
    answered, under_way, failed = (
        sum(getattr(tally, name) for tally in tallies) for name in ("answered", "under_way", "failed")
    )
    bad = f", {failed:,} failed" if failed else ""
    return f"{answered:,} calls answered, {under_way:,} under way{bad}"


def conclude(stage: Stage, document: Mapping[str, Any], replay: Replay) -> bool:
    """Show the report and compare it with what the clients saw; return whether the ledger has every call."""
    tallies = replay.tallies.values()
    made, whole, left, by_sdk = (
        sum(getattr(tally, name) for tally in tallies) for name in ("sent", "answered", "abandoned", "by_sdk")
    )
    held = sum(one["requests"] for one in document["services"])
    ok, cancelled = (sum(one["outcomes"][name] for one in document["services"]) for name in ("ok", "cancelled"))
    click.echo()
    text.show(document, f"paceline report --data {_shown(stage)} --format html > report.html")
    gone = f"; they left {left:,} at the end of the window" if left else ""
    click.echo(
        f"\nClients made {made:,} calls, {by_sdk:,} of them with the SDKs, and got {whole:,} whole answers{gone}."
    )
    also = f", {cancelled:,} cancelled" if cancelled else ""
    click.echo(f"The ledger holds {held:,} calls, {ok:,} of them answered whole{also}.")
    late = sorted(delay for tally in tallies for delay in tally.late_s)
    if late:
        p50, p99 = (units.milliseconds(late[int(len(late) * share)] * 1000) for share in (0.5, 0.99))
        click.echo(f"Calls went out {p50} (p50) and {p99} (p99) after they were due.")
    return bool(held >= made)


def keeps_serving(stage: Stage, keys: Mapping[str, str]) -> None:
    """Say that everything still runs and what to do with it."""
    role = ROLES[0]
    click.echo(f"\nEverything still runs; Ctrl-C ends it. The dashboard is at {stage.control.url}")
    click.echo("To make a call of your own, and see it there under Live:\n")
    click.echo(
        f"  curl {stage.gateway.url}/t/{role.service}/{role.use_case}/v1/chat/completions \\\n"
        f"    -H 'authorization: Bearer {keys[role.service]}' -H 'content-type: application/json' \\\n"
        """    -d '{"model": "auto", "stream": true, "messages": [{"role": "user", "content": "Say hello."}]}'\n"""
    )
    click.echo(
        f"  {stage.control.url}/api/status shows the plan in force, {stage.control.url}/metrics the gateway's metrics."
    )


def _shown(stage: Stage) -> str:
    from pathlib import Path

    path = stage.data.path
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
