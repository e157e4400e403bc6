"""Lengths of real requests, to draw from: the package's excerpts, or whole sets of the same form from a directory.

Reads `paceline/demo/data` as files; what a replay does with them is the demo's affair.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from paceline.governance.statistics.tally import Counts, Floats

__all__ = ["Lengths", "gaps", "lengths"]

_WHOLE = {"conv": "AzureLLMInferenceTrace_conv.csv.gz", "code": "AzureLLMInferenceTrace_code.csv.gz"}


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens in and out of real requests; a place in both arrays is one request."""

    input_tokens: Counts
    output_tokens: Counts


@cache
def lengths(name: str, whole: Path | None = None) -> Lengths:
    """Read `conv` or `code`: the excerpt, or the whole set where `whole` is a directory that has it."""
    rows = _rows(name, whole)
    return Lengths(
        np.array([row[1] for row in rows], dtype=np.int64), np.maximum(1, np.array([row[2] for row in rows], np.int64))
    )


@cache
def gaps(name: str, whole: Path | None = None) -> Floats:
    """Return the trace's arrival gaps with mean 1: the burstiness of real arrivals without their rate."""
    if whole and (whole / _WHOLE[name]).is_file():
        return gaps(name)
    at = np.array([row[0] for row in _rows(name, None)], dtype=np.float64)
    between = np.diff(np.sort(at))
    return np.asarray(between / between.mean(), dtype=np.float64)


def _rows(name: str, whole: Path | None) -> list[tuple[int, int, int]]:
    if whole and (whole / _WHOLE[name]).is_file():
        text = gzip.decompress((whole / _WHOLE[name]).read_bytes()).decode()
        return [
            (at, int(row["ContextTokens"]), int(row["GeneratedTokens"]))
            for at, row in enumerate(csv.DictReader(text.splitlines()))
        ]
    packed = (files("paceline") / "demo" / "data" / f"azure-{name}.csv.gz").read_bytes()
    return [
        (int(row["at_ms"]), int(row["input_tokens"]), int(row["output_tokens"]))
        for row in csv.DictReader(gzip.decompress(packed).decode().splitlines())
    ]
