"""The processes of one installation as a supervisor starts them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from paceline.gateway.address import Address
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link, LinkError, ask_http
from paceline.gateway.supervisor import Part

GATEWAY_LISTEN = "127.0.0.1:4100"
CONTROL_LISTEN = "127.0.0.1:4101"
SIM_LISTEN = "127.0.0.1:4199"
# Longer than the drain limit of a plan, which the gateway keeps itself.
GATEWAY_GRACE_S = 40.0
CONTROL_GRACE_S = 20.0

_PYTHON = (sys.executable, "-m", "paceline")


def gateway(data: DataDir, listen: Address) -> Part:
    """Describe the gateway process: ready when it has a plan and accepts calls."""
    command = (*_PYTHON, "gateway", "--data", str(data.path), "--listen", str(listen))
    return Part("gateway", command, data.log("gateway"), lambda: _has_plan(data), GATEWAY_GRACE_S)


def control(data: DataDir, standards: Path, listen: Address) -> Part:
    """Describe the control process: ready when its API answers."""
    command = (*_PYTHON, "control", "--data", str(data.path), "--standards", str(standards), "--listen", str(listen))
    return Part("control", command, data.log("control"), lambda: _answers(listen, "/healthz"), CONTROL_GRACE_S)


def sim(data: DataDir, listen: Address, options: Sequence[str] = ()) -> Part:
    """Describe the simulated provider."""
    command = (*_PYTHON, "sim", "--listen", str(listen), *options)
    return Part("sim", command, data.log("sim"), lambda: _answers(listen, "/healthz"))


def _has_plan(data: DataDir) -> bool:
    # Asked over the admin socket: the callers' address may speak TLS.
    try:
        return bool(Link(data.socket).status().get("plan"))
    except LinkError:
        return False


def _answers(listen: Address, path: str) -> bool:
    answer = ask_http(str(listen.reachable), path)
    return answer is not None and answer[0] == 200
