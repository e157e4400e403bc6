"""Files like CODEOWNERS: which team owns which path. The last line that matches counts, as at GitHub and GitLab.

Source: docs.github.com, "About code owners".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from paceline.governance.owners.errors import OwnersError
from paceline.governance.owners.merging import Claim

__all__ = ["claims"]


def claims(file: Path, places: Mapping[str, str]) -> list[Claim]:
    """Say who owns services whose code is at these places: service → path in the repository. Raises `OwnersError`."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OwnersError(f"{file} cannot be read: {error}", "name a CODEOWNERS file") from error
    rules = list(_rules(lines))
    found = []
    for service, path in places.items():
        owners = next((names for pattern, names in reversed(rules) if pattern.search(_below(path))), None)
        found.append(_claim(service, path, owners, str(file)))
    return found


def _claim(service: str, path: str, owners: list[str] | None, file: str) -> Claim:
    if not owners:
        return Claim(service, "", file, f"no line of {file} gives {path} an owner", is_marked=True)
    teams = [name.rpartition("/")[2].lower() for name in owners if name.startswith("@") and "/" in name]
    if not teams:
        return Claim(service, "", file, f"{' '.join(owners)} is no team", is_marked=True)
    why_not = f"{path} has several teams: {', '.join(teams)}" if len(teams) > 1 else ""
    return Claim(service, "" if why_not else teams[0], file, why_not, is_marked=True)


def _below(path: str) -> str:
    return "/" + path.strip("/")


def _rules(lines: list[str]) -> Iterator[tuple[re.Pattern[str], list[str]]]:
    for line in lines:
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if not text or re.fullmatch(r"\^?\[[^\]]*\](\[[0-9]+\])?.*", text):  # GitLab's headings of sections
            continue
        pattern, *owners = re.split(r"(?<!\\)\s+", text)
        yield _pattern(pattern.replace("\\ ", " ")), owners


def _pattern(glob: str) -> re.Pattern[str]:
    """Turn a gitignore-like glob into a pattern over `/path/of/file`, which it matches with all below it."""
    anchored = "/" in glob.rstrip("/")
    body = ""
    for part in re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", glob.strip("/")):
        body += {"**/": "(?:.*/)?", "/**": "(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.compile(f"^/{'' if anchored else '(?:.*/)?'}{body}(?:/|$)")
