"""A run as Markdown, for the summary of a job: counts by rule, the files with most, what to do next."""

from __future__ import annotations

from collections import Counter, defaultdict

from paceline.lint.findings import Finding
from paceline.lint.output.view import RANKS, View

_LISTED = 50


def summary(view: View) -> str:
    """Write the summary."""
    live = view.outcome.live
    verdict = {"report": "reported, nothing fails", "new-only": "on changed lines"}.get(view.mode, "")
    parts = [f"## paceline check: {view.tally()}{f' ({verdict})' if verdict else ''}", ""]
    if live:
        parts += [*_by_rule(live), "", *_listed(view), ""]
    parts += [f"{each}  " for each in view.trouble()]
    parts += [view.coverage(), ""]
    return "\n".join(parts)


def _by_rule(live: list[Finding]) -> list[str]:
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for each in live:
        groups[each.code, each.name].append(each)
    ordered = sorted(groups.items(), key=lambda item: (min(RANKS[each.severity] for each in item[1]), item[0]))
    rows = []
    for (code, name), found in ordered:
        worst = min((each.severity for each in found), key=RANKS.__getitem__)
        rows.append(f"| `{code}` {name} | {worst} | {len(found)} | {len({each.path for each in found})} |")
    return ["| rule | severity | findings | files |", "|---|---|---:|---:|", *rows]


def _listed(view: View) -> list[str]:
    worst = view.worst_first()
    rows = [
        f"| {each.severity} | `{each.code}` | `{view.place(each)}` | {_cell(each.message)} |"
        for each in worst[:_LISTED]
    ]
    head = ["<details><summary>Findings</summary>", "", "| | rule | where | what |", "|---|---|---|---|"]
    left = len(worst) - _LISTED
    files = Counter(each.path for each in worst[_LISTED:])
    more = [f"{left:,} more in {len(files):,} files are not listed."] if left > 0 else []
    return [*head, *rows, "", *more, "</details>"]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
