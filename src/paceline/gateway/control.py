"""The control process: keeps the gateway's plan current, takes its usage in, and answers people over HTTP.

Owns the process's life: one a data directory, its loops, an orderly end. It may be stopped, slow or upgraded at any
time without a request noticing; what it missed waits in the journal.
"""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from paceline.dashboard import Sources
from paceline.gateway.address import Address
from paceline.gateway.cap_review import CapReview
from paceline.gateway.data_dir import DataDir
from paceline.gateway.governing import Governing
from paceline.gateway.link import Link
from paceline.gateway.lock import HeldError, held
from paceline.gateway.loop import Loop
from paceline.gateway.planner import Planner
from paceline.gateway.spent import SpentFile
from paceline.gateway.status import status_document
from paceline.ledger import Ledger, LedgerError, open_ledger

PLAN_EVERY_S = 0.25
INGEST_EVERY_S = 0.5
ROLL_UP_EVERY_S = 20.0
RETAIN_EVERY_S = 600.0
CAPS_EVERY_S = 60.0
GOVERN_EVERY_S = 5.0
"""A minute is judged once: rounds between are cheap."""
SEND_EVERY_S = 2.0
FORGET_EVERY_S = 3600.0
PREPARE_EVERY_S = 5.0
"""How often it is asked whether a round of figures is due."""

_log = logging.getLogger("paceline.control")


class ControlError(Exception):
    """The control process cannot run: what is wrong, what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.fix = fix


@dataclass
class Control:
    """What the HTTP API works on."""

    data: DataDir
    standards: Path
    ledger: Ledger
    link: Link
    planner: Planner
    loops: tuple[Loop, ...]
    needs_key: bool
    """True when even reading wants the admin key, since others can connect."""
    sources: Sources = field(init=False)
    """What pages are made from."""

    def __post_init__(self) -> None:
        self.sources = Sources(self.ledger, lambda: self.planner.standards, lambda: status_document(self))


def run(data: DataDir, standards: Path, listen: Address) -> None:
    """Serve until SIGTERM or SIGINT; raises `ControlError`."""
    from paceline.gateway.control_api import serve

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with only_one(data), bound(listen) as socket, opened(data, standards, listen) as control:
        serve(control, socket)


def _leave(*_: object) -> None:
    raise SystemExit(0)


@contextmanager
def bound(listen: Address) -> Iterator[socket.socket]:
    """Bind the API's address; raises `ControlError`."""
    try:
        made = listen.bind()
    except OSError as error:
        wrong = f"cannot listen on {listen}: {error.strerror}."
        raise ControlError(wrong, "stop what listens there, or choose another with --listen.") from error
    with made:
        yield made


@contextmanager
def only_one(data: DataDir) -> Iterator[None]:
    """Hold the directory's lock; raises `ControlError` when another control process has it."""
    data.ensure()
    with ExitStack() as stack:
        try:
            stack.enter_context(held(data.control_lock))
        except HeldError as error:
            wrong = f"another control process works on {data.path} (process {error.pid})."
            raise ControlError(wrong, f"`kill {error.pid}` stops it; or use another --data.") from error
        yield


@contextmanager
def opened(data: DataDir, standards: Path, listen: Address) -> Iterator[Control]:
    """Open the ledger and run the loops; at the end stop them and take in what the gateway left."""
    from paceline.dashboard.preparing import Preparing
    from paceline.gateway.admin import has_admin_key

    ledger = open_ledger(data.path)
    try:
        if not listen.is_loopback and not has_admin_key(ledger):
            wrong = f"refusing to listen on {listen} for everybody: there is no admin key."
            raise ControlError(wrong, "`paceline up` makes one at its first start; or listen on 127.0.0.1.")
        link = Link(data.socket)
        planner = Planner(standards, data, ledger, link)
        spent = SpentFile(data, ledger, link)
        caps = CapReview(ledger, planner)
        taking_in = Loop("ingest", INGEST_EVERY_S, lambda: ingest(ledger, data, spent))
        governing = Governing(ledger, planner, lambda: taking_in.done_at)
        control = Control(data, standards, ledger, link, planner, (), needs_key=not listen.is_loopback)
        control.loops = loops = (
            Loop("plan", PLAN_EVERY_S, planner.tick),
            taking_in,
            Loop("roll-up", ROLL_UP_EVERY_S, lambda: roll_up(ledger)),
            Loop("retention", RETAIN_EVERY_S, lambda: retain(ledger, planner)),
            Loop("caps", CAPS_EVERY_S, caps.tick),
            Loop("govern", GOVERN_EVERY_S, governing.tick),
            Loop("alerts", SEND_EVERY_S, governing.send),
            Loop("forget", FORGET_EVERY_S, governing.forget),
            Loop("figures", PREPARE_EVERY_S, Preparing(control.sources).tick),
        )
        loops[0].once()  # what is taken in belongs to the owners of a plan: let there be one
        for loop in loops:
            loop.start()
        try:
            yield control
        finally:
            for loop in loops:
                loop.stop()
            taking_in.once()
            with suppress(LedgerError):
                governing.leave()
    finally:
        ledger.close()


def ingest(ledger: Ledger, data: DataDir, spent: SpentFile) -> None:
    """Take in what is in every journal, and keep the money spent in step with it.

    Raises the first `LedgerError` after all of them were tried.
    """
    failed: LedgerError | None = None
    for journal in data.journals():
        try:
            if ledger.ingest(journal, before_delete=spent.write).records:
                spent.changed()
        except LedgerError as error:
            spent.changed()
            failed = failed or error
    spent.follow()
    if failed is not None:
        raise failed


def roll_up(ledger: Ledger) -> None:
    """Add rows up into coarser ones."""
    ledger.roll_up()


def retain(ledger: Ledger, planner: Planner) -> None:
    """Delete what is older than the ledger keeps."""
    ledger.retain(planner.keep())
