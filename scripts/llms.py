"""`python scripts/llms.py [--check]`: writes `llms.txt`, the list of our pages for programs that read them.

Owns its form (llmstxt.org): a title, a summary, and a line for each page with its own title and first sentence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = (
    "Fast, cheap, well-instrumented LLM inference as an organisation's default: standards, gateway, linter, ledger."
)
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)


def text(root: Path = ROOT) -> str:
    """Write the whole file from the pages of a checkout."""
    docs = root / "docs"
    sections = {
        "Start": [root / "README.md"],
        "Using it": sorted(docs.glob("*.md")),
        "Rules of `paceline check`": sorted((docs / "rules").glob("[A-Z]*.md")),
        "Working on it": [root / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md")],
    }
    lines = ["# paceline", "", f"> {SUMMARY}", ""]
    for title, pages in sections.items():
        lines += [f"## {title}", "", *(_line(page, root) for page in pages), ""]
    return "\n".join(lines)


def _line(page: Path, root: Path) -> str:
    written = page.read_text(encoding="utf-8")
    heading = _HEADING.search(written)
    title = heading[1] if heading else page.stem
    sentence = next(_sentences(written[heading.end() :] if heading else written), "")
    return f"- [{title}]({page.relative_to(root).as_posix()}){f': {sentence}' if sentence else ''}"


def _sentences(written: str) -> Iterator[str]:
    """Yield the first sentence of each paragraph that is prose."""
    for paragraph in re.split(r"\n\s*\n", re.sub(r"<!--.*?-->", "", written, flags=re.DOTALL)):
        prose = " ".join(paragraph.split())
        if prose and prose[0] not in "#|<->!" and not prose.startswith("```"):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", prose)
            yield re.split(r"(?<=[.:]) (?=[A-Z`(])", plain)[0].rstrip(":")


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` only compare it; return the exit code."""
    target, wanted = ROOT / "llms.txt", text()
    if target.is_file() and target.read_text(encoding="utf-8") == wanted:
        return 0
    if arguments == ["--check"]:
        print("llms.txt is out of step with the pages: run `make docs`")
        return 1
    target.write_text(wanted, encoding="utf-8")
    print("wrote llms.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
