"""Other linters that know a rule "no output cap": how each is run on a file, and where it speaks.

They live in a virtual environment of their own, made when first asked for; a linter that cannot be installed is left
out. The Semgrep rule is worded here, in the way published ones are: a call's name, and no argument of a cap's name.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from lint_labels import Found, Label

PACKAGES = {"tokenlint": "tokenlint==0.1.1", "promptlint": "llm-promptlint==0.1.0", "semgrep": "semgrep==1.185.0"}
Look = Callable[[Path, str], list[Found]]
_CALLS = (
    "$X.chat.completions.create(...)", "$X.responses.create(...)", "$X.messages.create(...)",
    "$X.generate_content(...)", "litellm.completion(...)", "litellm.acompletion(...)",
)  # fmt: skip
_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def linters(tools: Path, trees: Path, python: list[Label]) -> Iterator[tuple[str, Look]]:
    """Give each linter that could be installed, with what it says of a file."""
    for name, package in PACKAGES.items():
        program = tools / "bin" / name
        if not program.exists() and not _install(tools, package):
            print(f"lint: {package} could not be installed; it is left out", file=sys.stderr)
            continue
        if name == "semgrep":
            yield f"Semgrep-style pattern ({package.replace('==', ' ')})", _semgrep(program, trees, python)
        else:
            yield package.replace("==", " "), _one_by_one(program, name)


def _install(tools: Path, package: str) -> bool:
    if not (tools / "bin" / "python").exists():
        venv.create(tools, with_pip=True)
    command = [str(tools / "bin" / "python"), "-m", "pip", "install", "--quiet", package]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def _one_by_one(program: Path, name: str) -> Look:
    def look(root: Path, path: str) -> list[Found]:
        words = ["--fail-on", "never"] if name == "tokenlint" else ["--select", "PL002", "--no-color"]
        done = subprocess.run([str(program), *words, str(root / path)], capture_output=True, text=True, check=False)
        shape = r"R002-no-max-tokens\s+line (\d+)" if name == "tokenlint" else r":(\d+):\d+: PL002"
        return [_finding(int(line)) for line in re.findall(shape, _plain(done.stdout))]

    return look


def _semgrep(program: Path, trees: Path, python: list[Label]) -> Look:
    lines = _semgrep_lines(program, sorted({trees / each.repository.folder / each.path for each in python}))
    return lambda root, path: [_finding(line) for line in lines.get(root / path, ())]


def _semgrep_lines(program: Path, files: list[Path]) -> dict[Path, list[int]]:
    without = [f"{call[:-4]}..., {cap}=$N, ...)" for call in _CALLS for cap in _CAPS]
    patterns = [
        {"pattern-either": [{"pattern": call} for call in _CALLS]},
        *({"pattern-not": each} for each in without),
    ]
    rule = {
        "id": "no-cap",
        "languages": ["python"],
        "severity": "WARNING",
        "message": "no output cap",
        "patterns": patterns,
    }
    with tempfile.TemporaryDirectory(prefix="paceline-lint-") as scratch:
        config = Path(scratch) / "rule.json"
        config.write_text(json.dumps({"rules": [rule]}), encoding="utf-8")
        words = ["scan", "--config", str(config), "--json", "--quiet", "--metrics=off", "--disable-version-check",
                 "--no-git-ignore", "--jobs=2", *map(str, files)]  # fmt: skip
        done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False)
    found: dict[Path, list[int]] = {}
    for result in json.loads(done.stdout or '{"results": []}')["results"]:
        found.setdefault(Path(result["path"]), []).append(result["start"]["line"])
    return found


def _finding(line: int) -> Found:
    return Found(line, "generation", {}, frozenset({"C201"}))


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
