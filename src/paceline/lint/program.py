"""What the rest of a project sets for the whole program, where a run looked at a part of it.

A boot file that sets `litellm.request_timeout` makes a finding untrue in a file that never names it. Only where a
finding depends on such a setting is git asked which files have it, and these are looked at. Must not judge.
"""

from __future__ import annotations

import os
from pathlib import Path

from paceline.catalogue import load
from paceline.lint import git
from paceline.lint.findings import Finding, Policy
from paceline.lint.look import unpacked
from paceline.lint.reading import Reader

FILES_MAX = 20


def elsewhere(findings: list[Finding], known: set[str], looked_at: list[str], root: Path, policy: Policy) -> set[str]:
    """Find the settings that findings depend on, in files that were not looked at."""
    wanted = {each.unless for each in findings} - known - {""}
    words = [word for each in sorted(wanted) for word in _words(each)]
    if not words or git.top(root) is None:
        return set()
    listed = git.run(root, "grep", "-lzF", *(part for word in words for part in ("-e", word)), "--", "*.py") or b""
    names = [os.fsdecode(each) for each in listed.split(b"\0") if each]
    reader, found = Reader(root, policy), set[str]()
    for name in [each for each in names if each not in set(looked_at)][:FILES_MAX]:
        found.update(unpacked(name, reader.one(name)[-1]).settings)
    return found & wanted


def _words(setting: str) -> list[str]:
    """Write a setting as code has it: `litellm.request_timeout`."""
    language, _, rest = setting.partition(":")
    name, _, parameter = rest.partition(".")
    product = load(language).product(name)
    return [f"{module}.{product.program[parameter]}" for module in product.modules if parameter in product.program]
