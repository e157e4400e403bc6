"""The real openai SDK against the gateway, in both current majors, as `paceline run` starts a program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.integration.installation import Installation
from tests.integration.sdk_program import habits_of, results

pytestmark = pytest.mark.sdk
PROGRAM = Path(__file__).with_name("sdk_calls_openai.py")


@pytest.fixture(scope="module", params=["current", "previous"])
def found(request: pytest.FixtureRequest, house: Installation, helpdesk: str, hurry: str) -> dict[str, str]:
    """What the program found under one major."""
    return results(request, house, PROGRAM, helpdesk, hurry)


@pytest.mark.parametrize("habit", habits_of(PROGRAM))
def test_a_habit_works(found: dict[str, str], habit: str) -> None:
    assert not found[habit], f"openai {found['version']}\n{found[habit]}"


def test_every_habit_is_on_the_program_s_list(found: dict[str, str]) -> None:
    defined = {node.name for node in ast.parse(PROGRAM.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert defined - {"client", "sim", "raised", "text_of", "main"} == set(found) - {"version"}
