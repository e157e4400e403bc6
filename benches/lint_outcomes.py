"""What the linter sees at the labelled places, and where that is not what is true.

Owns asking the front ends and rules, and the list of misses; counts nothing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lint_labels import Found, Label, pair

from paceline.catalogue import load
from paceline.lint import fronts
from paceline.lint.findings import Policy
from paceline.lint.rules import all_rules

FACTS = {
    "generation": ("cap", "timeout", "stream", "tags", "model_literal"),
    "client": ("timeout", "retries", "base_url", "tags"),
    "framework": ("cap", "timeout", "retries", "base_url", "tags", "model_literal"),
}


@dataclass(frozen=True)
class Outcome:
    """One label with what was found there, or one site that is not there (`label` None)."""

    label: Label | None
    site: Found | None
    file: Label


def is_readable(path: str) -> bool:
    """Say whether the front end for this file is installed."""
    try:
        fronts.front(fronts.language(path) or "")
    except fronts.AbsentError as error:
        print(f"lint: {path}: {error}", file=sys.stderr)
        return False
    return True


def outcomes(truth: list[Label], trees: Path, look: Callable[[Path, str], list[Found]]) -> list[Outcome]:
    """Look into every labelled file and join what is found with what is true."""
    files: dict[tuple[Path, str], list[Label]] = defaultdict(list)
    for label in truth:
        files[trees / label.repository.folder, label.path].append(label)
    result = []
    for (root, path), of_file in files.items():
        pairs, spurious = pair(of_file, look(root, path))
        result += [Outcome(label, site, of_file[0]) for label, site in pairs]
        result += [Outcome(None, site, of_file[0]) for site in spurious]
    return result


def ours_in(root: Path, path: str) -> list[Found]:
    """List the sites of one file, as the linter sees them, each with the rules that speak of it."""
    front = fronts.front(fronts.language(path) or "")
    with fronts.recording(root):
        try:
            sites = front.sites((root / path).read_bytes(), path, load())
        except fronts.UnreadableError:
            return []
    found = []
    for site in sites:
        if site.kind.value not in FACTS:
            continue
        states = {name: fact.state.value for name, fact in site.facts.items()}
        model = site.facts.get("model")
        states["model_literal"] = "yes" if model is not None and isinstance(model.value, str) else "no"
        codes = {rule.code for rule in all_rules() if site.kind in rule.kinds and any(rule.check(site, Policy()))}
        found.append(Found(site.place.line, site.kind.value, states, frozenset(codes)))
    return found


def misses(ours: list[Outcome]) -> Iterable[str]:
    """List what is wrong, with place and reason, but for trees that are held back."""
    for each in ours:
        if each.file.repository.held_back:
            continue
        label, site = each.label, each.site
        line = label.line if label else site.line if site else 0
        place = f"{each.file.repository.folder}/{each.file.path}:{line}"
        if label is None:
            yield f"INVENTED {place} {site.kind if site else ''} {','.join(sorted(site.codes)) if site else ''}"
        elif label.is_site and site is None:
            yield f"MISSED {place} {label.kind} {label.api} {label.facts} {label.why}"
        elif site is not None and label.is_site:
            for name, truth in label.facts.items():
                state = site.states.get(name, "unknown")
                if name == "cap" and label.kind == "generation" and not label.asks_cap:
                    continue
                if state != truth and not (truth == "unknown" and name == "model_literal"):
                    word = (
                        "WRONG"
                        if state != "unknown" and truth != "unknown"
                        else "UNDECIDED"
                        if truth != "unknown"
                        else "BOLD"
                    )
                    yield f"{word} {place} {label.kind} {label.api} {name}: {state}, truly {truth} {label.why}"
