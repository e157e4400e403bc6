"""Sets the demo up and takes it down: its directory, its standards file, its addresses, its keys, its processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from paceline.demo.cast import ROLES, SIM_MODELS
from paceline.gateway import parts
from paceline.gateway.address import Address
from paceline.gateway.data_dir import DataDir
from paceline.gateway.supervisor import Part, Supervisor
from paceline.ledger import open_ledger

STANDARDS_NAME = "paceline.yaml"
# A directory with this file was made by a demo and may be deleted by the next.
MARK_NAME = "made-by-paceline-demo"


class NotOursError(Exception):
    """The directory holds something that no demo made."""


@dataclass(frozen=True)
class Stage:
    """One demo's directory and addresses."""

    data: DataDir
    standards: Path
    gateway: Address
    control: Address
    sim: Address

    def parts(self) -> list[Part]:
        """Return the processes, in the order they stop."""
        models = [argument for model in SIM_MODELS for argument in ("--model", model)]
        return [
            parts.gateway(self.data, self.gateway),
            parts.control(self.data, self.standards, self.control),
            parts.sim(self.data, self.sim, models),
        ]

    def supervisor(self, say: Callable[[str], None]) -> Supervisor:
        """Return a supervisor of the processes, not started yet."""
        return Supervisor(self.parts(), say)

    def make_keys(self) -> dict[str, str]:
        """Make one key a service and return them by service."""
        ledger = open_ledger(self.data.path)
        try:
            return {
                role.service: ledger.keys.create(service=role.service, use_case=role.use_case, name="demo").key
                for role in ROLES
            }
        finally:
            ledger.close()


def set_stage(directory: Path) -> Stage:
    """Make the directory afresh and choose addresses: the usual ports, or free ones where those are taken."""
    data = DataDir(directory)
    _make_afresh(data)
    gateway, control, sim = (
        Address.read(listen).or_free() for listen in (parts.GATEWAY_LISTEN, parts.CONTROL_LISTEN, parts.SIM_LISTEN)
    )
    standards = data.path / STANDARDS_NAME
    text = (files("paceline.demo") / "standards.yaml").read_text()
    standards.write_text(text.replace("http://SIM/", f"{sim.url}/"))
    return Stage(data, standards, gateway, control, sim)


def _make_afresh(data: DataDir) -> None:
    mark = data.path / MARK_NAME
    if data.path.exists() and any(data.path.iterdir()):
        if not mark.is_file():
            raise NotOursError(str(data.path))
        shutil.rmtree(data.path)
    data.ensure()
    mark.write_text("The next `paceline demo` deletes this directory.\n")
