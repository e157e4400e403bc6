"""`paceline control`: the control process alone."""

from __future__ import annotations

from pathlib import Path

import click

from paceline.cli.places import data_dir, data_option, standards_option
from paceline.cli.trouble import Trouble
from paceline.cli.up import read_address, require_standards
from paceline.gateway import parts


@click.command(epilog="Example: paceline control --standards paceline.yaml --listen 127.0.0.1:4101")
@standards_option
@data_option
@click.option("--listen", default=parts.CONTROL_LISTEN, show_default=True, metavar="HOST:PORT", help="The control API.")
def command(standards: Path, data: Path | None, listen: str) -> None:
    """Run the control process alone.

    It turns the standards file into plans for the gateway on the same data directory, takes the gateway's usage
    into the ledger, and answers /api/status, /api/report, /api/keys and /metrics. Beyond loopback it wants the
    admin key for everything.
    """
    require_standards(standards)
    from paceline.gateway import control

    try:
        control.run(data_dir(data, standards), standards, read_address(listen))
    except control.ControlError as error:
        raise Trouble(error.wrong, error.fix) from error
