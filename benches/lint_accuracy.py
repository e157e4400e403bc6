"""How often the linter is right: precision and recall per rule and fact on labelled public code, beside other linters.

    python benches/lint_accuracy.py [--trees DIR] [--mirrors DIR] [--tools DIR] [--write] [--misses]

`--write` puts the tables into docs/linter-accuracy.md. `--misses` lists what is wrong, leaving out the trees that are
held back. With `--tools`, a directory for the virtual environment of other linters (made if need be), those are run on
the same files, and the findings that were judged by reading are counted.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import lint_judged
import lint_others
from figures import table
from lint_labels import Found, Label, labels
from lint_outcomes import FACTS, Outcome, is_readable, misses, ours_in, outcomes
from lint_repositories import arguments, bring

PAGE = Path(__file__).resolve().parents[1] / "docs" / "linter-accuracy.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def main() -> int:
    """Measure and print; returns 2 when there is no tree to measure on."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, help="directory for the virtual environment of the other linters")
    parser.add_argument("--write", action="store_true", help="put the tables into the documentation")
    parser.add_argument("--misses", action="store_true", help="list what is wrong")
    given = parser.parse_args()
    there = set(bring(given.trees, given.mirrors))
    truth = [label for label in labels() if label.repository in there and is_readable(label.path)]
    if not truth:
        return 2
    ours = outcomes(truth, given.trees, ours_in)
    if given.misses:
        for line in misses(ours):
            print(line)
        return 0
    shown = list(tables(ours))
    if given.tools:
        shown += [*lint_judged.tables(given.trees), others(truth, given.trees, ours, given.tools)]
    for title, head, rows in shown:
        table(title, head, rows)
    if given.write:
        write(PAGE, shown)
    return 0


Shown = tuple[str, list[str], list[list[str]]]


def tables(ours: list[Outcome]) -> Iterable[Shown]:
    """Make the tables of our own figures."""
    groups: dict[str, list[Outcome]] = {}
    for language in ("python", "typescript"):
        of_language = [each for each in ours if each.file.language == language]
        for held_back in (False, True):
            name = f"{language}, held back" if held_back else f"{language}, seen"
            groups[name] = [each for each in of_language if each.file.repository.held_back is held_back]
    for stratum in ("platform", "small"):
        groups[f"{stratum} code"] = [each for each in ours if each.file.stratum == stratum]
    groups["all"] = ours
    head = ["sites", "labels", "not sites", "found", "recall", "invented", "precision"]
    yield "Sites", head, [[name, *_sites(each)] for name, each in groups.items() if each]
    head = ["no cap (C201)", "truly", "found", "recall", "false", "precision", "cap unknown", "by reading"]
    yield "Calls without an output cap", head, [[name, *_caps(each)] for name, each in groups.items() if each]
    head = ["fact", "decidable", "right", "wrong", "left unknown", "site not found", "right of decidable"]
    yield "Facts", head, list(_facts(ours))


def _sites(ours: list[Outcome]) -> list[str]:
    wanted = [each for each in ours if each.label is not None and each.label.is_site]
    found = sum(each.site is not None for each in wanted)
    invented = sum(each.label is None for each in ours)
    not_sites = sum(each.label is not None and each.label.kind == "none" for each in ours)
    return [str(len(wanted)), str(not_sites), str(found), share(found, len(wanted)), str(invented),
            share(found, found + invented)]  # fmt: skip


def _caps(ours: list[Outcome]) -> list[str]:
    calls = [each for each in ours if each.label is not None and each.label.asks_cap]
    truly = [each for each in calls if each.label and each.label.facts["cap"] == "no"]
    right = sum(each.site is not None and "C201" in each.site.codes for each in truly)
    false = sum(_false_cap(each) for each in ours)
    seen = [each.site for each in calls if each.site is not None]
    unknown = sum(site.states.get("cap", "unknown") == "unknown" for site in seen)
    by_reading = sum(each.label is not None and each.label.facts["cap"] == "unknown" for each in calls)
    return [str(len(truly)), str(right), share(right, len(truly)), str(false), share(right, right + false),
            share(unknown, len(seen)), share(by_reading, len(calls))]  # fmt: skip


def _false_cap(each: Outcome) -> bool:
    """Say whether C201 speaks of a call here that has a cap, may have one, or is no call."""
    if each.site is None or each.site.kind != "generation" or "C201" not in each.site.codes:
        return False
    if each.label is None or each.label.kind != "generation":
        return each.label is None or not each.label.is_local
    return each.label.facts["cap"] != "no"


def _facts(ours: list[Outcome]) -> Iterable[list[str]]:
    for kind, names in FACTS.items():
        for name in names:
            counts: Counter[str] = Counter()
            for each in ours:
                label = each.label
                if label is None or label.kind.replace("agent", "framework") != kind:
                    continue
                truth = label.facts.get(name, "unknown")
                if truth == "unknown" or (name == "cap" and kind == "generation" and not label.asks_cap):
                    continue
                counts[_verdict(each.site, name, truth)] += 1
            decidable = counts.total()
            yield [f"{kind}: {name.replace('_', ' ')}", str(decidable),
                   *(str(counts[each]) for each in ("right", "wrong", "unknown", "missed")),
                   share(counts["right"], decidable)]  # fmt: skip


def _verdict(site: Found | None, name: str, truth: str) -> str:
    if site is None:
        return "missed"
    state = site.states.get(name, "unknown")
    return "unknown" if state == "unknown" else "right" if state == truth else "wrong"


def others(truth: list[Label], trees: Path, ours: list[Outcome], tools: Path) -> Shown:
    """Make the table of all linters that know a rule "no cap", on the same Python files."""
    head = ["no cap, Python", "findings", "true", "may have a cap", "has a cap", "no call", "precision", "recall"]
    python = [label for label in truth if label.language == "python"]
    rows = [["paceline check", *_beside([each for each in ours if each.file.language == "python"])]]
    for name, look in lint_others.linters(tools, trees, python):
        rows.append([name, *_beside(outcomes(python, trees, look))])
    return 'Beside other linters: the rule "no output cap"', head, rows


def _beside(found: list[Outcome]) -> list[str]:
    counts: Counter[str] = Counter()
    truly = sum(each.label is not None and each.label.asks_cap and each.label.facts["cap"] == "no" for each in found)
    for each in found:
        if each.site is None or each.site.kind != "generation" or "C201" not in each.site.codes:
            continue
        if each.label is None or each.label.kind != "generation":
            counts["none"] += each.label is None or not each.label.is_local
        else:
            counts[each.label.facts["cap"]] += 1
    total = counts.total()
    return [str(total), str(counts["no"]), str(counts["unknown"]), str(counts["yes"]), str(counts["none"]),
            share(counts["no"], total), share(counts["no"], truly)]  # fmt: skip


def share(part: int, whole: int) -> str:
    """Write a share in percent; nothing of nothing is blank."""
    return f"{100 * part / whole:.1f} %" if whole else ""


def write(page: Path, shown: Iterable[Shown]) -> None:
    """Put the tables between the marks of the page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = []
    for title, head, rows in shown:
        lines = [f"### {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        parts.append("\n".join(lines))
    page.write_text(f"{before}{BEGIN}\n" + "\n\n".join(parts) + f"\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
