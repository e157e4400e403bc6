"""YAML to plain values: places, core schema, aliases, bounds."""

from __future__ import annotations

import pytest

from paceline.standards.composer import DEPTH_MAX
from paceline.standards.faults import Code
from paceline.standards.source import BYTES_MAX, read_source


def only(text: str) -> tuple[Code, int | None, int | None]:
    source = read_source(text)
    assert len(source.faults) == 1, source.faults
    fault = source.faults[0]
    return fault.code, fault.line, fault.column


def test_every_key_and_value_has_its_place() -> None:
    source = read_source("a: 1\nb:\n  c: [x, y]\n")
    assert source.data == {"a": 1, "b": {"c": ["x", "y"]}}
    assert source.places["b", "c"].key == (3, 3)
    assert source.places["b", "c"].value == (3, 6)
    assert source.places["b", "c", 1].value == (3, 10)


def test_what_has_no_place_gets_that_of_what_is_around_it() -> None:
    place = read_source("b:\n  c: 1\n").place(("b", "c", "d", 3))
    assert place is not None
    assert place.value == (2, 6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2026-12-31", "2026-12-31"),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3", -3),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        (".5e3", 500.0),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        (".inf", ".inf"),
        ("!!str 12", "12"),
        ("9" * 400, "9" * 400),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert read_source(f"k: {text}").data == {"k": value}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert list(read_source("no: 1\n4: 2\ntrue: 3\n").data) == ["no", "4", "true"]


def test_anchors_and_merges() -> None:
    source = read_source("x-a: &a {p: 1, q: 2}\nb: *a\nc: {<<: *a, q: 3}\nd: {<<: [*a, {r: 4}]}\n")
    assert not source.faults
    assert source.data["b"] == {"p": 1, "q": 2}
    assert source.data["c"] == {"p": 1, "q": 3}
    assert source.data["d"] == {"p": 1, "q": 2, "r": 4}


def test_an_alias_is_a_copy() -> None:
    data = read_source("a: &a [1]\nb: *a\n").data
    assert data["a"] is not data["b"]


def test_a_repeated_key_keeps_the_first_and_names_it() -> None:
    source = read_source("a: {b: 1,\n  b: 2}\n")
    assert source.data == {"a": {"b": 1}}
    assert "first on line 1" in source.faults[0].message
    assert (source.faults[0].path, source.faults[0].line, source.faults[0].column) == ("a.b", 2, 3)


def test_laughs_are_bounded() -> None:
    lines = ["a0: &a0 [" + ",".join(["x"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    source = read_source("\n".join(lines))
    assert source.broken
    assert source.faults[-1].code is Code.TOO_LARGE


def test_a_tower_of_aliases_is_as_deep_as_it_would_be_written_out() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 400))]
    assert read_source("\n".join(lines)).faults[-1].code is Code.TOO_LARGE


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "a: " + "[" * (DEPTH_MAX + 1)])
def test_depth_is_bounded(text: str) -> None:
    assert read_source(text).faults[-1].code in {Code.TOO_LARGE, Code.SYNTAX}


def test_size_is_bounded() -> None:
    assert only("a: " + "x" * BYTES_MAX) == (Code.TOO_LARGE, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["a: !!python/object:os.system 1", "? [a]\n: 1", "a: *b", "a: &a [*a]", "a: 1\n---\nb: 2", "*a : 1"],
)
def test_what_is_not_supported_says_so(text: str) -> None:
    assert only(text)[0] is Code.YAML_FEATURE


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\n\tb: 2", 2), ("a: b: c", 1), ("a: 'x", 1), ("a:\n  - 1\n b: 2", 3), ("a: \x07", 1), ("%TAG", 1)],
)
def test_syntax_faults_have_a_line(text: str, line: int) -> None:
    assert only(text)[:2] == (Code.SYNTAX, line)


def test_a_list_at_the_top_is_a_fault() -> None:
    assert only("- a")[0] is Code.VALUE_WRONG


@pytest.mark.parametrize("text", ["", "# nothing", "---", "null"])
def test_an_empty_file_is_empty(text: str) -> None:
    source = read_source(text)
    assert (source.data, source.faults) == ({}, [])
