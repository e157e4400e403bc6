"""What `/api/status` says: the plan, the loops, the gateway, in one document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from paceline.gateway.link import LinkError

if TYPE_CHECKING:
    from paceline.gateway.control import Control


def status_document(control: Control) -> dict[str, Any]:
    """Return the state of this control process and of its gateway, without secrets."""
    state = control.planner.state
    return {
        "standards": str(control.standards),
        "data": str(control.data.path),
        "plan": asdict(state)
        | {"is_current": state.wanted is not None and state.in_force == state.wanted and not state.faults},
        "loops": {loop.name: {"fault": loop.fault, "done_at": loop.done_at} for loop in control.loops},
        "gateway": _gateway(control),
    }


def _gateway(control: Control) -> dict[str, Any]:
    try:
        return {"reachable": True, **control.link.status()}
    except LinkError as error:
        return {"reachable": False, "why": str(error)}
