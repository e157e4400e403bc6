"""Precision of every rule: a random sample of its findings, each judged by reading the code.

    python benches/lint_judged.py --sample CODE [--number 20] [--seed 7] [--trees DIR]

`lint_labels/judged.jsonl` holds a line a finding: repository, path, line, code, whether it is true, and why it is not.
The sample is drawn over all findings in production code of all trees, in the order of their places, by a fixed seed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from lint_repositories import REPOSITORIES, arguments

JUDGED = Path(__file__).resolve().parent / "lint_labels" / "judged.jsonl"


def tables(trees: Path) -> list[tuple[str, list[str], list[list[str]]]]:
    """Make the table of what was judged, and how much of it the linter still says."""
    if not JUDGED.is_file():
        return []
    reported = {each[:4] for each in findings(trees)}
    drawn: Counter[tuple[str, bool]] = Counter()
    today: Counter[tuple[str, bool]] = Counter()
    for line in JUDGED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        drawn[row["code"], row["true"]] += 1
        if (row["repository"], row["path"], row["line"], row["code"]) in reported:
            today[row["code"], row["true"]] += 1
    rows = []
    for code in sorted({code for code, _ in drawn}):
        sides = [(each[code, True], each[code, True] + each[code, False]) for each in (drawn, today)]
        rows.append([code, *(text for true, all_of_it in sides for text in (str(all_of_it), _share(true, all_of_it)))])
    head = ["rule", "judged", "true", "of these said today", "true"]
    return [("Findings judged by reading, a random sample of each rule", head, rows)]


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.0f} %)" if whole else ""


def findings(trees: Path) -> list[tuple[str, str, int, str, str]]:
    """Run the linter over every tree: repository, path, line, code and message of each finding."""
    found = []
    for repository in REPOSITORIES:
        root = trees / repository.folder
        if not root.is_dir():
            continue
        words = [sys.executable, "-m", "paceline", "check", "--format", "json", "--fail-on", "never", "."]
        done = subprocess.run(words, cwd=root, capture_output=True, check=True)
        told = json.loads(done.stdout)["findings"]
        found += [(repository.name, *(each[key] for key in ("path", "line", "code", "message"))) for each in told]
    return sorted(found)


def main() -> int:
    """Print a sample of one rule's findings, to be judged."""
    parser = arguments("Draw findings to judge.")
    parser.add_argument("--sample", required=True, metavar="CODE")
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    of_code = [each for each in findings(given.trees) if each[3] == given.sample]
    drawn = random.Random(given.seed).sample(of_code, min(given.number, len(of_code)))  # noqa: S311  # repeatable
    for each in sorted(drawn):
        print(*each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
