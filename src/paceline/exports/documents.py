"""YAML as people read it: keys in the order they were put, text of several lines as a block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

__all__ = ["yaml_text"]


class _Dumper(yaml.SafeDumper):
    """Writes lists indented, no anchors, and blocks for text of several lines."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def yaml_text(documents: Iterable[Any], head: Iterable[str] = ()) -> str:
    """Write documents, apart by `---` where there are several, below the lines of a comment."""
    comment = "".join(f"# {line}".rstrip() + "\n" for line in head)
    body = [yaml.dump(each, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True) for each in documents]
    return comment + "---\n".join(body)
