"""One look at one file: its sites, what the rules say of them, its pragmas.

A function of bytes, catalogue and policy, and of the files that a front end reads beside it. Looks are kept by the
cache and sent between processes as plain lists. Must not decide what counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from paceline.catalogue import Catalogue
from paceline.lint import fronts
from paceline.lint.findings import Finding, Fix, Policy
from paceline.lint.pragmas import Pragma, pragmas
from paceline.lint.rules import all_rules
from paceline.lint.sites import PARAMETERS, Edit, Kind, Site, State


@dataclass(slots=True)
class Look:
    """What is in a file. `beside` are the digests of other files that had a say, `settings` what it sets for all."""

    findings: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    pragmas: list[Pragma] = field(default_factory=list)
    unread: str = ""
    parsed: bool = False
    sites: int = 0
    decided: int = 0
    undecided: int = 0
    beside: dict[str, str | None] = field(default_factory=dict)
    settings: list[str] = field(default_factory=list)

    def packed(self) -> Any:
        """Return plain lists; 0 where there is nothing to say, as of most files."""
        counts = [self.unread, self.parsed, self.sites, self.decided, self.undecided]
        if not (self.findings or self.unknown or self.pragmas or any(counts)):
            return 0
        held = [[each.line, each.column, each.codes, each.reason, each.until, sorted(each.covers), each.fault]
                for each in self.pragmas]  # fmt: skip
        return [
            *counts,
            [_pack(each) for each in self.findings],
            [_pack(each) for each in self.unknown],
            held,
            self.beside,
            self.settings,
        ]


def unpacked(name: str, raw: Any) -> Look:
    """Undo `packed`; raises `ValueError`, `TypeError` or `IndexError` for what is no look."""
    if raw == 0:
        return Look()
    unread, parsed, sites, decided, undecided, findings, unknown, held, beside, settings = raw
    return Look(
        [_unpack(name, each) for each in findings],
        [_unpack(name, each) for each in unknown],
        [Pragma(line, column, tuple(codes), reason, until, frozenset(covers), fault)
         for line, column, codes, reason, until, covers, fault in held],
        str(unread), bool(parsed), int(sites), int(decided), int(undecided), dict(beside),
        [str(each) for each in settings],
    )  # fmt: skip


def look(data: bytes, name: str, catalogue: Catalogue, policy: Policy, root: Path | None = None) -> Look:
    """Look at one file that has been read; raises `AbsentError` where its front end is not installed."""
    front = fronts.front(fronts.language(name) or "paceline.lint.python")
    found = Look()
    if front.may_hold_sites(data):
        try:
            with fronts.recording(root or Path()) as looks:
                sites = front.sites(data, name, catalogue)
        except fronts.UnreadableError as error:
            return Look(unread=str(error) or "cannot be parsed")
        found.parsed = True
        found.sites = len(sites)
        found.beside = looks.seen
        found.settings = [site.setting(name) for site in sites if site.kind is Kind.SETTING
                          for name, fact in site.facts.items() if fact.state is not State.NO]  # fmt: skip
        for site in sites:
            _count(site, found)
            _judge(site, policy, found)
    if not data.isascii():
        lines = data.splitlines()
        found.findings = [_in_characters(each, lines) for each in found.findings]
        found.unknown = [_in_characters(each, lines) for each in found.unknown]
    found.findings = _once(found.findings)
    found.unknown.sort()
    found.pragmas = pragmas(data, name)
    return found


def _judge(site: Site, policy: Policy, found: Look) -> None:
    first, last = site.place.line, site.end.line
    for rule in all_rules():
        if site.kind not in rule.kinds:
            continue
        for hit in rule.check(site, policy):
            place = hit.place or site.place
            found.findings.append(
                Finding(
                    site.path, place.line, place.column, rule.code, rule.name, hit.severity, hit.message, hit.hint,
                    fix=hit.fix, first=first, last=last, unless=hit.unless,
                )
            )  # fmt: skip
        fact = site.facts.get(rule.asks)
        if fact is not None and fact.state is State.UNKNOWN:
            where = fact.place or site.place
            found.unknown.append(
                Finding(
                    site.path, where.line, where.column, rule.code, rule.name, "unknown", fact.because, "",
                    first=first, last=last,
                )
            )  # fmt: skip


def _once(findings: list[Finding]) -> list[Finding]:
    """Say a thing of one place once, best of the site that it stands in: calls see what their client was made with."""
    kept: dict[tuple[int, int, str], Finding] = {}
    for each in sorted(findings, key=lambda each: (not each.first <= each.line <= each.last, each)):
        kept.setdefault((each.line, each.column, each.code), each)
    return sorted(kept.values())


def _in_characters(finding: Finding, lines: list[bytes]) -> Finding:
    """Count a column in characters; syntax trees count bytes of UTF-8."""
    if finding.line > len(lines) or lines[finding.line - 1].isascii():
        return finding
    before = lines[finding.line - 1][: finding.column - 1]
    return replace(finding, column=len(before.decode("utf-8", "replace")) + 1)


def _count(site: Site, found: Look) -> None:
    for name in PARAMETERS:
        fact = site.facts.get(name)
        if fact is not None and fact.state is State.UNKNOWN:
            found.undecided += 1
        elif fact is not None:
            found.decided += 1


def _pack(finding: Finding) -> list[Any]:
    fix = finding.fix
    packed = fix and [fix.title, fix.safety, [[each.start, each.end, each.text] for each in fix.edits]]
    return [finding.line, finding.column, finding.code, finding.name, finding.severity, finding.message, finding.hint,
            finding.first, finding.last, packed, finding.unless]  # fmt: skip


def _unpack(path: str, raw: list[Any]) -> Finding:
    line, column, code, name, severity, message, hint, first, last, packed, unless = raw
    fix = packed and Fix(packed[0], packed[1], tuple(Edit(start, end, text) for start, end, text in packed[2]))
    return Finding(path, line, column, code, name, severity, message, hint, None, fix, first, last, None, unless)
