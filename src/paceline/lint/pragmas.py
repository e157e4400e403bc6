"""Pragmas: `# paceline: ignore[C201] reason="…" until=2027-01-31`, on the line of a finding or alone above it.

A reason is demanded; what has expired or suppresses nothing is a finding itself. Must not know rules.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, replace
from datetime import date

from paceline.lint.findings import Finding

_PRAGMA = re.compile(r"#\s*paceline:\s*ignore\[([^\]]*)\](.*)")
_REASON = re.compile(r'reason\s*=\s*"([^"]*)"')
_UNTIL = re.compile(r"until\s*=\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Pragma:
    """One pragma; `covers` are the lines whose findings it suppresses."""

    line: int
    column: int
    codes: tuple[str, ...]
    reason: str
    until: str
    covers: frozenset[int]

    def expired(self, today: date) -> bool:
        """Say whether its date has passed; a date that is none has."""
        if not self.until:
            return False
        try:
            return date.fromisoformat(self.until) < today
        except ValueError:
            return True


def pragmas(data: bytes) -> list[Pragma]:
    """Read the pragmas of a Python file, from its comments only."""
    if b"paceline:" not in data:
        return []
    found: list[Pragma] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            match = _PRAGMA.match(token.string) if token.type == tokenize.COMMENT else None
            if match is not None:
                found.append(_pragma(token, match))
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, LookupError):
        return found
    return found


def suppress(findings: list[Finding], held: list[Pragma], path: str, today: date, known: set[str]) -> list[Finding]:
    """Mark what pragmas suppress, and add what is wrong with the pragmas."""
    used: set[int] = set()
    result: list[Finding] = []
    for finding in findings:
        for pragma in held:
            if finding.code in pragma.codes and finding.line in pragma.covers and pragma.reason:
                used.add(pragma.line)
                if not pragma.expired(today):
                    finding = replace(finding, suppressed=pragma.reason)  # noqa: PLW2901
                    break
        result.append(finding)
    for pragma in held:
        result += _faults(pragma, pragma.line in used, path, today, known)
    return result


def _faults(pragma: Pragma, used: bool, path: str, today: date, known: set[str]) -> list[Finding]:
    def finding(code: str, name: str, severity: str, message: str, hint: str) -> Finding:
        return Finding(path, pragma.line, pragma.column, code, name, severity, message, hint)

    named = ", ".join(pragma.codes)
    if not pragma.reason:
        return [finding("L001", "pragma-without-reason", "error", "the pragma gives no reason", 'Add reason="…".')]
    if pragma.expired(today):
        message = f"the pragma for {named} ended on {pragma.until}"
        return [finding("L002", "pragma-expired", "error", message, "Mend the call, or decide anew (YYYY-MM-DD).")]
    if not used:
        unknown = [code for code in pragma.codes if code not in known]
        message = f"there is no rule {unknown[0]}" if unknown else f"the pragma for {named} suppresses nothing"
        return [finding("L003", "pragma-unused", "warning", message, "Remove it.")]
    return []


def _pragma(token: tokenize.TokenInfo, match: re.Match[str]) -> Pragma:
    line, column = token.start
    alone = not token.line[:column].strip()
    reason, until = _REASON.search(match[2]), _UNTIL.search(_REASON.sub("", match[2]))
    codes = tuple(code.strip().upper() for code in match[1].split(",") if code.strip())
    covers = frozenset({line, line + 1} if alone else {line})
    return Pragma(
        line, column + 1, codes, reason[1].strip() if reason else "", until[1] if until else "", covers
    )  # fmt: skip
