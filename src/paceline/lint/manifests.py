"""Manifests of Python and JavaScript projects: which packages of the catalogue they ask for.

Reads what people write (`requirements*.txt`, `pyproject.toml`, `Pipfile`, `setup.cfg`, `package.json`), not lock files.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from paceline.catalogue import Catalogue, load
from paceline.lint.fronts import UnreadableError
from paceline.lint.sites import Fact, Kind, Place, Site, State

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@#,]|$)")
_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def may_hold_sites(data: bytes) -> bool:
    """Say whether a manifest is worth reading: any that names a package."""
    return bool(data.strip())


def sites(data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
    """List the packages of the catalogue that a manifest asks for; raises `UnreadableError`."""
    del catalogue
    name = PurePosixPath(path).name
    try:
        text = data.decode("utf-8-sig")
        wanted = dict.fromkeys(_normal(each) for each in _packages(name, text))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UnreadableError("is not of a manifest's form") from error
    known = _npm() if name == "package.json" else _pypi()
    found = [_site(package, known[package], path, text, name) for package in wanted if package in known]
    return sorted(found, key=lambda site: (site.place.line, site.place.column))


def _packages(name: str, text: str) -> Iterator[str]:
    if name == "package.json":
        document = _map(json.loads(text))
        for section in _SECTIONS:
            yield from map(str, _map(document.get(section)))
    elif name in {"pyproject.toml", "Pipfile"}:
        yield from _of_toml(tomllib.loads(text))
    else:
        for line in text.splitlines():
            match = _REQUIREMENT.match(line)
            if match is not None:
                yield match[1]


def _of_toml(document: dict[str, Any]) -> Iterator[str]:
    project, tool = _map(document.get("project")), _map(document.get("tool"))
    lists = [project.get("dependencies"), *_map(project.get("optional-dependencies")).values()]
    lists += [*_map(document.get("dependency-groups")).values(), _map(tool.get("uv")).get("dev-dependencies")]
    for requirement in (each for part in lists if isinstance(part, list) for each in part):
        match = _REQUIREMENT.match(str(requirement))
        if match is not None:
            yield match[1]
    poetry = _map(tool.get("poetry"))
    groups = [_map(each).get("dependencies") for each in _map(poetry.get("group")).values()]
    tables = [poetry.get("dependencies"), poetry.get("dev-dependencies"), *groups]
    for table in [*tables, document.get("packages"), document.get("dev-packages")]:
        yield from map(str, _map(table))


def _site(package: str, product: str, path: str, text: str, name: str) -> Site:
    where = _place(package, text)
    end = Place(where.line, where.column + len(package))
    facts = {"package": Fact(State.YES, where, f"`{package}`", package)}
    language = "typescript" if name == "package.json" else "python"
    return Site(Kind.DEPENDENCY, path, where, end, product, "", "", package, "manifest", facts, language=language)


def _place(package: str, text: str) -> Place:
    """Find where a package is named: the first line that holds it as a whole word, outside comments."""
    spelt = "[-_.]".join(map(re.escape, package.split("-")))
    word = re.compile(rf"(?<![\w/@.-]){spelt}(?![\w/-])", re.IGNORECASE)
    for number, line in enumerate(text.splitlines(), 1):
        match = word.search(line.partition("#")[0])
        if match is not None:
            return Place(number, match.start() + 1)
    return Place(1, 1)


def _pypi() -> dict[str, str]:
    return {package: product.name for product in load().products for package in product.packages}


def _npm() -> dict[str, str]:
    return {module: product.name for product in load("typescript").products for module in product.modules}


def _normal(package: str) -> str:
    return package if package.startswith("@") else re.sub(r"[-_.]+", "-", package).lower()


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
