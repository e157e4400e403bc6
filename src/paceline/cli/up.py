"""`paceline up`: gateway and control process on one machine, in one terminal."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from paceline.cli.places import STANDARDS_NAME, data_dir, data_option, standards_option
from paceline.cli.trouble import Trouble
from paceline.gateway import parts
from paceline.gateway.address import Address, AddressError
from paceline.gateway.data_dir import DataDir
from paceline.gateway.first_start import FirstStart, FirstStartError, first_start
from paceline.gateway.link import Link, LinkError
from paceline.gateway.lock import HeldError, held
from paceline.gateway.supervisor import PartFailedError, Supervisor


@click.command(epilog="Example: paceline up --standards paceline.yaml --gateway 127.0.0.1:4100")
@standards_option
@data_option
@click.option(
    "--gateway", default=parts.GATEWAY_LISTEN, show_default=True, metavar="HOST:PORT", help="Callers connect here."
)
@click.option(
    "--control", default=parts.CONTROL_LISTEN, show_default=True, metavar="HOST:PORT", help="The control API."
)
def command(standards: Path, data: Path | None, gateway: str, control: str) -> None:
    """Run the gateway and the control process on this machine.

    Restarts either if it dies, logs to files in the data directory, and stops on Ctrl-C or SIGTERM: the gateway
    finishes its open streams first. If this command is killed, both stop as well. The first start makes an admin
    key and a service's key and prints both, once.
    """
    require_standards(standards)
    listen_gateway, listen_control = read_address(gateway), read_address(control)
    place = data_dir(data, standards)
    try:
        place.ensure()
    except OSError as error:
        wrong = f"the data directory {place.path} cannot be made: {error.strerror}."
        raise Trouble(wrong, "name another with --data.") from error
    with only_supervisor(place):
        for name, listen in (("gateway", listen_gateway), ("control", listen_control)):
            require_free(name, listen)
        try:
            first = first_start(place, standards)
        except FirstStartError as error:
            raise Trouble(error.wrong, error.fix) from error
        supervisor = Supervisor(
            [parts.gateway(place, listen_gateway), parts.control(place, standards, listen_control)], say
        )
        asyncio.run(_serve(supervisor, place, listen_gateway, listen_control, first))


def require_standards(standards: Path) -> None:
    """Raise `Trouble` unless the file is there."""
    if not standards.is_file():
        wrong = f"there is no standards file {standards}."
        raise Trouble(
            wrong, f"`paceline init` writes a commented {STANDARDS_NAME} here; or name yours with --standards."
        )


def read_address(text: str) -> Address:
    """Read `HOST:PORT` or raise `Trouble`."""
    try:
        return Address.read(text)
    except AddressError as error:
        raise Trouble(f"{error}.", "write it like 127.0.0.1:4100.") from error


@contextmanager
def only_supervisor(place: DataDir) -> Iterator[None]:
    """Hold the directory for this run; raises `Trouble` when another `paceline up` has it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(place.supervisor_lock))
        except HeldError as error:
            wrong = f"`paceline up` runs already on {place.path} (process {error.pid})."
            raise Trouble(wrong, f"use that one, or stop it: `kill {error.pid}`.") from error
        yield


def require_free(name: str, listen: Address) -> None:
    """Raise `Trouble` when something listens on the address already."""
    if not listen.is_free():
        wrong = f"{listen} for the {name} is in use."
        raise Trouble(wrong, f"stop what listens there, or choose another: --{name} {listen.host}:{listen.port + 10}.")


def say(line: str) -> None:
    """Print one line about the processes."""
    click.echo(f"paceline: {line}")


async def _serve(supervisor: Supervisor, place: DataDir, gateway: Address, control: Address, first: FirstStart) -> None:
    supervisor.stop_on_signals()
    welcomed = False
    try:
        if await supervisor.start():
            record = {"pid": os.getpid(), "gateway": str(gateway), "control": str(control), "parts": supervisor.pids()}
            place.write_private(place.supervisor_state, json.dumps(record).encode())
            warn_of_missing_keys(place)
            welcome(first, place, gateway, control)
            welcomed = True
            await supervisor.wait()
            say("stopping: the gateway finishes its open streams, then the ledger takes in the rest")
    except PartFailedError as failure:
        raise failed_part(failure) from failure
    finally:
        await supervisor.stop()
        if not welcomed:  # they were made, and nobody will ever see them again
            show_keys(first)
    say("stopped")


def failed_part(failure: PartFailedError) -> Trouble:
    """Put a process that would not start into words, with the end of its log."""
    tail = "".join(f"\n  | {line}" for line in failure.last_lines)
    return Trouble(f"the {failure}.{tail}", f"correct that; the whole log is {failure.part.log}.")


def welcome(first: FirstStart, place: DataDir, gateway: Address, control: Address) -> None:
    """Say where everything is, and at the first start the keys with a call that works."""
    if first.note:
        say(first.note)
    say(f"gateway {place.gateway_url(gateway)}  dashboard {control.url}  data {place.path}")
    show_keys(first)
    if first.service_key:
        click.echo(f"\n  Try it:\n\n{curl(place, gateway, first)}\n")
    else:
        click.echo("\n  A key for a service:  paceline keys create --service NAME")
        click.echo("  A program through it: paceline run --service NAME --use-case NAME -- python app.py\n")


def show_keys(first: FirstStart) -> None:
    """Show the keys that this start has made, the only time they are seen."""
    if first.admin_key:
        click.echo(f"\n  admin key  {first.admin_key}   (shown once; for the control API)")
    if first.service_key:
        click.echo(f"  key        {first.service_key}   (shown once; acts for service {first.service})")


def warn_of_missing_keys(place: DataDir) -> None:
    """Say which providers cannot be called because their key is not there; calls to them will fail."""
    try:
        missing = Link(place.socket).status().get("keys_missing", [])
    except LinkError:
        return
    for one in missing:
        say(f"warning: no key for provider {one['provider']}: {one['key']} is not there; calls to it will fail")


def curl(place: DataDir, gateway: Address, first: FirstStart) -> str:
    """Return a call that works from a shell."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]})
    path = f"/t/{first.service}/{first.use_case}/v1/chat/completions"
    return (
        f"  curl {_trusted(place, gateway)}{path} \\\n"
        f"    -H 'authorization: Bearer {first.service_key}' -H 'content-type: application/json' \\\n"
        f"    -d '{body}'"
    )


def _trusted(place: DataDir, gateway: Address) -> str:
    """Return the gateway's URL, before it what curl needs to trust its certificate and to find us by its name."""
    certificate = place.certificate()
    if certificate is None:
        return gateway.url
    from paceline.gateway.tls import url_on_certificate

    here, url = gateway.reachable, url_on_certificate(gateway, certificate)
    elsewhere = url not in {f"https://{here}", f"https://localhost:{here.port}"}
    connect = f"--connect-to ::{here} " if elsewhere else ""
    return f"--cacert {shlex.quote(str(certificate))} {connect}{url}"
