"""Notebooks: cells joined, magics tolerated, places in cells."""

from __future__ import annotations

import json

import pytest

from paceline.catalogue import load
from paceline.lint.fronts import UnreadableError
from paceline.lint.notebooks import cell_of, may_hold_sites, sites, text
from paceline.lint.sites import Kind


def notebook(*cells: str, sort: str = "code") -> bytes:
    listed: list[dict[str, object]] = [{"cell_type": "markdown", "source": "# OpenAI()"}]
    listed += [{"cell_type": sort, "source": [line + "\n" for line in cell.split("\n")]} for cell in cells]
    return json.dumps({"cells": listed, "nbformat": 4}, indent=1).encode()


CALL = 'client.chat.completions.create(\n  model="gpt-5.4",\n  messages=[{"role": "user", "content": "hi"}])'


def test_a_call_in_a_later_cell() -> None:
    data = notebook("%pip install openai\nfrom openai import OpenAI", "!ls\nclient = OpenAI()", "x = !pwd\n" + CALL)
    assert may_hold_sites(data)
    (call,) = [site for site in sites(data, "a.ipynb", load()) if site.kind is Kind.GENERATION]
    assert (call.origin, call.fact("cap").state.value) == ("module", "no")
    assert cell_of(data, call.place.line) == (3, 2)
    assert call.insert is None
    assert all(fact.span is None and fact.cut is None for fact in call.facts.values())


def test_a_cell_that_is_no_python_is_left_out() -> None:
    data = notebook("import openai", "this is no python (", "%%bash\nif [ a ]; then", "openai." + CALL.split(".", 1)[1])
    assert [site.kind for site in sites(data, "a.ipynb", load())] == [Kind.GENERATION]


def test_old_notebooks_and_text_in_one_piece() -> None:
    cells = [{"cell_type": "code", "input": "import openai\n"}, {"cell_type": "code", "input": ["openai.x"]}]
    assert text(json.dumps({"worksheets": [{"cells": cells}]}).encode()) == b"import openai\n\nopenai.x\n"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"cells": 3}', b'{"cells": [3]}', b"\xff", b"[" * 100000])
def test_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        sites(data, "a.ipynb", load())
