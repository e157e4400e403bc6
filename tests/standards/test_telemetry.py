"""What leaves the gateway: the section as people write it, the plan it becomes, captures and their end."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import pytest

from paceline.standards import Code, load

from .conftest import SECRETS, TODAY
from .test_faults import BASE

OTLP = "telemetry: {{otlp: {{endpoint: 'http://127.0.0.1:4317'{more}}}}}\n"
CAPTURE = "use_cases: {{talk: {{task: chat, capture: {{until: {until}, reason: r, requester: a, approver: b{more}}}}}}}"


def otlp(more: str = "") -> dict[str, Any]:
    """The plan's form of a section."""
    written: dict[str, Any] = load(BASE + OTLP.format(more=more), env=SECRETS, today=TODAY).plan().document["telemetry"]
    return dict(written["otlp"])


def fault(more: str) -> str:
    """The one thing wrong with a section."""
    (found,) = load(BASE + OTLP.format(more=more), env=SECRETS, today=TODAY).found
    return f"{found.path}: {found.message} ({found.hint})"


def capture_of(until: str, more: str = "") -> dict[str, Any]:
    """The plan's form of a capture."""
    use_case = CAPTURE.format(until=until, more=more)
    text = "\n".join(use_case if line.startswith("use_cases") else line for line in BASE.splitlines())
    plan = load(f"{text}\n{OTLP.format(more='')}", env=SECRETS, today=TODAY).plan()
    return dict(plan.document["use_cases"][0]["capture"])


def test_nothing_leaves_unless_it_is_written() -> None:
    plan = load(BASE, env=SECRETS, today=TODAY).plan()
    assert plan.document["telemetry"] == {"otlp": None}
    assert [each["capture"] for each in plan.document["use_cases"]] == [None]


def test_the_section_becomes_the_plan_s_form(core: ModuleType) -> None:
    assert otlp() == {
        "endpoint": "http://127.0.0.1:4317",
        "protocol": "grpc",
        "headers": [],
        "gzip": True,
        "names": "v1.41",
        "traces": True,
        "metrics": True,
        "sample_share": 0.1,
        "interval_ms": 60_000,
        "temporality": "cumulative",
        "histograms": "exponential",
        "timeout_ms": 10_000,
        "queue_max": 2048,
        "attributes": [],
    }
    made = otlp(
        ", protocol: http, headers: {Api-Key: env:OPENAI_API_KEY}, sample: 5%, attributes: {a.b: c}, interval: 5s"
    )
    assert (made["headers"], made["sample_share"]) == ([["api-key", "env:OPENAI_API_KEY"]], 0.05)
    assert (made["attributes"], made["interval_ms"]) == ([["a.b", "c"]], 5000)
    whole = load(BASE + OTLP.format(more=", headers: {a: env:OPENAI_API_KEY}, names: both"), env=SECRETS, today=TODAY)
    plan = whole.plan()
    assert core.check_plan(plan.json_bytes) == plan.hash


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", headers: {api-key: s3cret}", "telemetry.otlp.headers.api-key"),
        (", headers: {'a b': env:X}", "the header 'a b' is not valid"),
        (", headers: {Content-Type: env:X}", "the export itself writes the header 'content-type' (Leave it out)"),
        (", headers: {grpc-timeout: env:X}", "the export itself writes the header 'grpc-timeout'"),
        (", attributes: {'A B': x}", "is not the name of an attribute"),
        (", names: v1.40", "telemetry.otlp.names: is not one of the values allowed here (Write `v1.41`"),
        (", sample: 2", "telemetry.otlp.sample"),
        (", interval: 5ms", "telemetry.otlp.interval"),
        (", sampel: 2", "Did you mean `sample`?"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_quoted(more: str, said: str) -> None:
    told = fault(more)
    assert said in told
    assert "s3cret" not in told


def test_a_collector_at_an_address_that_is_refused_is_a_fault() -> None:
    text = BASE + OTLP.format(more="").replace("127.0.0.1", "169.254.169.254")
    (found,) = load(text, env=SECRETS, today=TODAY).found
    assert (found.code, found.path) == (Code.ADDRESS_UNSAFE, "telemetry.otlp.endpoint")


def test_a_header_s_absent_secret_is_a_warning() -> None:
    (found,) = load(BASE + OTLP.format(more=", headers: {a: env:NOT_SET}"), env=SECRETS, today=TODAY).found
    assert (found.code, found.path) == (Code.SECRET_ABSENT, "telemetry.otlp.headers.a")


def test_a_capture_ends_with_its_last_day_and_the_plan_says_who_wanted_it(core: ModuleType) -> None:
    made = capture_of("2026-12-01", ", bytes_max: 4KiB")
    assert datetime.fromtimestamp(made.pop("until_unix_s"), UTC) == datetime(2026, 12, 2, tzinfo=UTC)
    assert made == {"bytes_max": 4096, "reason": "r", "requester": "a", "approver": "b"}
    assert core is not None


def test_the_last_day_may_be_today_and_thirty_days_away_but_no_further() -> None:
    assert capture_of(TODAY.isoformat())["until_unix_s"]
    last = date.fromordinal(TODAY.toordinal() + 30)
    assert capture_of(last.isoformat())["until_unix_s"]
    with pytest.raises(Exception, match="31 days more"):
        capture_of(date.fromordinal(last.toordinal() + 1).isoformat())


def test_a_capture_that_ended_is_a_warning_and_stops_no_plan() -> None:
    ended = capture_of("2026-11-01")
    assert ended["until_unix_s"] < datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp()
