"""What the models of `Options` say about themselves: keys, types in words, defaults, examples.

Owns the reading of pydantic's fields for the generated pages; knows no section by name.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from paceline.standards.scalars import Spelling

__all__ = ["Key", "keys", "model_within", "one_line", "title"]

_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "date"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key as the reference shows it."""

    name: str
    type: str
    default: str
    meaning: str
    example: Any
    required: bool


def keys(model: type[BaseModel]) -> Iterator[Key]:
    """List a model's keys in the order they are written."""
    for name, field in model.model_fields.items():
        yield Key(
            name=field.alias or name,
            type=_words(field.annotation, field.metadata),
            default=_default(field),
            meaning=field.description or "",
            example=field.examples[0] if field.examples else None,
            required=field.is_required(),
        )


def title(model: type[BaseModel]) -> str:
    """Name the part of the file that a model describes: `ProviderOptions` -> `provider`."""
    name = model.__name__.removesuffix("Options")
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()


def model_within(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside `dict[str, M]`, `list[M]`, `M | None` or `Annotated[M, …]`."""
    if model_type(annotation):
        found: type[BaseModel] = annotation
        return found
    for inner in get_args(annotation):
        if (within := model_within(inner)) is not None:
            return within
    return None


def one_line(value: Any) -> str:
    """Write a value as YAML on one line."""
    if value is None:
        return "null"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return str(text).removesuffix("\n").removesuffix("...").strip()


def _words(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    for mark in metadata:
        if isinstance(mark, Spelling):
            return mark.word
    if model_type(annotation):
        return f"[{title(annotation)}](#{title(annotation).replace(' ', '-')})"
    return _PLAIN.get(annotation) or _composed(get_origin(annotation), get_args(annotation))


def _composed(origin: Any, inner: tuple[Any, ...]) -> str:
    if origin is Annotated:
        words = _words(inner[0], inner[1:])
    elif origin in {Union, types.UnionType}:
        words = " or ".join(_words(each) for each in inner if each is not type(None))
    elif origin is Literal:
        words = ", ".join(f"`{each}`" for each in inner)
    elif origin is dict:
        words = f"mapping of names to {_words(inner[1])}"
    elif origin is list:
        words = f"list of {_words(inner[0])}"
    else:
        words = "any"
    return words


def model_type(annotation: Any) -> bool:
    """Tell whether an annotation is a model itself."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == "" or isinstance(value, BaseModel) or value in ({}, []):
        return ""
    for mark in field.metadata:
        if isinstance(mark, Spelling) and mark.word in {"duration", "size"} and field.examples:
            return str(field.examples[0])
    return str(value)
