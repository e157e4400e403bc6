"""What happens before the processes start: keys where there are none yet, and the plan on disk.

A gateway takes its certificate and its listener's bounds from the plan it starts with, so that plan must be there.
Runs in a process of its own, so that a supervisor, which lives long and does little, never loads the ledger.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paceline.gateway.data_dir import DataDir

if TYPE_CHECKING:
    from paceline.ledger import Ledger
    from paceline.standards import Standards


@dataclass(frozen=True)
class FirstStart:
    """The keys made, each None when there was one before."""

    admin_key: str | None = None
    service_key: str | None = None
    service: str = ""
    use_case: str = ""
    note: str = ""
    """What went wrong without being in the way."""


class FirstStartError(Exception):
    """The standards file or the ledger cannot be read: what is wrong, what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.fix = fix


def first_start(data: DataDir, standards: Path) -> FirstStart:
    """Make what is missing and return the new keys; raises `FirstStartError`."""
    command = (sys.executable, "-m", __name__, str(data.path), str(standards))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise FirstStartError(f"the data directory {data.path} cannot be set up: {lines[-1]}", _DOCTOR) from None
    if "wrong" in answer:
        raise FirstStartError(answer["wrong"], answer["fix"])
    return FirstStart(**answer)


_DOCTOR = "`paceline doctor` looks for the reason."


def make_keys(data: DataDir, standards: Path) -> FirstStart:
    """Do the work, in this process."""
    from paceline import standards as rules
    from paceline.ledger import LedgerError, open_ledger

    try:
        loaded = rules.load(standards)
        plan = loaded.plan(())
    except rules.StandardsFaultyError as error:
        many = len(error.faults)
        wrong = f"{standards} has {many} fault{'s' if many > 1 else ''}; the first: {error.faults[0]}."
        raise FirstStartError(wrong, f"`paceline validate {standards}` shows all of them with fixes.") from error
    except rules.StandardsUnreadableError as error:
        raise FirstStartError(f"{error.reason}.", f"{error.hint}.") from error
    try:
        with open_ledger(data.path) as ledger:
            made = _new_keys(ledger, plan.document["services"])
            return replace(made, note=_write_plan(data, ledger, loaded) or made.note)
    except LedgerError as error:
        raise FirstStartError(f"{error}.", _DOCTOR) from error


def _new_keys(ledger: Ledger, services: list[dict[str, Any]]) -> FirstStart:
    from paceline.gateway.admin import has_admin_key, make_admin_key
    from paceline.ledger import LedgerError

    admin = None if has_admin_key(ledger) else make_admin_key(ledger)
    if admin is None or ledger.keys.list() or not services:
        return FirstStart(admin_key=admin)
    first = services[0]
    try:
        made = ledger.keys.create(service=first["name"], name="first start")
    except LedgerError as error:
        return FirstStart(admin_key=admin, note=f"a service's key could not be made: {error}")
    return FirstStart(admin, made.key, first["name"], first["use_cases"][0])


def _write_plan(data: DataDir, ledger: Ledger, loaded: Standards) -> str:
    """Put the plan where the gateway reads it; return why that could not be.

    Keys are made by then and shown only once, so nothing here may keep them from being shown: the control process tries
    again, and one that the gateway would refuse is left to it to show.
    """
    from paceline import _core
    from paceline.ledger import LedgerError

    try:
        plan = loaded.plan(ledger.keys.planned(), caps=ledger.learning.in_force())
        _core.check_plan(plan.json_bytes)
        data.write_private(data.plan, plan.json_bytes)
    except _core.PlanFault:
        return ""
    except (OSError, LedgerError) as error:
        return f"the plan could not be written yet: {error}"
    return ""


def main(arguments: list[str]) -> None:
    """Print the keys, or what is wrong, as JSON."""
    try:
        answer = asdict(make_keys(DataDir(Path(arguments[0])), Path(arguments[1])))
    except FirstStartError as error:
        answer = {"wrong": error.wrong, "fix": error.fix}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
