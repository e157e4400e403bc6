"""Writes owners, teams and services into a standards file, line by line: comments and order stay as they are.

Changes only what it is sure of: an `owner:` written plainly on a line of its service, or within its braces. What comes
out is checked like any standards before the file is replaced, in one step.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from paceline import standards
from paceline.governance.owners.errors import OwnersError
from paceline.standards.fields import one_line

__all__ = ["changed_text", "write"]


def changed_text(
    text: str,
    owners: Mapping[str, str],
    new_teams: Mapping[str, Mapping[str, Any]],
    new_services: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """Return the file's text with these owners, teams and services. Raises `OwnersError` where it is not sure how."""
    lines = text.splitlines(keepends=True)
    for service, owner in owners.items():
        _set_owner(lines, service, owner)
    _add(lines, "teams", new_teams)
    _add(lines, "services", new_services)
    result = "".join(lines)
    _check(result, owners)
    return result


def write(path: Path, text: str) -> None:
    """Replace a file in one step; its mode stays. Raises `OwnersError`."""
    try:
        mode = path.stat().st_mode & 0o7777
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as made:
            made.write(text)
        Path(made.name).chmod(mode)
        os.replace(made.name, path)  # noqa: PTH105  # says what it does
    except OSError as error:
        raise OwnersError(
            f"{path} cannot be written: {error.strerror}", "make it writable, or edit it by hand"
        ) from error


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """Return the lines of a section in block style: after its key, up to the next key."""
    begin = next((at for at, line in enumerate(lines) if re.match(rf"{name}:\s*(#.*)?$", line)), None)
    if begin is None:
        raise _unsure(name, "is not written as a block")
    end = next((at for at in range(begin + 1, len(lines)) if re.match(r"[^\s#]", lines[at])), len(lines))
    return begin + 1, end


def _set_owner(lines: list[str], service: str, owner: str) -> None:
    begin, end = _section(lines, "services")
    key = re.compile(rf"""(\s+)(["']?){re.escape(service)}\2:(\s*)(.*)$""")
    at = next((at for at in range(begin, end) if key.match(lines[at])), None)
    if at is None:
        raise _unsure(service, "is not found on a line of its own")
    found = key.match(lines[at])
    assert found is not None  # noqa: S101  # matched above
    indent, rest = found[1], found[4]
    if rest.startswith("{"):
        lines[at] = _in_braces(lines[at], service, owner)
        return
    if rest and not rest.startswith("#"):
        raise _unsure(service, "is written in a way that is not known here")
    inner = next((line for line in lines[at + 1 : end] if line.strip() and not line.strip().startswith("#")), "")
    deeper = re.match(r"\s*", inner)
    width = deeper[0] if deeper is not None and len(deeper[0]) > len(indent) else indent + "  "
    for place in range(at + 1, end):
        if re.match(rf"\s{{0,{len(indent)}}}\S", lines[place]):
            break
        if re.match(rf"{width}owner:", lines[place]):
            lines[place] = re.sub(r"(owner:\s*)[^\s#]+", rf"\g<1>{owner}", lines[place])
            return
    lines.insert(at + 1, f"{width}owner: {owner}\n")


def _in_braces(line: str, service: str, owner: str) -> str:
    if re.search(r"[{,]\s*owner:", line):
        return re.sub(r"([{,]\s*owner:\s*)[^\s,}]+", rf"\g<1>{owner}", line, count=1)
    head, brace, tail = line.partition("{")
    if not brace:
        raise _unsure(service, "is written in a way that is not known here")
    return f"{head}{{owner: {owner}{'' if tail.lstrip().startswith('}') else ', '}{tail.lstrip()}"


def _add(lines: list[str], section: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Add entries at the end of a section, each on a line of its own; the section too if there is none."""
    if not entries:
        return
    if not any(line.startswith(f"{section}:") for line in lines):
        lines += ["\n" if lines and not lines[-1].endswith("\n") else "", f"{section}:\n"]
    begin, end = _section(lines, section)
    while end > begin and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # a comment at the margin is about what follows
    inner = next((line for line in lines[begin:end] if line.strip() and not line.strip().startswith("#")), "  x")
    indent = inner[: len(inner) - len(inner.lstrip())]
    lines[end:end] = [f"{indent}{name}: {one_line(dict(entry))}\n" for name, entry in entries.items()]


def _check(text: str, owners: Mapping[str, str]) -> None:
    try:
        found = standards.load(text).sound()
    except standards.StandardsError as error:
        raise OwnersError(
            f"with these owners the standards would have faults: {error}", "edit the file by hand"
        ) from error
    wrong = [name for name, owner in owners.items() if found.options.services[name].owner != owner]
    if wrong:
        raise _unsure(wrong[0], "did not take its new owner")


def _unsure(what: str, why: str) -> OwnersError:
    return OwnersError(f"`{what}` {why}", "change the `owner:` by hand; nothing was written")
