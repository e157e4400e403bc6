"""No input makes the loader raise anything but its own error; what it finds sound the gateway accepts."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from paceline.standards import Fault, StandardsError, load
from paceline.standards.classes import BUILT_IN
from paceline.standards.fields import keys, model_within
from paceline.standards.options import Options

from .conftest import EXAMPLE, SECRETS, TODAY

TEXT = EXAMPLE.read_text(encoding="utf-8")
LINES = TEXT.splitlines()
_SLOW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def look(content: str | bytes, env: dict[str, str] | None = None) -> tuple[Fault, ...]:
    """Load, and make a plan where that is possible; lets nothing but the loader's own error pass silently."""
    try:
        standards = load(content, env=env or {}, today=TODAY)
    except StandardsError:
        return ()
    for fault in standards.found:
        assert fault.message
        assert (fault.line is None) == (fault.column is None)
        assert fault.line is None or fault.line >= 1
        words = f"{fault.message}{fault.hint}{fault.path}"
        assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in words)
    if not standards.faults:
        assert len(standards.plan().hash) == 64
    return standards.found


def _words() -> list[str]:
    words = {
        "",
        "1",
        "0",
        "-1",
        "null",
        "true",
        "1e400",
        "env:X",
        "openai/x",
        "http://h/v1",
        "p95",
        "x" * 60,
        "9" * 400,
    }
    pending: list[type[BaseModel]] = [Options]
    while pending:
        model = pending.pop()
        for key, field in zip(keys(model), model.model_fields.values(), strict=True):
            words.add(key.name)
            if (inner := model_within(field.annotation)) is not None and inner.__name__ not in words:
                words.add(inner.__name__)
                pending.append(inner)
    return sorted(words)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(_words())
    | st.dates()
)
_NESTED = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_words()) | st.text(max_size=8) | st.integers(), inner, max_size=5)
    ),
    max_leaves=25,
)


@_SLOW
@given(st.text())
@example("\ud800")
@example("a: \x85\u2028b")
@example("? ")
@example('version: 1\norganisation: "\\ud800"')
@example('version: 1\nteams: {"\\ud800\\e[0m": {}}\nservices: {a: {owner: "\\ud800"}}')
@example("!<tag:yaml.org,2002:int> x")
@example("k: !!int {a: b}")
def test_any_text(text: str) -> None:
    look(text)


@_SLOW
@given(st.binary())
@example(b"\x00")
@example(b"\xff\xfea\x00")
def test_any_bytes(content: bytes) -> None:
    look(content)


@_SLOW
@given(st.lists(st.sampled_from(list("{}[]:,-?&*!|>'\"%@`#\n \t<~a1")), max_size=60).map("".join))
def test_any_punctuation(text: str) -> None:
    look(text)


@_SLOW
@given(st.data())
def test_the_example_with_characters_changed(data: st.DataObject) -> None:
    text = TEXT
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.text(max_size=5) | st.sampled_from(_words())) + text[at + length :]
    look(text)


@_SLOW
@given(st.data())
def test_the_example_with_lines_moved(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=30))
    look("\n".join(lines))


@_SLOW
@given(st.dictionaries(st.sampled_from([*Options.model_fields]) | st.text(max_size=5), _NESTED, max_size=6))
def test_any_nested_structure(structure: dict[str, Any]) -> None:
    look(yaml.safe_dump({"version": 1, **structure}, allow_unicode=True))


@_SLOW
@given(st.data())
def test_the_example_with_one_value_replaced(data: st.DataObject) -> None:
    document: Any = yaml.safe_load(TEXT)
    here = document
    while True:
        step = data.draw(st.sampled_from(list(here) if isinstance(here, dict) else range(len(here))))
        if not here[step] or not isinstance(here[step], dict | list) or data.draw(st.booleans()):
            here[step] = data.draw(_NESTED)
            break
        here = here[step]
    look(yaml.safe_dump(document, allow_unicode=True))


@_SLOW
@given(
    st.dictionaries(
        st.lists(st.sampled_from([*_words(), "house", "0", "helpdesk"]), min_size=1, max_size=4).map(
            lambda parts: "PACELINE_" + "__".join(parts).upper()
        ),
        st.text(max_size=10) | st.sampled_from(["[a, b]", "{a: 1}", "[", "{a: *x}", "null", "5"]),
        max_size=4,
    )
)
def test_any_environment(environment: dict[str, str]) -> None:
    look(TEXT, environment)


@pytest.mark.parametrize("path", [Path("/"), Path("/no/such/file"), Path("a\0b"), Path("/proc/self/mem")])
def test_any_path(path: Path) -> None:
    with pytest.raises(StandardsError):
        load(path)


_NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,47}", fullmatch=True)
_ORDERED = st.lists(st.integers(1, 10**6), min_size=4, max_size=4).map(sorted)


_SHARES = st.floats(0, 1)
_COUNTS = st.none() | st.integers(1, 2**32 - 1)
_MONEY = st.none() | st.floats(1e-6, 1e8)


def _limits() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "requests_per_minute": _COUNTS,
            "tokens_per_minute": _COUNTS,
            "requests_in_flight": _COUNTS,
            "usd_per_day": _MONEY,
            "usd_per_month": _MONEY,
        },
    )


def _rules() -> st.SearchStrategy[dict[str, Any]]:
    """Draw the traffic rules of a use case."""
    spans = st.integers(1, 10**6)
    hedge = st.tuples(spans, spans, _SHARES).map(
        lambda drawn: {"floor": min(drawn[:2]), "ceiling": max(drawn[:2]), "requests_share": drawn[2]}
    )
    cache = st.fixed_dictionaries(
        {"ttl": spans}, optional={"scope": st.sampled_from(["service", "organisation"]), "tool_calls": st.booleans()}
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "limits": _limits(),
            "lane": st.sampled_from(["interactive", "standard", "batch"]),
            "fallback": st.sampled_from(["any", "same-model", "none"]),
            "hedge": hedge | st.booleans() | st.none(),
            "cache": cache | spans | st.booleans() | st.none(),
            "prompt_cache": st.booleans(),
            "stream_upstream": st.booleans(),
        },
    )


def _traffic() -> st.SearchStrategy[dict[str, Any]]:
    """Draw what holds for all traffic."""
    spans = st.integers(1, 10**7)
    return st.fixed_dictionaries(
        {},
        optional={
            "retry": st.fixed_dictionaries({"attempts_max": st.integers(1, 100), "share": _SHARES, "window": spans}),
            "breaker": st.fixed_dictionaries({"failed_share": _SHARES, "open": spans, "probes": st.integers(1, 1000)}),
            "outlier": st.fixed_dictionaries({"slower_factor": st.floats(1.01, 1000), "failed_share_above": _SHARES}),
            "cache": st.fixed_dictionaries({"bytes_max": st.integers(0, 1 << 40), "wait": st.integers(0, 1000)}),
        },
    )


@st.composite
def sound_files(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a file that is sound by construction; written as JSON, which is YAML with every text in quotes."""
    names = draw(st.lists(_NAMES, min_size=6, max_size=6, unique=True))
    models: dict[str, Any] = {
        name: {"deployments": [f"house/{name}-{n}" for n in range(draw(st.integers(1, 3)))]} for name in names[:2]
    }
    queue = {"standard_floor": draw(st.floats(0, 0.6)), "batch_floor": draw(st.floats(0, 0.3))}
    models[names[0]]["deployments"][0] = {
        "deployment": f"house/{names[0]}-0",
        "limits": draw(_limits()),
        "queue": queue,
    }
    p50, p90, p95, p99 = draw(_ORDERED)
    use_case = {
        "class": draw(st.sampled_from([*BUILT_IN])),
        "model": names[0],
        "models": draw(st.lists(st.sampled_from(names[:2]), max_size=3)),
        "max_output_tokens": draw(st.none() | st.integers(1, 2**31)),
        "budget": {
            **dict.fromkeys(("ttft", "tpot", "stall", "total")),
            "ttfv": {"p50": p50, "p90": p90, "p95": f"{p95}ms", "p99": p99},
            "cost": draw(st.floats(0, 1e6)),
            "error_share": draw(st.floats(0, 1)),
        },
        "deadlines": {"total": draw(st.integers(0, 10**9))},
        **draw(_rules()),
    }
    price = {key: draw(st.floats(0, 1e4)) for key in ("input", "output", "cached")}
    return {
        "version": 1,
        "organisation": draw(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20)),
        "providers": {"house": {"base_url": "http://10.0.0.5:8000/v1", "headers": {"x-a": draw(_NAMES)}}},
        "models": models,
        "tasks": dict.fromkeys(names[:3], names[1]),
        "use_cases": dict.fromkeys(names[2:5], use_case),
        "teams": {names[5]: None},
        "services": {
            name: {
                "owner": names[5],
                "use_cases": names[2 : 2 + n],
                "mode": draw(st.sampled_from(["observe", "warn", "enforce"])),
            }
            for n, name in enumerate(names[:3], start=1)
        },
        "traffic": draw(_traffic()),
        "policy": {"warn_at": draw(_SHARES), "unknown_price": draw(st.sampled_from(["allow", "refuse"]))},
        "prices": {f"house/{names[0]}-0": price},
    }


@_SLOW
@given(sound_files())
def test_sound_files_have_no_fault(document: dict[str, Any]) -> None:
    found = look(json.dumps(document, ensure_ascii=False), SECRETS)
    assert [fault for fault in found if not fault.warning] == []


@_SLOW
@given(document=sound_files())
def test_the_gateway_accepts_every_sound_file(core: ModuleType, document: dict[str, Any]) -> None:
    plan = load(json.dumps(document, ensure_ascii=False), env={}).plan()
    assert core.check_plan(plan.json_bytes) == plan.hash
