"""Every code has a page, every page a code, and the two say the same."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import ModuleType

import pytest

from paceline.codes import HEADINGS, CodeUnknownError, all_codes, overview_text, page
from paceline.standards import Code, load

from .conftest import SECRETS

RUST = Path(__file__).parents[2] / "crates/types/src/code.rs"
ROWS = {
    code: (name, int(status), fault.lower(), retryable == "true")
    for code, name, status, fault, retryable in re.findall(
        r'\w+ = \d+, "(G\d+)", "(\w+)", (\d+), (\w+), (true|false), "', RUST.read_text(encoding="utf-8")
    )
}


def test_the_pages_are_those_of_the_codes() -> None:
    assert len(ROWS) > 20
    assert set(all_codes()) == set(ROWS) | {code.value for code in Code}


@pytest.mark.parametrize("code", sorted(ROWS))
def test_a_gateway_page_says_what_the_gateway_says(code: str) -> None:
    name, status, fault, retryable = ROWS[code]
    found = page(code)
    retrying = "Retrying may help." if retryable else "Retrying does not help."
    assert found.name == name
    assert found.facts == f"HTTP {status}. At fault: the {fault}. {retrying}"


@pytest.mark.parametrize("code", list(Code), ids=lambda code: str(code.value))
def test_a_standards_page_says_whether_it_warns(code: Code) -> None:
    found = page(code.value)
    assert found.name == code.name.lower()
    assert found.facts.startswith("A warning:" if code.warning else "A fault:")


@pytest.mark.parametrize("code", all_codes())
def test_the_form_of_a_page(code: str) -> None:
    found = page(code)
    assert found.text.startswith(f"# {code} ")
    assert re.findall(r"(?m)^## (.+)$", found.text) == list(HEADINGS)
    assert all(found.sections.values())
    assert found.text.endswith("\n")
    assert found.text.count("```") % 2 == 0
    assert all(len(line) <= 140 for line in found.text.splitlines())
    assert found.summary[0].isupper()
    assert set(found.as_dict()) == {"code", "name", "facts", "what_happened", "why", "what_to_do", "example"}


@pytest.mark.parametrize("code", all_codes())
def test_yaml_in_an_example_has_only_known_keys(code: str) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", page(code).text, re.DOTALL):
        if "# wrong" in block or not re.match(r"[a-z]+", block) or block.startswith("budget:"):
            continue
        text = block if block.startswith("version:") else f"version: 1\n{block}"
        bad = {fault.code for fault in load(text, env=SECRETS).faults}
        assert not bad & {Code.SYNTAX, Code.KEY_UNKNOWN, Code.VALUE_WRONG, Code.KEY_TWICE, Code.NAME_INVALID}


def test_codes_are_found_in_any_case_and_by_name() -> None:
    assert page("g101").code == page("key_missing").code == page(" G101 ").code == "G101"


@pytest.mark.parametrize(
    ("asked", "near"), [("G10", "G101"), ("S999", None), ("key_mising", "G101"), ("", None), ("G2o4", "G204")]
)
def test_an_unknown_code_suggests_one(asked: str, near: str | None) -> None:
    with pytest.raises(CodeUnknownError) as error:
        page(asked)
    assert error.value.near == near


def test_the_overview_links_every_code_to_its_page() -> None:
    text = overview_text()
    for code in all_codes():
        assert f"[{code}](#{code.lower()}-{page(code).name})" in text
        assert f"\n### {code} " in text


def test_the_native_module_knows_the_same_codes(core: ModuleType) -> None:
    assert os.environ.get("CI") == "true" or hasattr(core, "codes")
    rows = {row["code"]: (row["name"], row["status"], row["fault"], row["retryable"]) for row in core.codes()}
    assert rows == ROWS
