"""The organisation's standards: read, checked, completed, frozen into a plan.

Three types: `Options` is what a person writes, `Plan` is complete and crosses to the gateway, `Standards` joins the
options with everything that is wrong with them. Importing this package is cheap; the heavy parts load on first use.

    StandardsError                the only exception that leaves this package
    ├── StandardsUnreadableError       the file could not be read: missing, no permission, no text
    ├── StandardsFaultyError           the file was read and has faults; `.faults` lists all of them
    └── StandardsNameError         a name was asked for that the standards do not have
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paceline.standards.classes import METRICS, PERCENTILES, Limit
    from paceline.standards.faults import (
        Code,
        Fault,
        StandardsError,
        StandardsFaultyError,
        StandardsNameError,
        StandardsUnreadableError,
    )
    from paceline.standards.limits import Terms
    from paceline.standards.loading import load
    from paceline.standards.options import Options
    from paceline.standards.plan import Plan, PlanKey, PlanLimit, PlanRates
    from paceline.standards.standards import Standards

__all__ = [
    "METRICS",
    "PERCENTILES",
    "Code",
    "Fault",
    "Limit",
    "Options",
    "Plan",
    "PlanKey",
    "PlanLimit",
    "PlanRates",
    "Standards",
    "StandardsError",
    "StandardsFaultyError",
    "StandardsNameError",
    "StandardsUnreadableError",
    "Terms",
    "load",
]

_HOME = {
    "METRICS": "classes",
    "PERCENTILES": "classes",
    "Code": "faults",
    "Fault": "faults",
    "Limit": "classes",
    "Options": "options",
    "Plan": "plan",
    "PlanKey": "plan",
    "PlanLimit": "plan",
    "PlanRates": "plan",
    "Standards": "standards",
    "StandardsError": "faults",
    "StandardsFaultyError": "faults",
    "StandardsNameError": "faults",
    "StandardsUnreadableError": "faults",
    "Terms": "limits",
    "load": "loading",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
