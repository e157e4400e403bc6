"""`assert_prefix_stable`: renders a prompt again and again under what changes between calls, and compares bytes.

What is changed: identifiers and chance (a second render), the clock (moved), and, where the function can be imported,
the process (another hash seed, so another order of sets).
"""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from paceline.testing.clock import clock_at
from paceline.testing.elsewhere import NotImportableError, render_elsewhere
from paceline.testing.regions import Rendered, rendered

_STEP_S = 86_400 + 3_600 + 60 + 1
"""How far the clock moves: every part of a date and time is another one."""
_AROUND = 24

_CAUSES = {
    "again": "an identifier or chance: it differs in two renders at the same time of the clock",
    "clock": "the clock: it differs where only the time was moved",
    "process": "the process: it differs between two of them (the order of a set, or something made at start)",
}


class PrefixUnstableError(AssertionError):
    """A prompt that changes too early. `at_byte`, `region` and `cause` (again, clock, process) say where and why."""

    def __init__(self, message: str, at_byte: int, region: str, cause: str) -> None:
        super().__init__(message)
        self.at_byte = at_byte
        self.region = region
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Stability:
    """What was compared: how many renders, what was changed between them, how many bytes of the prompt are the same."""

    renders: int
    varied: tuple[str, ...]
    stable_bytes: int


def assert_prefix_stable(
    build: Callable[[], Any], n: int = 2, *, stable_bytes: int | None = None, processes: bool | None = None
) -> Stability:
    """Assert that a prompt begins the same at every call.

    `build` takes no argument and returns text, messages, or a request as a dict (it may be async). It is rendered `n`
    times at one time of the clock, `n - 1` times with the clock moved by more than a day each, and in `n - 1` further
    processes with other hash seeds. `stable_bytes` asks only for so many bytes of its beginning, for prompts whose end
    is the request's own; without it, all of it must be the same. `processes=None` leaves further processes out where
    `build` is not a function that another process can import (a lambda, a closure); `True` makes that a `ValueError`.

    Raises `PrefixUnstableError` naming the first byte that differs and its region, `ValueError` for an `n` below 2.
    """
    if n < 2:
        raise ValueError("n: at least two renders are needed to compare")
    varied: list[str] = []
    first: Rendered | None = None
    renders, same = 0, 0
    for cause, other in _renders(build, n, processes):
        renders += 1
        if first is None:
            first, same = other, len(other.data)
            continue
        if cause not in varied:
            varied.append(cause)
        at = _first_difference(first.data, other.data)
        same = min(same, at)
        wanted = max(len(first.data), len(other.data)) if stable_bytes is None else stable_bytes
        if at < wanted and first.data != other.data:
            raise _unstable(first, other, at, cause)
    if first is not None and stable_bytes is not None and len(first.data) < stable_bytes:
        text = f"the prompt has {len(first.data):,} bytes, fewer than the {stable_bytes:,} that are to be stable"
        raise PrefixUnstableError(text, len(first.data), first.region(len(first.data)), "short")
    return Stability(renders, tuple(varied), same)


def _renders(build: Callable[[], Any], n: int, processes: bool | None) -> Iterator[tuple[str, Rendered]]:
    """Yield every render with what was changed; the first is what the others are compared with."""
    now_s = time.time()
    for turn in range(n):
        yield "again", render(build, now_s, turn)
    for turn in range(1, n):
        yield "clock", render(build, now_s + turn * _STEP_S, turn)
    if processes is False:
        return
    for turn in range(1, n):
        try:
            yield "process", render_elsewhere(build, now_s, turn)
        except NotImportableError as error:
            if processes:
                raise ValueError(f"build: {error}") from error
            return


def render(build: Callable[[], Any], moment_s: float, turn: int) -> Rendered:
    """Render once, with the clock standing at `moment_s` and chance begun anew by `turn`."""
    state = random.getstate()
    random.seed(turn)
    try:
        with clock_at(moment_s):
            prompt = build()
            if inspect.isawaitable(prompt):
                prompt = asyncio.run(_awaited(prompt))
    finally:
        random.setstate(state)
    return rendered(prompt)


async def _awaited(prompt: Any) -> Any:
    return await prompt


def _first_difference(one: bytes, other: bytes) -> int:
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    low, high = 0, length
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _unstable(first: Rendered, other: Rendered, at: int, cause: str) -> PrefixUnstableError:
    region = first.region(at) if at < len(first.data) else other.region(at)
    text = (
        f"the prompt changes at byte {at:,} of {len(first.data):,}, in {region}\n"
        f"  one render:     {_around(first.data, at)}\n"
        f"  another render: {_around(other.data, at)}\n"
        f"  cause: {_CAUSES[cause]}\n"
        f"A provider can reuse {at:,} bytes of it. Move what changes behind what stays the same."
    )
    return PrefixUnstableError(text, at, region, cause)


def _around(data: bytes, at: int) -> str:
    before = data[max(at - _AROUND, 0) : at].decode("utf-8", "replace")
    after = data[at : at + _AROUND].decode("utf-8", "replace")
    return f"{before!r} then {after!r}" if after else f"{before!r} then its end"
