"""Prompt text of a stated number of tokens, made up from block ids so that equal blocks read equal.

The simulated provider counts four bytes as one token, so a block of 64 tokens is 256 bytes. The text means nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from paceline.demo.traces import BLOCK_TOKENS, Call

TOKEN_BYTES = 4


def block(session: str, number: int) -> str:
    """Return one block's text, the same for the same session and number. A prompt has up to a thousand: it is quick."""
    return hashlib.shake_128(f"{session}/{number}".encode()).hexdigest(BLOCK_TOKENS * TOKEN_BYTES // 2)


def text(session: str, blocks: Sequence[tuple[int, int]], tokens: int) -> str:
    """Return exactly `tokens` tokens of text that begins with the given runs of blocks."""
    numbers = [number for first, many in blocks for number in range(first, first + many)]
    spare = -1
    while len(numbers) * BLOCK_TOKENS < tokens:  # a trace that lists fewer blocks than tokens: fresh ones follow
        numbers.append(spare)
        spare -= 1
    needed = numbers[: -(-tokens // BLOCK_TOKENS)]
    return "".join(block(session, number) for number in needed)[: tokens * TOKEN_BYTES]


def split(call: Call, index: int) -> tuple[str, str]:
    """Return the system prompt and the user's part of a call; together they have its number of input tokens."""
    whole = text(call.session or f"call {index}", call.blocks, max(call.input_tokens, 1))
    cut = call.system_tokens * TOKEN_BYTES
    return whole[:cut], whole[cut:]
