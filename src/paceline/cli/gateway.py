"""`paceline gateway`: its help, and the same entry for callers that come through click."""

from __future__ import annotations

import click

from paceline.gateway import process


@click.command(epilog="Example: paceline gateway --data .paceline --listen 127.0.0.1:4100")
@click.option("--data", default=process.DATA, show_default=True, metavar="DIR", help="The data directory.")
@click.option("--listen", default=process.LISTEN, show_default=True, metavar="HOST:PORT", help="Where callers connect.")
@click.option("--threads", type=click.IntRange(min=1), default=None, help="Worker threads.  [default: one a core]")
@click.option("--takeover", is_flag=True, help="Take the listening socket over from the gateway that runs here.")
@click.pass_context
def command(ctx: click.Context, data: str, listen: str, threads: int | None, takeover: bool) -> None:
    """Run the gateway process alone.

    It serves by the plan in the data directory, takes new plans on its admin socket, and writes usage to its
    journal. `paceline control` on the same data directory does the rest; `paceline up` runs both.
    SIGTERM finishes the open streams first.

    With --takeover an upgrade refuses nobody: the new process serves from the old one's listening socket, and the
    old one answers who is still connected and leaves.
    """
    ctx.exit(process.serve(data, listen, threads, takeover=takeover))
