"""The environment laid over the file."""

from __future__ import annotations

import pytest

from paceline.standards import Code, Standards, load
from paceline.standards.overlay import OTHERS, variable_name

from .conftest import SECRETS
from .test_faults import BASE


def over(**environment: str) -> Standards:
    return load(BASE, env={**SECRETS, **environment})


def test_fixed_keys() -> None:
    standards = over(PACELINE_GATEWAY__BODY_BYTES_MAX="1MiB", PACELINE_GATEWAY__JOURNAL__WHEN_FULL="refuse")
    assert standards.found == ()
    assert standards.options.gateway.body_bytes_max == 1 << 20
    assert standards.options.gateway.journal.when_full == "refuse"


def test_entries_are_found_without_regard_to_case_and_dashes() -> None:
    text = BASE.replace("talk", "talk-to.us")
    standards = load(text, env={"PACELINE_USE_CASES__TALK_TO_US__MAX_OUTPUT_TOKENS": "99", **SECRETS})
    assert standards.found == ()
    assert standards.options.use_cases["talk-to.us"].max_output_tokens == 99


def test_an_entry_that_is_not_there_is_made() -> None:
    standards = over(PACELINE_PROVIDERS__HOUSE__BASE_URL="http://127.0.0.1:8000/v1/")
    assert standards.options.providers["house"].base_url == "http://127.0.0.1:8000/v1"


def test_collections_and_scalars() -> None:
    standards = over(
        PACELINE_MODELS__SMALL="[openai/a, openai/b]", PACELINE_SERVICES__DESK__BUDGET="{usd_per_month: 5}"
    )
    assert [each.deployment for each in standards.options.models["small"].deployments] == ["openai/a", "openai/b"]
    assert standards.options.services["desk"].budget.usd_per_month == 5


def test_lists_by_index() -> None:
    text = (
        BASE
        + "waivers: [{service: desk, reason: r, requester: a, approver: b, until: 2027-01-01, granted: 2026-12-01}]\n"
    )
    standards = load(text, env={"PACELINE_WAIVERS__0__REASON": "another", **SECRETS})
    assert standards.options.waivers[0].reason == "another"
    faults = load(text, env={"PACELINE_WAIVERS__1__REASON": "another", **SECRETS}).faults
    assert [(fault.code, fault.variable) for fault in faults] == [
        (Code.VARIABLE_UNUSABLE, "PACELINE_WAIVERS__1__REASON")
    ]


@pytest.mark.parametrize("name", ["PACELINE_DATA", "PACELINE_STANDARDS", "PACELINE_USE_CASE", "OTHER__GATEWAY"])
def test_other_variables_are_not_for_the_standards(name: str) -> None:
    assert over(**{name: "x"}).found == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("PACELINE_GATEWY__DRAIN", Code.VARIABLE_UNUSABLE),
        ("PACELINE___DRAIN", Code.VARIABLE_UNUSABLE),
        ("PACELINE_GATEWAY__", Code.VARIABLE_UNUSABLE),
        ("PACELINE_TASKS__CHAT__X", Code.VARIABLE_UNUSABLE),
        ("PACELINE_VERSION__X", Code.VARIABLE_UNUSABLE),
        ("PACELINE_A__B__C__D__E__F__G", Code.VARIABLE_UNUSABLE),
        ("PACELINE_GATEWAY__DRIAN", Code.KEY_UNKNOWN),
        ("PACELINE_GATEWAY__DRAIN", Code.VALUE_WRONG),
        ("PACELINE_TASKS__CHAT", Code.MODEL_UNKNOWN),
    ],
)
def test_faults_name_the_variable(name: str, code: Code) -> None:
    (fault,) = over(**{name: "nonsense"}).found
    assert (fault.code, fault.variable, fault.line) == (code, name, None)
    assert fault.hint


def test_a_section_that_is_no_mapping_is_still_only_a_fault() -> None:
    text = BASE.replace('{support: {contact: "#s"}}', "[support]")
    codes = {fault.code for fault in load(text, env={"PACELINE_TEAMS__SUPPORT__PHASE": "pilot", **SECRETS}).faults}
    assert Code.VARIABLE_UNUSABLE in codes


def test_the_name_of_a_variable() -> None:
    assert variable_name(("use_cases", "talk-to.us", "class")) == "PACELINE_USE_CASES__TALK_TO_US__CLASS"


def test_the_ledgers_address_is_not_for_the_standards() -> None:
    from paceline.ledger.engine import URL_VARIABLE

    assert URL_VARIABLE in OTHERS
    assert load(BASE, env={**SECRETS, URL_VARIABLE: "postgresql://me:secret@there/acme"}).found == ()
