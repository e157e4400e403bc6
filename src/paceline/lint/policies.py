"""The policy of a run: the standards file's word, then the project's configuration, then sane values.

Reads of `paceline.yaml` only what rules ask for, as plain YAML: loading the standards' own model would take longer than
most runs. `paceline validate` says what is wrong with the file; here what is not understood says nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from paceline.lint import git
from paceline.lint.findings import Policy
from paceline.lint.settings import Settings, SettingsError

STANDARDS = "paceline.yaml"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")


def policy(settings: Settings, named: Path | None = None, gateways: tuple[str, ...] = ()) -> Policy:
    """Put together what rules go by; raises `SettingsError` where the standards cannot be read."""
    path = named or find(settings)
    asked = from_standards(path, settings.service) if path is not None else {}
    for each in fields(Policy):
        own = getattr(settings, each.name, None)
        if own:
            asked[each.name] = (*asked.get(each.name, ()), *own) if isinstance(own, tuple) else own
    asked["gateways"] = (*Policy().gateways, *asked.get("gateways", ()), *gateways)
    return Policy(**asked)


def find(settings: Settings) -> Path | None:
    """Find the standards: what configuration or environment names, else upwards within the project's work tree."""
    if settings.standards:
        return settings.root / settings.standards
    if named := os.environ.get("PACELINE_STANDARDS"):
        return Path(named)  # from the current directory, as for all commands
    top = git.top(settings.root)
    for directory in (settings.root, *settings.root.parents):
        if (directory / STANDARDS).is_file():
            return directory / STANDARDS
        if directory == top:
            break
    return None


def from_standards(path: Path, service: str | None = None) -> dict[str, Any]:
    """Read what rules ask of a standards file; a service narrows caps, times and tags to its use cases."""
    document = _read(path)
    found: dict[str, Any] = {}
    lint = _map(document.get("lint"))
    for name in ("gateways", "clients", "packages"):
        if lint.get(name):
            found[name] = tuple(str(each) for each in _list(lint[name]))
    services = _map(document.get("services"))
    if service is not None and service not in services:
        raise SettingsError(
            f"{path} has no service {service!r}", "name one of its services with --service, or leave it out."
        )
    chosen = {service: services[service]} if service is not None else services
    used = {name: _list(_map(entry).get("use_cases")) for name, entry in chosen.items()}
    found["tags"] = tuple(f"{name}/{use_case}" for name, use_cases in used.items() for use_case in use_cases)
    found["models"] = tuple(_models(document))
    wanted = {use_case for use_cases in used.values() for use_case in use_cases}
    cases = [_map(entry) for name, entry in _map(document.get("use_cases")).items() if not wanted or name in wanted]
    caps = [each.get("max_output_tokens") for each in cases]
    numbers = [each for each in caps if isinstance(each, int) and not isinstance(each, bool)]
    if numbers:
        found["cap_tokens"] = max(numbers)
        if len(numbers) == len(caps):  # otherwise a class may allow more than is written here
            found["cap_tokens_max"] = max(numbers)
    times = [_seconds(_map(each.get("deadlines")).get("total")) for each in cases]
    if times and all(times):
        found["timeout_s"] = max(each for each in times if each is not None)
    return {name: value for name, value in found.items() if value}


def _models(document: dict[str, Any]) -> list[str]:
    """List what the standards let callers ask for: names, tasks, and the providers' own ids of their deployments."""
    found = []
    for name, entry in _map(document.get("models")).items():
        found.append(name)
        given = _map(entry).get("deployments") if isinstance(entry, dict) else entry
        for each in _list(given):
            text = str(_map(each).get("deployment", "")) if isinstance(each, dict) else str(each)
            found += [text, text.partition("/")[2]]
    if not found:
        return []
    tasks = [f"task:{name}" for name in _map(document.get("tasks"))]
    return list(dict.fromkeys([*filter(None, found), *tasks, "auto"]))


def _read(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _map(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506  # safe either way
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"the standards {path} cannot be read", f"`paceline validate {path}` says why.") from error


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _seconds(value: Any) -> float | None:
    match = _DURATION.fullmatch(str(value).strip()) if value is not None else None
    return float(match[1]) * _SECONDS[match[2]] if match else None
