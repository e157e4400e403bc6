"""`Standards`: the organisation's standards as the control side uses them.

Owns what can be asked of them: faults, terms of use cases and classes, owners, and the plan. Immutable. Must not read
files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType

from paceline.standards.classes import BUILT_IN, Limit
from paceline.standards.faults import Fault, StandardsFaultyError, StandardsNameError
from paceline.standards.limits import Terms, class_terms, use_case_terms
from paceline.standards.options import Options, UseCaseOptions
from paceline.standards.ownership import ServiceOptions
from paceline.standards.plan import Plan, PlanKey
from paceline.standards.planning import build_plan

__all__ = ["Standards"]


@dataclass(frozen=True)
class Standards:
    """Options with everything that is wrong with them.

    `found` holds faults and warnings in the order of the file; `day` is the day they were loaded for.
    """

    options: Options
    found: tuple[Fault, ...]
    day: date

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What stops a plan."""
        return tuple(fault for fault in self.found if not fault.warning)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What does not."""
        return tuple(fault for fault in self.found if fault.warning)

    def sound(self) -> Standards:
        """Return these standards if they have no fault; raise `StandardsFaultyError` with all of them otherwise."""
        if self.faults:
            raise StandardsFaultyError(self.faults)
        return self

    @cached_property
    def classes(self) -> Mapping[str, Terms]:
        """Every class, built in or from the file, complete, each limit with its source."""
        names = dict.fromkeys([*BUILT_IN, *self.options.classes])
        return MappingProxyType({name: class_terms(name, self.options.classes) for name in names})

    @cached_property
    def use_cases(self) -> Mapping[str, Terms]:
        """Every use case, complete, each limit with its source."""
        classes, policy = self.options.classes, self.options.policy
        written = self.options.use_cases.items()
        return MappingProxyType({name: use_case_terms(name, each, classes, policy) for name, each in written})

    def limits(self, use_case: str) -> tuple[Limit, ...]:
        """List the limits of a use case; raises `StandardsNameError`."""
        self._use_case(use_case)
        return self.use_cases[use_case].limits

    def owner(self, service: str) -> str | None:
        """Name the team that owns a service; raises `StandardsNameError`."""
        return self._service(service).owner

    def default_model(self, use_case: str) -> str | None:
        """Name the default model of a use case: its own, else its task's; raises `StandardsNameError`."""
        options = self._use_case(use_case)
        return options.model or self.options.tasks.get(options.task or "")

    def plan(
        self, keys: Iterable[PlanKey] = (), *, today: date | None = None, caps: Mapping[str, int] | None = None
    ) -> Plan:
        """Complete, freeze and hash these standards with the given virtual keys; raises `StandardsFaultyError`.

        `today` is the day whose catalogue prices count; the day of loading if None. `caps` are the output caps learned
        so far, by use case: they count where the standards say `max_output_tokens: learned`.
        """
        return build_plan(self.sound().options, keys, today or self.day, caps or {})

    def _use_case(self, name: str) -> UseCaseOptions:
        if name not in self.options.use_cases:
            raise StandardsNameError(f"there is no use case {name!r}")
        return self.options.use_cases[name]

    def _service(self, name: str) -> ServiceOptions:
        if name not in self.options.services:
            raise StandardsNameError(f"there is no service {name!r}")
        return self.options.services[name]
