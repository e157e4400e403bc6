"""Standards being made of a source: providers under names of their own, models, what stands for all callers.

Owns names, and that nothing is described twice. Sources rarely know services and owners: until somebody names them,
one service in mode `observe` and one team stand for all callers, so that the result runs. Must not know any product.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from paceline.imports.findings import Notes
from paceline.imports.vendors import Kind, address_name, vendor_of
from paceline.standards.names import NAME_CHARS_MAX, suggestion
from paceline.standards.vendors import VENDORS

__all__ = ["TEAM", "Draft", "Names"]

TEAM: Final = "platform"
"""The team that answers for everything until somebody names others."""

_ALL_CALLERS: Final = "all-callers"


class Names:
    """Names of a source as names of ours: the same stays the same, two never become one."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._ours: dict[str, str] = {}

    def ours(self, theirs: str, path: str, what: str) -> str:
        """Return our name for theirs; noted where it had to change."""
        if theirs in self._ours:
            return self._ours[theirs]
        wanted = suggestion(theirs) or what
        name, number = wanted, 1
        while name in self._ours.values():
            number += 1
            name = f"{wanted[: NAME_CHARS_MAX - 3]}-{number}"
        self._ours[theirs] = name
        if name != theirs:
            why = f"this name of a {what} has characters, or a length, that ours cannot have; it is `{name}` now"
            self._notes.note("changed", path, why, f"callers must say `{name}`" if what == "model" else "")
        return name

    def known(self, theirs: str) -> str | None:
        """Return our name for theirs if it was given."""
        return self._ours.get(theirs)


class Draft:
    """The parts of a standards file, as they come up."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.providers: dict[str, dict[str, Any]] = {}
        self.models: dict[str, list[Any]] = {}
        self.use_cases: dict[str, dict[str, Any]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.teams: dict[str, dict[str, Any]] = {}
        self.traffic: dict[str, dict[str, Any]] = {}
        self.gateway: dict[str, Any] = {}
        self._described: dict[str, dict[str, Any]] = {}

    def provider(self, kind: Kind, address: str, key: str | None, more: Mapping[str, Any] | None = None) -> str:
        """Return the name of the provider that is this; the same one gets the same name. `key` is a reference."""
        vendor = vendor_of(kind, address)
        options: dict[str, Any] = {}
        if vendor:
            wanted = vendor
            options["vendor"] = vendor
            options["key"] = key or VENDORS[vendor].key
        else:
            wanted = kind.name if kind.name and address == kind.address else address_name(address)
            options |= {"vendor": kind.vendor} if kind.vendor not in {"", "openai"} else {}
            options |= {"base_url": address} | ({"engine": kind.engine} if kind.engine else {})
            options |= {"key": key} if key else {}
        return self._named(wanted, options | dict(more or {}))

    def _named(self, wanted: str, options: dict[str, Any]) -> str:
        name, number = wanted, 1
        while True:
            written = {key: each for key, each in options.items() if key != "vendor" or each != name}
            if json.dumps(self.providers.setdefault(name, written)) == json.dumps(written):
                return name
            number += 1
            name = f"{wanted[: NAME_CHARS_MAX - 3]}-{number}"

    def deployment(self, model: str, full: str, details: Mapping[str, Any], path: str) -> None:
        """Add a deployment to a model, plainly where it is described already."""
        known = self.models.setdefault(model, [])
        if full in self.deployments(model):
            why = f"the model `{model}` has the deployment {full} already"
            self.notes.note("left out", path, why, "give each provider its own entry under `providers:`")
            return
        first = self._described.get(full)
        if first is None:
            self._described[full] = dict(details)
            known.append({"deployment": full, **details} if details else full)
            return
        if details and details != first:
            why = f"{full} is described before, otherwise; a deployment has one price and one set of limits"
            self.notes.note("left out", path, why, "correct the first description if it is the wrong one")
        known.append(full)

    def deployments(self, model: str) -> list[str]:
        """List a model's deployments by name."""
        return [each if isinstance(each, str) else each["deployment"] for each in self.models.get(model, ())]

    def speaks_messages(self, deployment: str) -> bool:
        """Tell whether a deployment's provider speaks Anthropic's Messages API."""
        name = deployment.partition("/")[0]
        return bool(self.providers[name].get("vendor", name) == "anthropic")

    def append(self, model: str, deployments: Iterable[str]) -> None:
        """Add deployments that are described elsewhere at the end of a model's."""
        known = self.models.setdefault(model, [])
        known += [each for each in dict.fromkeys(deployments) if each not in self.deployments(model)]

    def bound(self, requests_in_flight: int) -> None:
        """Bound the requests in flight of every deployment that has no bound of its own, where it is described."""
        for known in self.models.values():
            for place, each in enumerate(known):
                if isinstance(each, dict):
                    each.setdefault("limits", {}).setdefault("requests_in_flight", requests_in_flight)
                elif not self._described.get(each):
                    self._described[each] = {"limits": {"requests_in_flight": requests_in_flight}}
                    known[place] = {"deployment": each, **self._described[each]}

    def stand_in(self) -> None:
        """Name a service for all callers, or one a team, where the source knows no services."""
        if not self.use_cases:
            return
        use_cases = list(self.use_cases)
        self.services = {team: {"owner": team, "use_cases": use_cases, "mode": "observe"} for team in self.teams}
        if not self.teams:
            self.teams = {TEAM: {}}
        if not self.services or list(self.services) == [TEAM]:
            self.services = {_ALL_CALLERS: {"owner": TEAM, "use_cases": use_cases, "mode": "observe"}}
        why = "the source does not say which applications call, for what, and who answers for them"
        do = "name your services, their use cases and their owners; `paceline import backstage --new` reads a catalogue"
        self.notes.note("to do", "services", why, do)

    def document(self) -> dict[str, Any]:
        """Return the standards as they are written."""
        parts = {
            "providers": self.providers,
            "models": self.models,
            "use_cases": self.use_cases,
            "teams": self.teams,
            "services": self.services,
            "traffic": self.traffic,
            "gateway": self.gateway,
        }
        return {"version": 1, **{name: part for name, part in parts.items() if part}}
