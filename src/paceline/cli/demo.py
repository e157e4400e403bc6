"""`paceline demo`: the main job, on real traces, in a minute."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import click

from paceline.cli import demo_screen as screen
from paceline.cli.trouble import Trouble
from paceline.cli.up import failed_part
from paceline.demo import sdk
from paceline.demo.cast import ROLES
from paceline.demo.client import Client
from paceline.demo.replay import Replay
from paceline.demo.stage import NotOursError, Stage, set_stage
from paceline.gateway.supervisor import PartFailedError, Supervisor
from paceline.ledger import open_ledger

SECONDS = 60.0
# Starting takes two seconds; a busy machine is given this long.
START_S = 60.0
# The last records reach the ledger within a second; a busy machine is given this long.
LEDGER_WAIT_S = 15.0
LEDGER_POLL_S = 0.2


@click.command(epilog="Example: paceline demo --seconds 20 --once")
@click.option("--seconds", type=click.FloatRange(min=1, max=600), default=SECONDS, show_default=True, help="Of replay.")
@click.option("--once", is_flag=True, help="End after the report, also on a terminal.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".paceline-demo"),
    show_default=True,
    help="The demo's own directory, made afresh each time.",
)
def command(seconds: float, once: bool, data: Path) -> None:
    """Replay real traces through the gateway and report.

    Starts a gateway, a control process and a simulated provider on this machine, plays recorded production traffic
    through them, and ends with the report. Needs no key and no network. On a terminal it keeps serving until Ctrl-C.
    """
    try:
        stage = set_stage(data)
    except NotOursError as error:
        raise Trouble(f"{error} holds something that no demo made.", "name another directory with --data.") from error
    stays = not once and sys.stdout.isatty()
    ok = asyncio.run(_show(stage, seconds, stays))
    if not ok:
        raise Trouble("the ledger does not hold every call that was made.", f"see the logs in {stage.data.path}.", 1)


async def _show(stage: Stage, seconds: float, stays: bool) -> bool:
    supervisor = stage.supervisor(screen.say)
    supervisor.stop_on_signals()
    keys = await asyncio.to_thread(stage.make_keys)
    began = time.time()
    screen.introduce(stage, seconds, sdk.versions())
    try:
        async with asyncio.timeout(START_S):
            started = await supervisor.start()
        replay = await _replay(stage, keys, seconds, supervisor) if started else None
        if replay is None or supervisor.is_stopping:
            screen.say("interrupted")
            return True
        document = await _settled_report(stage, replay, began)
        complete = screen.conclude(stage, document, replay)
        if stays:
            screen.keeps_serving(stage, keys)
            await supervisor.wait()
        return complete
    except PartFailedError as failure:
        raise failed_part(failure) from failure
    except TimeoutError as error:
        wrong = f"the gateway and its plan were not ready within {START_S:g} s."
        raise Trouble(wrong, f"see the logs in {stage.data.path}, or run `paceline doctor`.") from error
    finally:
        await supervisor.stop()


async def _replay(stage: Stage, keys: dict[str, str], seconds: float, supervisor: Supervisor) -> Replay:
    client = Client(stage.gateway.reachable.host, stage.gateway.port)
    sdk_calls = sdk.SdkCalls(stage.gateway.url) if sdk.versions() else None
    if sdk_calls is not None:
        for role in ROLES:
            sdk_calls.load(role, keys[role.service])
    replay = Replay(client, sdk_calls, ROLES, keys, seconds)
    playing = asyncio.create_task(replay.run())
    stopping = asyncio.create_task(supervisor.wait())
    watching = asyncio.create_task(screen.watch(replay, seconds))
    try:
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            await playing
    finally:
        for task in (playing, stopping, watching):
            task.cancel()
        await asyncio.gather(playing, stopping, watching, return_exceptions=True)
        client.close()
        if sdk_calls is not None:
            await sdk_calls.close()
    return replay


async def _settled_report(stage: Stage, replay: Replay, began: float) -> dict[str, Any]:
    """Read the report once the ledger holds as many calls as were made, or the wait is over."""
    made = sum(tally.sent for tally in replay.tallies.values())
    end = time.monotonic() + LEDGER_WAIT_S
    while True:
        document = await asyncio.to_thread(_report, stage, began)
        held = sum(one["requests"] for one in document["services"])
        if held >= made or time.monotonic() > end:
            return document
        await asyncio.sleep(LEDGER_POLL_S)


def _report(stage: Stage, began: float) -> dict[str, Any]:
    ledger = open_ledger(stage.data.path)
    try:
        return ledger.report(began)
    finally:
        ledger.close()
