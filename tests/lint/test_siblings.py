"""Clients, classes and builders that a file imports from its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

from paceline.catalogue import load
from paceline.lint.fronts import recording
from paceline.lint.python import sites
from paceline.lint.sites import Kind

ASK = "chat.completions.create(model=M, messages=m)"
MADE = "from openai import OpenAI\nclient = OpenAI(timeout=3)\ndef get(): return client\n"
BASE = "from openai import OpenAI\nclass Base:\n  def __init__(self): self.c = OpenAI(timeout=3)\n"
TREE = {
    "app/clients.py": MADE,
    "app/base.py": BASE,
    "app/package/__init__.py": "from .inner import client\n",
    "app/package/inner.py": MADE,
    "app/arguments.py": "def build(): return {'max_tokens': 3}\n",
    "app/broken.py": "def (",
    "app/mine.py": "class Client:\n  def other(self): ...\nclient = Client()\n",
}


def facts(root: Path, code: str) -> list[str]:
    for name, text in TREE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with recording(root):
        found = sites(code.encode(), "app/x.py", load())
    return [f"{site.origin} {site.fact('cap').state.value} {site.fact('timeout').state.value}"
            for site in found if site.kind is Kind.GENERATION]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"from .clients import client\nclient.{ASK}", ["module no yes"]),
        (f"from app.clients import client as c\nc.{ASK}", ["module no yes"]),
        (f"from app import clients\nclients.client.{ASK}", ["module no yes"]),
        (f"from .clients import get\nget().{ASK}", ["factory no yes"]),
        (f"from .package import client\nclient.{ASK}", ["module no yes"]),
        (f"from .base import Base\nclass A(Base):\n  def f(self): self.c.{ASK}", ["base class no yes"]),
        (f"from .mine import client\nclient.{ASK}", []),
        (f"from .broken import client\nclient.{ASK}", ["shape no unknown"]),
        (f"from .absent import client\nclient.{ASK}", ["shape no unknown"]),
        (f"from ...above import client\nclient.{ASK}", ["shape no unknown"]),
        ("from .clients import client\nfrom .arguments import build\nclient.chat.completions.create(**build())",
         ["module yes yes"]),
    ],
)  # fmt: skip
def test_what_a_neighbour_says(tmp_path: Path, code: str, expected: list[str]) -> None:
    assert facts(tmp_path, code) == expected


def test_what_was_read_is_recorded(tmp_path: Path) -> None:
    facts(tmp_path, "")
    with recording(tmp_path) as looks:
        sites(f"from .clients import client\nclient.{ASK}".encode(), "app/x.py", load())
    assert looks.seen["app/clients.py"] is not None
