"""Every fault code: what brings it about, where it points, what it says."""

from __future__ import annotations

import re

import pytest

from paceline.standards import Code, Fault, StandardsFaultyError, StandardsUnreadableError, load

from .conftest import SECRETS, TODAY

BASE = """\
version: 1
providers: {openai: {}}
models: {small: openai/gpt-5.4-mini}
tasks: {chat: small}
use_cases: {talk: {class: chat, task: chat}}
teams: {support: {contact: "#s"}}
services: {desk: {owner: support, use_cases: [talk]}}
"""

# code -> the section that replaces the base's, the path and place of the fault, a piece of its hint
CASES: list[tuple[Code, str, str, int, int, str]] = [
    (Code.SYNTAX, "teams: {support: {}", "", 8, 1, ""),
    (Code.KEY_TWICE, "teams: {support: {contact: a}, support: {}}", "teams.support", 7, 32, "Keep one"),
    (Code.TOO_LARGE, "teams: " + "[" * 40 + "]" * 40, "teams[0][0]", 7, 31, "Flatten"),
    (Code.YAML_FEATURE, "teams: {support: !x {contact: a}}", "teams.support", 7, 18, "Remove the tag"),
    (
        Code.KEY_UNKNOWN,
        "services: {desk: {owners: support, use_cases: [talk]}}",
        "services.desk.owners",
        7,
        19,
        "`owner`",
    ),
    (Code.VALUE_WRONG, "policy: {waiver_days_max: many}", "policy.waiver_days_max", 8, 27, ""),
    (Code.KEY_MISSING, "prices: {openai/gpt-5.4-mini: {input: 1}}", "prices.openai/gpt-5.4-mini", 8, 10, "output"),
    (Code.NAME_INVALID, "teams: {support: {contact: a}, The Ops: {}}", "teams.The Ops", 7, 32, "`the-ops`"),
    (Code.VERSION_UNKNOWN, "version: 2", "version", 7, 10, "version: 1"),
    (Code.PROVIDER_UNKNOWN, "models: {small: opnai/gpt-5.4-mini}", "models.small.deployments[0]", 7, 17, "`openai`"),
    (Code.MODEL_UNKNOWN, "tasks: {chat: smal}", "tasks.chat", 7, 15, "`small`"),
    (Code.TASK_UNKNOWN, "use_cases: {talk: {task: chta}}", "use_cases.talk.task", 7, 26, "`chat`"),
    (Code.TEAM_UNKNOWN, "services: {desk: {owner: sup, use_cases: [talk]}}", "services.desk.owner", 7, 26, "`support`"),
    (Code.CLASS_UNKNOWN, "use_cases: {talk: {class: caht, task: chat}}", "use_cases.talk.class", 7, 27, "`chat`"),
    (
        Code.USE_CASE_UNKNOWN,
        "services: {desk: {owner: support, use_cases: tlak}}",
        "services.desk.use_cases[0]",
        7,
        46,
        "`talk`",
    ),
    (
        Code.SERVICE_UNKNOWN,
        "waivers: [{service: dsk, reason: r, requester: a, approver: b, until: 2026-12-01}]",
        "waivers[0].service",
        8,
        21,
        "`desk`",
    ),
    (
        Code.DEPLOYMENT_UNKNOWN,
        "prices: {openai/gpt-5: {input: 1, output: 2}}",
        "prices.openai/gpt-5",
        8,
        10,
        "openai/gpt-5.4-mini",
    ),
    (Code.OWNER_MISSING, "services: {desk: {use_cases: [talk]}}", "services.desk", 7, 12, "`support`"),
    (Code.USE_CASES_MISSING, "services: {desk: {owner: support}}", "services.desk", 7, 12, "use_cases:"),
    (Code.MODEL_MISSING, "use_cases: {talk: {class: chat}}", "use_cases.talk", 7, 13, "task:"),
    (Code.DEPLOYMENTS_MISSING, "models: {small: []}", "models.small", 7, 10, "deployments:"),
    (Code.BASE_URL_MISSING, "providers: {openai: {}, house: {}}", "providers.house", 7, 25, "base_url:"),
    (Code.BASE_URL_INVALID, "providers: {openai: {base_url: 'ftp://x'}}", "providers.openai.base_url", 7, 32, "http"),
    (Code.SECRET_INLINE, "providers: {openai: {key: sk-1}}", "providers.openai.key", 7, 27, "env:NAME"),
    (Code.DEPLOYMENT_MALFORMED, "models: {small: gpt-5}", "models.small", 7, 17, "PROVIDER/MODEL"),
    (Code.DEPLOYMENT_TWICE, "models: {small: [openai/a, openai/a]}", "models.small.deployments[1]", 7, 28, "Keep one"),
    (
        Code.LIMITS_UNORDERED,
        "use_cases: {talk: {task: chat, budget: {ttft: {p95: 3s}}}}",
        "use_cases.talk.budget.ttft",
        7,
        41,
        "p99",
    ),
    (
        Code.LIMITS_CONTRADICT,
        "use_cases: {talk: {task: chat, budget: {total: {p95: 500ms}}}}",
        "use_cases.talk.budget.total",
        7,
        41,
        "ttft p95",
    ),
    (
        Code.CAP_ZERO,
        "use_cases: {talk: {task: chat, max_output_tokens: 0}}",
        "use_cases.talk.max_output_tokens",
        7,
        51,
        "null",
    ),
    (Code.CLASS_LOOP, "classes: {a: {extends: b}, b: {extends: a}}", "classes.a.extends", 8, 24, "built-in"),
    (Code.API_WRONG_DIALECT, "providers: {openai: {apis: messages}}", "providers.openai.apis[0]", 7, 28, "chat"),
    (Code.USE_CASE_UNUSED, "use_cases: {talk: {task: chat}, idle: {task: chat}}", "use_cases.idle", 7, 33, "service"),
    (
        Code.WAIVER_EXPIRED,
        "waivers: [{service: desk, reason: r, requester: a, approver: b, until: 2026-11-22}]",
        "waivers[0].until",
        8,
        72,
        "Remove",
    ),
    (
        Code.WAIVER_TOO_LONG,
        "waivers: {service: desk, reason: r, requester: a, approver: b, until: 2027-11-22}",
        "waivers[0].until",
        8,
        71,
        "Shorten",
    ),
    (
        Code.DEADLINE_UNDER_LIMIT,
        "use_cases: {talk: {task: chat, deadlines: {first_token: 1s}}}",
        "use_cases.talk.deadlines.first_token",
        7,
        57,
        "Raise",
    ),
    (Code.SECRET_ABSENT, "providers: {openai: {key: env:NOT_THERE}}", "providers.openai.key", 7, 27, "NOT_THERE"),
    (Code.CONTACT_MISSING, "teams: {support: {contact: ' '}}", "teams.support", 7, 18, "Add `contact:"),
]

TRAFFIC_CASES: list[tuple[Code, str, str, int, int, str]] = [
    (
        Code.FLOORS_TOO_HIGH,
        "models: {small: [{deployment: openai/a, limits: {requests_in_flight: 4}, queue: {batch_floor: 80%}}]}",
        "models.small.deployments[0].queue",
        7,
        81,
        "a tenth",
    ),
    (
        Code.HEDGE_NO_ROOM,
        "classes: {chat: {hedge: {floor: 3s, ceiling: 1s}}}",
        "classes.chat.hedge",
        8,
        25,
        "Correct",
    ),
    (
        Code.ADDRESS_UNSAFE,
        "providers: {openai: {base_url: 'http://169.254.169.254/v1'}}",
        "providers.openai.base_url",
        7,
        32,
        "addresses_allowed",
    ),
    (Code.PRIORITY_UNKNOWN, "providers: {openai: {priority: true}}", "providers.openai.priority", 7, 32, "`vllm`"),
    (
        Code.HEDGE_IDLE,
        "use_cases: {talk: {task: chat, hedge: true}}",
        "use_cases.talk.hedge",
        7,
        39,
        "another deployment",
    ),
    (
        Code.CAPTURE_TOO_LONG,
        "use_cases: {talk: {task: chat, capture: {until: 2027-02-01, reason: r, requester: a, approver: b}}}",
        "use_cases.talk.capture.until",
        7,
        49,
        "earlier",
    ),
    (
        Code.CAPTURE_ENDED,
        "use_cases: {talk: {task: chat, capture: {until: 2026-11-01, reason: r, requester: a, approver: b}}}",
        "use_cases.talk.capture.until",
        7,
        49,
        "Remove",
    ),
    (
        Code.CAPTURE_UNUSED,
        "use_cases: {talk: {task: chat, capture: {until: 2026-12-01, reason: r, requester: a, approver: b}}}",
        "use_cases.talk.capture",
        7,
        41,
        "endpoint",
    ),
    (
        Code.QUEUE_UNUSED,
        "models: {small: {deployments: [{deployment: openai/gpt-5.4-mini, queue: {requests_max: 9}}]}}",
        "models.small.deployments[0].queue",
        7,
        73,
        "requests_in_flight",
    ),
    (
        Code.CACHE_SHARED,
        "use_cases: {talk: {task: chat, cache: {scope: organisation}}}",
        "use_cases.talk.cache",
        7,
        39,
        "scope: service",
    ),
    (
        Code.LIMIT_UNREACHED,
        "teams: {support: {contact: a, limits: {usd_per_day: 50, usd_per_month: 20}}}",
        "teams.support.limits.usd_per_day",
        7,
        53,
        "Lower it",
    ),
]
UNREACHED = (
    Code.DEPLOYMENT_UNREACHED,
    "models: {small: [openai/gpt-5.4-mini, openai/gpt-5.4]}\nuse_cases: {talk: {task: chat, fallback: same-model}}",
    "use_cases.talk.fallback",
    7,
    42,
    "fallback: any",
)
TRAFFIC_CASES.append(UNREACHED)
ALL_CASES = [*CASES, *TRAFFIC_CASES]


def found(section: str, environment: dict[str, str] | None = None) -> tuple[Fault, ...]:
    """Load the base with one section replaced; the new section comes last."""
    keys = tuple(line.partition(":")[0] + ":" for line in section.splitlines() if not line.startswith(" "))
    lines = [line for line in BASE.splitlines() if not line.startswith(keys)]
    return load("\n".join([*lines, section]) + "\n", env={**SECRETS, **(environment or {})}, today=TODAY).found


def test_the_base_is_sound() -> None:
    assert load(BASE, env=SECRETS, today=TODAY).found == ()


@pytest.mark.parametrize(
    ("code", "section", "path", "line", "column", "hint"), ALL_CASES, ids=[case[0].value for case in ALL_CASES]
)
def test_each_code(  # noqa: PLR0917  # a row of the table above
    code: Code, section: str, path: str, line: int, column: int, hint: str
) -> None:
    faults = [fault for fault in found(section) if fault.code is code]
    assert faults, found(section)
    first = faults[0]
    assert (first.path, first.line, first.column) == (path, line, column)
    assert hint in first.hint
    assert first.message
    assert first.warning == code.value.startswith(("S14", "S15"))


@pytest.mark.parametrize("case", ALL_CASES, ids=[case[0].value for case in ALL_CASES])
def test_one_mistake_brings_one_fault(case: tuple[Code, str, str, int, int, str]) -> None:
    twice = {Code.CLASS_LOOP, Code.KEY_UNKNOWN}
    assert len(found(case[1])) == 1 or case[0] in twice


def test_every_code_has_a_case() -> None:
    assert {case[0] for case in [*CASES, *TRAFFIC_CASES]} | {Code.VARIABLE_UNUSABLE} == set(Code)


def test_a_variable_fault_names_the_variable() -> None:
    (fault,) = found("waivers: []", {"PACELINE_GATEWY__BODY_BYTES_MAX": "1"})
    assert (fault.code, fault.variable, fault.line) == (Code.VARIABLE_UNUSABLE, "PACELINE_GATEWY__BODY_BYTES_MAX", None)
    assert "PACELINE_GATEWAY" in fault.hint


def test_all_faults_come_at_once_and_in_order() -> None:
    text = "version: 3\nproviders: {house: {}}\nmodels: {a: nope/x, b: []}\nservices: {s: {}}\nextra: 1\n"
    codes = [fault.code.value for fault in load(text, env={}).found]
    assert codes == ["S109", "S125", "S111", "S124", "S121", "S122", "S105"]


def test_list_entries_keep_their_place_when_others_are_faulty() -> None:
    section = """\
waivers:
  - {service: desk, until: 2026-12-01}
  - {service: desk, reason: r, requester: a, approver: b, until: never}
  - {service: dsk, reason: r, requester: a, approver: b, until: 2026-12-01}"""
    paths = {(fault.path, fault.line) for fault in found(section)}
    assert paths == {("waivers[0]", 9), ("waivers[1].until", 10), ("waivers[2].service", 11)}


def test_a_faulty_entry_is_still_there_for_others_to_refer_to() -> None:
    faults = found("models: {small: {deployments: openai/x, descripton: y}}")
    assert [fault.code for fault in faults] == [Code.KEY_UNKNOWN]


@pytest.mark.parametrize("secret", ["sk-live-abcdef", "env:", "env:A B", "12345"])
def test_no_fault_repeats_a_secret(secret: str) -> None:
    for section in (
        f"providers: {{openai: {{key: '{secret}'}}}}",
        f"teams: {{support: {{alerts: [{{slack: '{secret}'}}]}}}}",
    ):
        (fault,) = found(section)
        assert fault.code is Code.SECRET_INLINE
        assert secret == "env:" or secret.removeprefix("env:") not in fault.message + fault.hint


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    (fault,) = found("providers: {openai: {base_url: 'https://me:hunter2@x/v1'}}")
    assert fault.code is Code.BASE_URL_INVALID
    assert "hunter2" not in fault.message + fault.hint


def test_the_plan_is_refused_with_all_faults() -> None:
    standards = load("version: 1\nservices: {a: {}}\n", env={})
    with pytest.raises(StandardsFaultyError) as error:
        standards.plan()
    assert error.value.faults == standards.faults
    assert re.search(r"and 1 more", str(error.value))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"version: 1\n\xc3\x28"])
def test_what_is_not_text_is_unreadable(content: bytes) -> None:
    with pytest.raises(StandardsUnreadableError, match="UTF-8"):
        load(content)


def test_a_mark_at_the_start_is_not_part_of_the_text() -> None:
    assert load(b"\xef\xbb\xbfversion: 1\n", env={}).found == ()


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("gateway: {journal: {bytes_max: 1MiB}}", Code.LIMITS_CONTRADICT),
        ("gateway: {journal: {segment_bytes: 2GiB}}", Code.LIMITS_CONTRADICT),
        ("use_cases: {talk: {task: chat, max_output_tokens: 9999999999}}", Code.VALUE_WRONG),
        ("providers: {openai: {headers: {'a b': c}}}", Code.VALUE_WRONG),
        ('providers: {openai: {headers: {a: "b\\r\\nc: d"}}}', Code.VALUE_WRONG),
        ("providers: {openai: {headers: {Authorization: Bearer sk-1}}}", Code.SECRET_INLINE),
        ("providers: {openai: {vendor: opnai}}", Code.VALUE_WRONG),
        ("organisation: 2024", Code.VALUE_WRONG),
    ],
)
def test_what_the_gateway_would_refuse_is_a_fault_here(section: str, code: Code) -> None:
    (fault,) = found(section)
    assert fault.code is code
    assert fault.line == 8 - (section.partition(":")[0] in BASE)
    assert fault.hint
    assert "sk-1" not in fault.message
