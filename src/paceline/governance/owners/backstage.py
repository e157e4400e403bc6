"""Backstage's `catalog-info.yaml`: components and who owns them.

A component's service is its annotation `paceline.dev/service`, else its name. Owners are entity references such as
`group:default/team-a`; what is not a group is told, not guessed. Source: backstage.io, "Descriptor Format of Catalog
Entities".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from paceline.governance.owners.errors import OwnersError
from paceline.governance.owners.merging import Claim

__all__ = ["ANNOTATION", "claims", "entities", "team_of"]

ANNOTATION: Final = "paceline.dev/service"
_NAME: Final = "catalog-info.yaml"
_BYTES_MAX: Final = 4 << 20


def claims(places: list[Path]) -> list[Claim]:
    """Read files, and every `catalog-info.yaml` below folders. Raises `OwnersError`."""
    found = entities(places)
    return [claim for entity, file in found if entity.get("kind") == "Component" for claim in _claim(entity, file)]


def entities(places: list[Path]) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield every entity of files, and of every `catalog-info.yaml` below folders. Raises `OwnersError`."""
    for place in places:
        for file in _files(place):
            yield from ((entity, file) for entity in _documents(file) if isinstance(entity, dict))


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    found = sorted(place.rglob(_NAME))
    if not found:
        raise OwnersError(f"there is no {_NAME} below {place}", "name the files themselves")
    return found


def _documents(file: Path) -> list[Any]:
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise OwnersError(f"{file} is larger than {_BYTES_MAX} bytes", "name the files of services")
        return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise OwnersError(f"{file} cannot be read: {error}", "name a catalog-info.yaml") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise OwnersError(f"{file} is not YAML", "Backstage would not read it either") from error


def _claim(entity: dict[str, Any], file: Path) -> Iterator[Claim]:
    metadata, spec = entity.get("metadata"), entity.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return
    annotations = metadata.get("annotations")
    marked = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
    name, owner = marked or metadata.get("name"), spec.get("owner")
    if isinstance(name, str) and isinstance(owner, str) and owner.strip():
        team, why_not = team_of(owner.strip())
        yield Claim(name, team, str(file), why_not, is_marked=bool(marked))


def team_of(reference: str) -> tuple[str, str]:
    """Return the team of `[KIND:][NAMESPACE/]NAME`, and why there is none."""
    kind, _, rest = reference.rpartition(":")
    name = rest.rpartition("/")[2]
    if kind and kind.lower() != "group":
        return "", f"{reference} is no group"
    return name.lower(), ""
