"""Backstage's catalogue as services and teams that the standards do not have yet.

A component is a service of ours if its annotation `paceline.dev/service` names one, or if its type is `service`; a
group that owns one is a team. Owners of services that are there already are `governance/owners`'. Source: backstage.io,
"Descriptor Format of Catalog Entities", and `packages/catalog-model/examples` of backstage/backstage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from paceline.governance.owners.backstage import ANNOTATION, entities, team_of
from paceline.imports.draft import Names
from paceline.imports.findings import Finding, ImportsError, Notes
from paceline.imports.reading import Section
from paceline.standards import Standards
from paceline.standards.names import printable

__all__ = ["USE_CASES", "Additions", "additions"]

USE_CASES: Final = "paceline.dev/use-cases"
"""The annotation that names a component's use cases, apart by commas."""

_CHARS_MAX: Final = 200
_ALONE: Final = ("services stand alone in the standards", "")
_SPEC: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("system", "subcomponentOf", "dependsOn", "dependencyOf", "providesApis", "consumesApis"),
        _ALONE,
    ),
    "lifecycle": ("a service's mode says how strictly the standards apply to it", "`services.NAME.mode`"),
}
_GROUP: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("parent", "children"), ("teams stand alone", "`teams.NAME.escalate_to` for overdue incidents")),
    "type": ("teams are of one kind", ""),
    "members": ("a team has a contact, no members", "`teams.NAME.contact`"),
}


@dataclass(frozen=True, slots=True)
class Additions:
    """What the standards would get."""

    services: dict[str, dict[str, Any]]
    teams: dict[str, dict[str, Any]]
    """Every team that owns one of them and is not there yet."""
    components: frozenset[str]
    """The components that become them, as the catalogue names them."""
    findings: tuple[Finding, ...]


def additions(standards: Standards, places: Sequence[Path], use_cases: Sequence[str]) -> Additions:
    """Read catalogues; `use_cases` are those of components that name none. Raises `ImportsError` and `OwnersError`."""
    known = standards.options.use_cases
    if unknown := [name for name in use_cases if name not in known]:
        fix = f"name one of the standards: {', '.join(list(known)[:8])}" if known else "add one to the standards first"
        raise ImportsError(f"the standards have no use case {unknown[0]!r}", fix)
    notes = Notes()
    found = list(entities(list(places)))
    contacts = dict(_contacts(found, notes))
    names, teams = Names(notes), Names(notes)
    services: dict[str, dict[str, Any]] = {}
    components = set[str]()
    for entity, file in found:
        if entity.get("kind") == "Component":
            component = _Component(entity, file, notes)
            for name, service in _service(component, standards, (names, teams), use_cases):
                services |= {name: service} if service else {}
                components.add(component.marked or component.name)
    ours = {teams.known(name) or name: contact for name, contact in contacts.items()}
    owners = dict.fromkeys(service["owner"] for service in services.values())
    new_teams = {owner: ours.get(owner, {}) for owner in owners if owner not in standards.options.teams}
    _others(found, notes)
    return Additions(services, new_teams, frozenset(components), notes.findings)


class _Component:
    """One component, with the place to name in findings."""

    def __init__(self, entity: dict[str, Any], file: Path, notes: Notes) -> None:
        whole = Section(entity, "", notes)
        self.notes = notes
        metadata = whole.section("metadata")
        self.name, self.namespace = metadata.text("name"), metadata.text("namespace") or "default"
        self.description = metadata.text("description")
        annotations = metadata.take("annotations")
        self.annotations = annotations if isinstance(annotations, dict) else {}
        self.path = f"{file}: Component {self.name}"
        self.spec = Section(entity.get("spec"), f"{self.path}.spec", notes)

    @property
    def marked(self) -> str:
        """The service that it says it is."""
        said = self.annotations.get(ANNOTATION)
        return said if isinstance(said, str) else ""


def _service(
    component: _Component, standards: Standards, names: tuple[Names, Names], use_cases: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    kind, owner = component.spec.text("type"), component.spec.text("owner")
    theirs = component.marked or component.name
    if not theirs or theirs in standards.options.services:
        return
    if kind != "service" and not component.marked:
        why = f"a component of type {kind or 'none'} is taken for no service that calls models"
        component.notes.note("left out", component.path, why, f"annotate it `{ANNOTATION}: NAME` if it is one")
        return
    team, why_not = team_of(owner.strip())
    if not team:
        why = why_not or "it has no owner"
        component.notes.note("left out", component.path, why, "a service's owner is a team: name a group")
        return
    own = _use_cases(component, standards) or list(use_cases)
    if not own:
        do = f"--use-case NAME, or annotate it `{USE_CASES}: NAME`"
        component.notes.note("left out", component.path, "it says no use case", do)
        return
    # Two namespaces may have components of one name.
    key = theirs if component.namespace == "default" or component.marked else f"{component.namespace}-{theirs}"
    name = names[0].ours(key, component.path, "service")
    if name in standards.options.services:
        yield name, {}  # taken over before, under a name that had to change
        return
    description = printable(component.description).strip()[:_CHARS_MAX]
    component.spec.leave(_SPEC)
    owner = names[1].ours(team, component.path, "team")
    yield name, {"owner": owner, "use_cases": own} | ({"description": description} if description else {})


def _use_cases(component: _Component, standards: Standards) -> list[str]:
    said = component.annotations.get(USE_CASES)
    named = [name.strip() for name in said.split(",")] if isinstance(said, str) else []
    for name in named:
        if name not in standards.options.use_cases:
            why = "the standards have no such use case"
            component.notes.note(
                "left out", f"{component.path}.metadata.annotations", why, f"add `{printable(name)}` first"
            )
    return [name for name in named if name in standards.options.use_cases]


def _contacts(found: Sequence[tuple[dict[str, Any], Path]], notes: Notes) -> Iterator[tuple[str, dict[str, Any]]]:
    for entity, file in found:
        if entity.get("kind") == "Group":
            metadata = Section(entity.get("metadata"), f"{file}: Group", notes)
            name = metadata.text("name").lower()
            spec = Section(entity.get("spec"), f"{file}: Group {name}.spec", notes)
            profile = spec.section("profile")
            contact = profile.text("email") or profile.text("displayName")
            profile.leave(dict.fromkeys(profile.names(), ("a team has one contact", "`teams.NAME.contact`")))
            spec.leave(_GROUP)
            if name:
                yield name, {"contact": printable(contact)[:_CHARS_MAX]} if contact else {}


def _others(found: Sequence[tuple[dict[str, Any], Path]], notes: Notes) -> None:
    for entity, file in found:
        kind, metadata = entity.get("kind"), entity.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        if kind not in {"Component", "Group"}:
            what = f"{file}: {printable(str(kind or 'a document without a kind'))} {printable(str(name))}".rstrip()
            notes.note("left out", what, "the standards have nothing like this kind of Backstage's entities")
