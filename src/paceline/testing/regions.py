"""A prompt as the bytes a provider compares, each with the region it belongs to: `tools[2]`, `system`, `messages[0]`.

Providers put tools before the system prompt and that before the messages, whatever the order of the request's fields.
Must not sort anything: an order that changes is what is looked for.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_FIRST = ("tools", "functions", "system", "instructions", "messages", "input", "contents", "prompt")
"""The fields of a request that make the prompt, in the order in which providers read them."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt's bytes, and where in them each region begins."""

    data: bytes
    starts: tuple[int, ...]
    names: tuple[str, ...]

    def region(self, at: int) -> str:
        """Name the region of a byte."""
        return self.names[max(bisect_right(self.starts, at) - 1, 0)] if self.names else "the prompt"


def rendered(prompt: object) -> Rendered:
    """Read what a `build` gave: text, bytes, messages, a whole request, or an object with `model_dump`.

    Raises `TypeError` where it is none of these.
    """
    parts = list(_parts(prompt, ""))
    starts, at, data = [], 0, bytearray()
    for _, piece in parts:
        starts.append(at)
        data += piece
        at = len(data)
    return Rendered(bytes(data), tuple(starts), tuple(name for name, _ in parts))


def _parts(prompt: object, name: str) -> list[tuple[str, bytes]]:
    dump = getattr(prompt, "model_dump", None)
    if callable(dump):
        prompt = dump()
    if isinstance(prompt, str):
        return [(name or "the prompt", prompt.encode("utf-8", "surrogatepass"))]
    if isinstance(prompt, (bytes, bytearray)):
        return [(name or "the prompt", bytes(prompt))]
    if isinstance(prompt, Mapping):
        return _fields(prompt, name)
    if isinstance(prompt, Sequence):
        return [part for at, each in enumerate(prompt) for part in _parts(each, f"{name or 'messages'}[{at}]")]
    if prompt is None or isinstance(prompt, (bool, int, float)):
        return [(name or "the prompt", json.dumps(prompt).encode())]
    raise TypeError(f"{name or 'the prompt'} is {type(prompt).__name__}: give text, messages or a request as a dict")


def _fields(prompt: Mapping[Any, Any], name: str) -> list[tuple[str, bytes]]:
    keys = list(prompt)
    if not name:
        known = [each for each in _FIRST if each in prompt]
        keys = known or keys
    parts: list[tuple[str, bytes]] = []
    for key in keys:
        inner = f"{name}.{key}" if name else str(key)
        parts.append((inner, f"{key}:".encode()))
        parts += _parts(prompt[key], inner)
    return parts
