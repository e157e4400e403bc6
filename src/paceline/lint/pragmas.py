"""Pragmas: `# paceline: ignore[C201] reason="…" until=2027-01-31`, in a real comment of the file's language.

At the end of a line a pragma covers that line, and the whole statement whose first or last line it is; alone on a line
it covers the statement below. A reason is demanded. What has expired, suppresses nothing or names no rule is a finding
itself. Must not know rules.
"""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from datetime import date

from paceline.lint import fronts
from paceline.lint.comments import Comment, comments
from paceline.lint.findings import Finding

MARK = b"paceline:"
_COMMENT = re.compile(r"(?:#|//|/\*+|<!--|\*)?\s*paceline:\s*(.*)", re.DOTALL)
_PRAGMA = re.compile(r"ignore\s*\[([^\]]*)\](.*)", re.DOTALL)
_REASON = re.compile(r'reason\s*=\s*"([^"]*)"')
_UNTIL = re.compile(r"until\s*=\s*([^\s*]+)")
_QUIET = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}


@dataclass(frozen=True, slots=True)
class Pragma:
    """One pragma; `covers` are the lines whose findings it suppresses. `fault` is what is wrong with its form."""

    line: int
    column: int
    codes: tuple[str, ...]
    reason: str
    until: str
    covers: frozenset[int]
    fault: str = ""

    def expired(self, today: date) -> bool:
        """Say whether its date has passed; a date that is none has."""
        if not self.until:
            return False
        try:
            return date.fromisoformat(self.until) < today
        except ValueError:
            return True

    def sound(self, today: date, known: Set[str]) -> bool:
        """Say whether it is a live exception: it names rules, gives a reason and has not ended."""
        return bool(self.reason) and not self.fault and set(self.codes) <= known and not self.expired(today)

    def holds(self, finding: Finding) -> bool:
        """Say whether a finding is what this pragma is about."""
        lines = {finding.line, finding.first, finding.last}
        return finding.code in self.codes and bool(self.reason) and not lines.isdisjoint(self.covers)


def pragmas(data: bytes, path: str = "x.py") -> list[Pragma]:
    """Read the pragmas of a file, from its comments only."""
    if MARK not in data:
        return []
    language = fronts.language(path)
    if language == "paceline.lint.python":
        return _python(data)
    if language == "paceline.lint.notebooks":
        from paceline.lint.notebooks import text as code

        try:
            return _python(code(data))
        except fronts.UnreadableError:
            return []
    found = comments(data, path)
    lines = {each.line for each in found if each.alone}
    text = data.decode("utf-8", "replace").splitlines()
    return _read((each, _below(each, lines, text)) for each in found)


def _below(comment: Comment, lines: Set[int], text: list[str]) -> frozenset[int]:
    """Find what a comment is about: its statement; where statements are not known its line, or the next with code."""
    if comment.about:
        return comment.about | {comment.line}
    if not comment.alone:
        return frozenset({comment.line})
    line = comment.line + 1
    while line <= len(text) and (line in lines or not text[line - 1].strip()):
        line += 1
    return frozenset({comment.line, line})


def _python(data: bytes) -> list[Pragma]:
    found: list[tuple[Comment, int | None]] = []
    statements: list[tuple[int, int]] = []
    start: int | None = None
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            line, column = token.start
            if token.type == tokenize.COMMENT:
                alone = not token.line[:column].strip()
                found.append((Comment(line, column + 1, token.string, alone), start))
            elif token.type == tokenize.NEWLINE:
                statements.append((start or line, line))
                start = None
            elif token.type not in _QUIET and start is None:
                start = line
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, LookupError):
        pass
    return _read((comment, _statement(comment, within, statements)) for comment, within in found)


def _statement(comment: Comment, within: int | None, statements: list[tuple[int, int]]) -> frozenset[int]:
    line = comment.line
    if comment.alone and within is not None:  # alone inside brackets: about the line below
        return frozenset({line, line + 1})
    below = bisect_right(statements, line, key=lambda each: each[0])
    at = below if comment.alone else below - 1
    first, last = statements[at] if 0 <= at < len(statements) else (line, line)
    near = comment.alone or line in {first, last}
    return frozenset({line, *range(first, last + 1)}) if near else frozenset({line})


def _read(found: Iterable[tuple[Comment, frozenset[int]]]) -> list[Pragma]:
    result = []
    for comment, covers in found:
        start = _COMMENT.match(comment.text)
        if start is not None:
            result.append(_pragma(comment, start[1], covers))
    return result


def _pragma(comment: Comment, text: str, covers: frozenset[int]) -> Pragma:
    match = _PRAGMA.match(text)
    if match is None:
        fault = 'is not of the form `paceline: ignore[CODE] reason="…"`'
        return Pragma(comment.line, comment.column, (), "", "", covers, fault)
    reason, until = _REASON.search(match[2]), _UNTIL.search(_REASON.sub("", match[2]))
    codes = tuple(code.strip().upper() for code in match[1].split(",") if code.strip())
    return Pragma(
        comment.line, comment.column, codes, reason[1].strip() if reason else "", until[1] if until else "", covers,
        "" if codes else "names no rule",
    )  # fmt: skip


def suppress(  # noqa: PLR0913, PLR0917  # findings, pragmas, and all that these are judged by
    findings: list[Finding], held: list[Pragma], path: str, today: date, known: Set[str], active: Set[str] | None = None
) -> list[Finding]:
    """Mark what pragmas suppress, and add what is wrong with the pragmas; only `active` rules can be unused."""
    used: set[tuple[int, str]] = set()
    result: list[Finding] = []
    for finding in findings:
        marked = finding
        for pragma in held:
            if pragma.holds(finding):
                used.add((pragma.line, finding.code))
                if not pragma.expired(today):
                    marked = replace(finding, suppressed=pragma.reason, held_by="pragma")
                    break
        result.append(marked)
    for pragma in held:
        result += _faults(pragma, used, path, today, known, known if active is None else active)
    return result


def _faults(  # noqa: PLR0913, PLR0917  # a pragma, and all it is judged by
    pragma: Pragma, used: set[tuple[int, str]], path: str, today: date, known: Set[str], active: Set[str]
) -> list[Finding]:
    def finding(code: str, name: str, severity: str, message: str, hint: str) -> Finding:
        line = pragma.line
        return Finding(path, line, pragma.column, code, name, severity, message, hint, first=line, last=line)

    unknown = [code for code in pragma.codes if code not in known]
    if pragma.fault or unknown:
        message = f"the pragma {pragma.fault}" if pragma.fault else f"there is no rule {unknown[0]}"
        return [finding("L004", "pragma-wrong", "error", message, "`paceline rules` lists the codes.")]
    if not pragma.reason:
        return [finding("L001", "pragma-without-reason", "error", "the pragma gives no reason", 'Add reason="…".')]
    if pragma.expired(today):
        message = f"the pragma for {', '.join(pragma.codes)} ended on {pragma.until}"
        return [finding("L002", "pragma-expired", "error", message, "Mend the call, or decide anew (YYYY-MM-DD).")]
    unused = [code for code in pragma.codes if code in active and (pragma.line, code) not in used]
    if unused:
        message = f"the pragma for {', '.join(unused)} suppresses nothing"
        return [finding("L003", "pragma-unused", "warning", message, "Remove it.")]
    return []
