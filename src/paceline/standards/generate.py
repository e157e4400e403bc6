"""Writes, or checks, what is generated from the model: `python -m paceline.standards.generate [--check]`.

Owns which file holds what. The files are the JSON Schema, the reference page and the page of codes; the
starter file is written by `paceline init` and not kept. Must run from the root of a checkout.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from paceline.codes import overview_text
from paceline.standards.reference import reference_text
from paceline.standards.schema import schema_text

__all__ = ["GENERATED", "main", "out_of_step"]

GENERATED: dict[str, Callable[[], str]] = {
    "schema/paceline.schema.json": schema_text,
    "docs/standards.md": reference_text,
    "docs/codes.md": overview_text,
}
"""File, from the root of the checkout -> what writes its text."""


def out_of_step(root: Path) -> list[str]:
    """Name the generated files under `root` that are missing or differ from the model."""
    wrong = []
    for name, write in GENERATED.items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != write():
            wrong.append(name)
    return wrong


def main(arguments: list[str], root: Path) -> int:
    """Write the files, or with `--check` only compare them; return the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m paceline.standards.generate [--check]", file=sys.stderr)
        return 2
    stale = out_of_step(root)
    for name in stale:
        if arguments:
            print(f"{name} is out of step with the model: run `python -m paceline.standards.generate`")
            continue
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GENERATED[name](), encoding="utf-8")
        print(f"wrote {name}")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
