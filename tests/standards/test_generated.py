"""What is generated from the model is in step with it, and right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from paceline.standards import load
from paceline.standards.fields import keys, model_within, one_line
from paceline.standards.generate import GENERATED, main, out_of_step
from paceline.standards.options import Options
from paceline.standards.reference import reference_text
from paceline.standards.schema import schema
from paceline.standards.starter import environment_text, starter_text

from .conftest import SECRETS

ROOT = Path(__file__).parents[2]


def models() -> Iterator[type[BaseModel]]:
    pending: list[type[BaseModel]] = [Options]
    seen = set[type[BaseModel]]()
    while pending:
        model = pending.pop()
        if model not in seen:
            seen.add(model)
            yield model
            inner = (model_within(field.annotation) for field in model.model_fields.values())
            pending += [each for each in inner if each is not None]


FIELDS = [(model, name) for model in models() for name in model.model_fields]


def test_the_files_are_in_step() -> None:
    assert out_of_step(ROOT) == []


def test_generate_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out.count("out of step") == len(GENERATED)
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert main(["--wrong"], tmp_path) == 2


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name in FIELDS])
def test_every_key_is_documented_and_its_example_is_right(model: type[BaseModel], name: str) -> None:
    field = model.model_fields[name]
    assert (field.description or "").endswith(".")
    example = next((key for key in keys(model) if key.name == (field.alias or name)), None)
    assert example is not None
    if example.example is not None:
        adapter: TypeAdapter[Any] = TypeAdapter(model.__pydantic_fields__[name].rebuild_annotation())
        adapter.validate_python(example.example)
        assert yaml.safe_load(one_line(example.example)) is not None


def test_every_model_has_a_docstring() -> None:
    for model in models():
        assert (model.__doc__ or "").strip().endswith("."), model


def test_the_starter_file_is_sound_and_names_every_section_and_key() -> None:
    text = starter_text()
    assert load(text, env=SECRETS).found == ()
    for section in Options.model_fields:
        assert re.search(rf"(?m)^(# )?{section}:", text), section
    first_level = [model_within(field.annotation) for field in Options.model_fields.values()]
    for model in first_level:
        for key in keys(model) if model else ():
            assert f"#     {key.name}:" in text, key.name
    assert max(len(line) for line in text.splitlines()) < 160


def test_the_commented_sections_are_sound_too() -> None:
    lines = starter_text().splitlines()
    wanted = re.compile(r"# ((classes|prices|policy|gateway):( \{.*)?|  (?!keys:)[a-z][a-z0-9./-]*: \{.*)$")
    text = "\n".join(re.sub(r"^# ", "", line) if wanted.match(line) else line for line in lines)
    loaded = load(text, env=SECRETS)
    assert loaded.found == ()
    assert loaded.options.classes
    assert loaded.options.prices
    assert loaded.options.gateway.drain == 60_000


def test_the_environment_example_names_what_the_starter_refers_to() -> None:
    wanted = set(re.findall(r"(?m)^[^#\n]*env:(\w+)", starter_text()))
    text = environment_text()
    assert {line.rstrip("=") for line in text.splitlines() if re.match(r"[A-Z_]+=$", line)} >= wanted
    overlay = dict(re.findall(r"(?m)^# (PACELINE_\w+)=(\S+)$", text))
    assert overlay
    assert load(starter_text(), env={**SECRETS, **overlay}).found == ()


def test_the_reference_names_every_key() -> None:
    text = reference_text()
    for model in models():
        for key in keys(model):
            assert f"| `{key.name}` |" in text
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            assert len(re.findall(r"(?<!\\)\|", line)) >= 3
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_the_schema_is_closed_and_resolves() -> None:
    built = schema()
    text = json.dumps(built)
    for name in re.findall(r'"\$ref": "#/\$defs/(\w+)"', text):
        assert name in built["$defs"]
    for name, part in built["$defs"].items():
        part = next((each for each in part.get("anyOf", []) if "properties" in each), part)  # noqa: PLW2901
        assert part["additionalProperties"] is False, name
    assert built["additionalProperties"] is False
    assert built["required"] == ["version"]
