"""The checks of `paceline doctor`: each looks at one thing and says what it saw and, if need be, what to do.

A check never raises and changes nothing. `notes` are states that are fine in themselves, such as nothing running.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from paceline.gateway import parts
from paceline.gateway.address import Address
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link, LinkError, UntrustedError, ask_http

PYTHON_MIN = (3, 11)
# More than this waiting in the journal means that nothing takes it in.
JOURNAL_BYTES_NOTED = 64_000_000


class State(Enum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    seen: str
    fix: str = ""


@dataclass(frozen=True)
class Installation:
    """What is being looked at."""

    standards: Path
    data: DataDir


def all_checks(here: Installation) -> Iterator[Check]:
    """Run every check, in the order in which faults cause each other."""
    for name, check in _CHECKS.items():
        try:
            yield from check(here)
        except Exception as error:  # noqa: BLE001  # a check that cannot look is itself a finding
            yield Check(name, State.WRONG, f"{type(error).__name__}: {error}", "report this with the whole output")


def python(_here: Installation) -> Iterator[Check]:
    """Look at the interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        yield Check("python", State.WRONG, version, "install Python 3.11 or newer")
    else:
        yield Check("python", State.OK, version)


def native_module(_here: Installation) -> Iterator[Check]:
    """Look whether the native module loads and has the package's version."""
    import paceline

    try:
        from paceline import _core
    except ImportError as error:
        yield Check("native module", State.WRONG, str(error), "reinstall paceline; in a checkout run `make`")
        return
    own, native = paceline.__version__, _core.version()
    if own not in {native, "0+unknown"}:
        yield Check("native module", State.WRONG, f"{native}, but the package is {own}", "reinstall paceline")
    else:
        yield Check("native module", State.OK, native)


def standards_file(here: Installation) -> Iterator[Check]:
    """Look whether the file can be read and is sound, and whether the secrets it names are there."""
    if not here.standards.is_file():
        yield Check("standards file", State.WRONG, f"{here.standards} is missing", "`paceline init` writes one")
        return
    from paceline import standards

    try:
        plan = standards.load(here.standards).plan(()).document
    except standards.StandardsFaultyError as error:
        fix = f"`paceline validate {here.standards}` shows them"
        yield Check("standards file", State.WRONG, _many(len(error.faults), "fault"), fix)
        return
    except standards.StandardsError as error:
        yield Check("standards file", State.WRONG, str(error), "correct that")
        return
    yield Check("standards file", State.OK, f"{here.standards}, {_many(len(plan['services']), 'service')}")
    yield from _secrets(plan["providers"])


def _secrets(providers: list[dict[str, Any]]) -> Iterator[Check]:
    for provider in providers:
        kind, _, name = (provider["key"] or "").partition(":")
        title = f"key of {provider['name']}"
        if kind == "env" and not os.environ.get(name):
            yield Check(title, State.WRONG, f"{name} is not set here", f"set {name} where the gateway starts")
        elif kind == "file" and not Path(name).is_file():
            yield Check(title, State.WRONG, f"{name} is missing", f"write the key to {name}")
        elif kind:
            yield Check(title, State.OK, f"from {kind} {name}")


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def data_directory(here: Installation) -> Iterator[Check]:
    """Look at the directory's owner and mode."""
    path = here.data.path
    if not path.is_dir():
        yield Check("data directory", State.NOTE, f"{path} is not there yet", "`paceline up` makes it")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Check("data directory", State.WRONG, f"{path} cannot be written", "run as its owner, or use --data")
    elif mode & 0o077:
        yield Check("data directory", State.WRONG, f"{path} is open to others ({mode:o})", f"chmod 700 {path}")
    else:
        yield Check("data directory", State.OK, str(path))


def ledger(here: Installation) -> Iterator[Check]:
    """Look whether the ledger opens."""
    if not here.data.path.is_dir():
        return
    from paceline.ledger import open_ledger

    opened = open_ledger(here.data.path)
    try:
        keys = [key for key in opened.keys.list() if key.document()["revoked_at"] is None]
    finally:
        opened.close()
    if keys:
        yield Check("ledger", State.OK, f"{_many(len(keys), 'key')} in use")
    else:
        yield Check("ledger", State.NOTE, "no keys yet", "`paceline keys create --service NAME` makes one")


def processes(here: Installation) -> Iterator[Check]:
    """Look who listens on the addresses, or whether they are free."""
    for name, listen in _addresses(here).items():
        certificate = here.data.certificate() if name == "gateway" else None
        try:
            answer = ask_http(str(listen.reachable), "/healthz", certificate=certificate)
        except UntrustedError as error:
            fix = f"start it again if {certificate} has changed since"
            yield Check(name, State.WRONG, f"answers on {listen} with another certificate: {error}", fix)
            continue
        if answer is not None and answer[0] == 200:
            yield Check(name, State.OK, f"answers on {listen}")
        elif listen.is_free():
            yield Check(name, State.NOTE, f"not running ({listen} is free)", "`paceline up` starts it")
        else:
            fix = f"stop what listens there, or `paceline up --{name} {listen.host}:{listen.port + 10}`"
            yield Check(name, State.WRONG, f"{listen} is held by something else", fix)


def _addresses(here: Installation) -> dict[str, Address]:
    usual = {"gateway": parts.GATEWAY_LISTEN, "control": parts.CONTROL_LISTEN}
    with suppress(OSError, ValueError, KeyError):
        usual |= {name: json.loads(here.data.supervisor_state.read_text())[name] for name in usual}
    return {name: Address.read(listen) for name, listen in usual.items()}


def plan_in_force(here: Installation) -> Iterator[Check]:
    """Compare the plan the gateway runs with the one the file and the keys make now."""
    try:
        in_force = Link(here.data.socket).status().get("plan")
    except LinkError:
        return  # it does not run: said above
    from paceline import standards
    from paceline.ledger import open_ledger

    opened = open_ledger(here.data.path)
    try:
        wanted = standards.load(here.standards).plan(opened.keys.planned()).hash
    finally:
        opened.close()
    if in_force == wanted:
        yield Check("plan in force", State.OK, wanted[:12])
    else:
        seen = f"{str(in_force)[:12]}, but the file makes {wanted[:12]}"
        yield Check("plan in force", State.WRONG, seen, "is `paceline control` running? Its log says what it refused")


def export(here: Installation) -> Iterator[Check]:
    """OTLP export works, where the plan in force asks for it."""
    try:
        found = Link(here.data.socket).status().get("export")
    except LinkError:
        return
    if not found:
        return
    if found["failing"]:
        seen = f"{found['endpoint']}: {found['failing']}; {_many(found['requests_dropped'], 'request')} dropped"
        yield Check("OTLP export", State.WRONG, seen, "start the collector, or correct `telemetry.otlp`")
    elif found["headers_missing"]:
        places = ", ".join(found["headers_missing"])
        yield Check("OTLP export", State.WRONG, f"{places} is not there", "set it where the gateway starts")
    else:
        yield Check("OTLP export", State.OK, f"{found['endpoint']}, {_many(found['spans_sent'], 'span')} sent")


def journal(here: Installation) -> Iterator[Check]:
    """Look how much waits to be taken in."""
    if not here.data.journal.is_dir():
        return
    segments = list(here.data.journal.glob("segment-*.jnl"))
    waiting = sum(segment.stat().st_blocks * 512 for segment in segments)
    seen = f"{_many(len(segments), 'segment')}, {waiting / 1e6:.1f} MB on disk"
    if waiting > JOURNAL_BYTES_NOTED:
        yield Check(
            "journal", State.WRONG, seen, "start `paceline control`: it takes the records in and frees the disk"
        )
    else:
        yield Check("journal", State.OK, seen)


_CHECKS: dict[str, Callable[[Installation], Iterator[Check]]] = {
    "python": python,
    "native module": native_module,
    "standards file": standards_file,
    "data directory": data_directory,
    "ledger": ledger,
    "processes": processes,
    "plan in force": plan_in_force,
    "OTLP export": export,
    "journal": journal,
}
