"""The built-in classes of use cases: default limits, deadlines, cap, lane, each limit with its citation.

Owns these figures. A class of the standards file starts from one of them (see `limits`). Values are milliseconds, US
dollars or shares, by metric. A limit marked `ours` is a proposal of this project, not a published target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BUILT_IN",
    "METRICS",
    "PERCENTILES",
    "STREAMED_UPSTREAM",
    "BuiltInClass",
    "DeadlinesMs",
    "LaneName",
    "Limit",
    "read_limit",
]

LaneName = Literal["interactive", "standard", "batch"]

METRICS: dict[str, str] = {
    "ttft": "ttft_ms",
    "ttfv": "ttfv_ms",
    "tpot": "tpot_ms",
    "stall": "stall_ms",
    "total": "total_ms",
    "cost": "cost_usd",
    "error_share": "error_share",
    "job_age": "job_age_ms",
}
"""Metric as people write it -> as plan, records and ledger name it, in the order of the stored numbers."""

PERCENTILES = ("p50", "p90", "p95", "p99", "mean")
"""Percentiles in the order of the stored numbers; `mean` is for shares."""


def read_limit(text: str) -> tuple[str, str] | None:
    """Read `ttft p95` or `ttft.p95` as a metric, by the ledger's name, and a percentile; none for anything else."""
    metric, _, percentile = text.strip().replace(".", " ").partition(" ")
    known = {**METRICS, **{name: name for name in METRICS.values()}}
    at = percentile.strip() or ("mean" if metric == "error_share" else "")
    return (known[metric], at) if metric in known and at in PERCENTILES else None


@dataclass(frozen=True, slots=True)
class Limit:
    """`metric` at `percentile` must not exceed `value`; `source` says where the figure comes from."""

    metric: str
    percentile: str
    value: float
    source: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class DeadlinesMs:
    """When the gateway gives up on a provider, in milliseconds; 0 means never."""

    connect: int
    first_token: int
    stall: int
    total: int


STREAMED_UPSTREAM = frozenset({"chat", "chat-interactive", "chat-large", "reasoning", "agent", "voice"})
"""Classes whose deadlines for the first token and for stalls mean something for answers taken whole, too.

Not autocomplete and extraction, whose answers are short and judged as a whole, nor batch, where nobody waits.
"""


@dataclass(frozen=True, slots=True)
class BuiltInClass:
    """A class that ships with paceline."""

    name: str
    description: str
    limits: tuple[Limit, ...]
    deadlines: DeadlinesMs
    max_output_tokens: int | None
    lane: LaneName

    @property
    def stream_upstream(self) -> bool:
        """Tell whether the provider streams also where the caller wants the answer whole."""
        return self.name in STREAMED_UPSTREAM


_NIELSEN = "Nielsen (after Miller 1968): 1 s keeps the flow of thought"
_MLPERF_8B = "MLPerf Inference, closed division, Llama 3.1 8B conversational: TTFT 2000 ms, TPOT 100 ms at p99"
_MLPERF_INTERACTIVE = (
    "MLPerf Inference, closed division, interactive: Llama 3.1 8B 500/30 ms, Llama 2 70B 450/40 ms at p99"
)
_MLPERF_405B = "MLPerf Inference, closed division, Llama 3.1 405B: TTFT 6000 ms, TPOT 175 ms at p99"
_MLPERF_REASONING = (
    "MLPerf Inference, closed division, GPT-OSS-120B: TTFT 3000 ms, TPOT 80 ms at p99; DeepSeek-R1: 2000 ms, 80 ms"
)
_BRYSBAERT = "Brysbaert 2019: 238 words a minute, about 189 ms a token; 100 ms outpaces nearly every reader"
_COPILOT = "GitHub Copilot (Cheney, QCon): mean under 200 ms; JetBrains Full Line (arXiv 2405.08704): about 150 ms"
_DOHERTY = "Doherty: productivity breaks at 400 ms"
_CLAUDE_CODE = "measured on 46,218 requests of real Claude Code sessions"
_TURN_TAKING = "Stivers et al. 2009, by way of Soniox: people answer after 200 ms, voice agents feel slow past 800 ms"


_ALL = (
    BuiltInClass(
        "chat",
        "A person reads the answer as it is written.",
        (
            Limit("ttft", "p95", 1_000, _NIELSEN, ours=True),
            Limit("ttft", "p99", 2_000, _MLPERF_8B),
            Limit("tpot", "p99", 100, f"{_MLPERF_8B}; {_BRYSBAERT}"),
            Limit("stall", "p99", 1_000, _NIELSEN, ours=True),
            Limit("error_share", "mean", 0.005, "failed requests of a service that people rely on", ours=True),
        ),
        DeadlinesMs(connect=3_000, first_token=15_000, stall=15_000, total=120_000),
        1_024,
        "interactive",
    ),
    BuiltInClass(
        "chat-interactive",
        "Chat where quickness is the feature.",
        (
            Limit("ttft", "p99", 500, _MLPERF_INTERACTIVE),
            Limit("tpot", "p99", 40, _MLPERF_INTERACTIVE),
            Limit("stall", "p99", 500, "half of chat's", ours=True),
        ),
        DeadlinesMs(connect=2_000, first_token=8_000, stall=8_000, total=60_000),
        512,
        "interactive",
    ),
    BuiltInClass(
        "chat-large",
        "Chat on models over 200 B parameters, or on long prompts.",
        (Limit("ttft", "p99", 6_000, _MLPERF_405B), Limit("tpot", "p99", 175, _MLPERF_405B)),
        DeadlinesMs(connect=3_000, first_token=45_000, stall=30_000, total=300_000),
        2_048,
        "interactive",
    ),
    BuiltInClass(
        "reasoning",
        "The model thinks before it answers; set a limit for ttfv that suits the feature.",
        (Limit("ttft", "p99", 3_000, _MLPERF_REASONING), Limit("tpot", "p99", 80, _MLPERF_REASONING)),
        DeadlinesMs(connect=3_000, first_token=60_000, stall=60_000, total=600_000),
        16_384,
        "standard",
    ),
    BuiltInClass(
        "autocomplete",
        "A suggestion while a person types; late means useless.",
        (
            Limit("total", "p50", 200, _COPILOT, ours=True),
            Limit("total", "p95", 400, _DOHERTY, ours=True),
            Limit("total", "p99", 1_000, _NIELSEN, ours=True),
        ),
        DeadlinesMs(connect=1_000, first_token=2_000, stall=1_000, total=3_000),
        64,
        "interactive",
    ),
    BuiltInClass(
        "agent",
        "A program that works in turns with tools on long, mostly cached prompts.",
        (
            Limit("ttft", "p50", 3_000, f"{_CLAUDE_CODE}: p50 2.51 s", ours=True),
            Limit("ttft", "p95", 10_000, f"{_CLAUDE_CODE}: p95 9.84 s", ours=True),
            Limit("ttft", "p99", 20_000, f"{_CLAUDE_CODE}: p99 19.6 s", ours=True),
            Limit("tpot", "p99", 40, f"{_CLAUDE_CODE}: p99 33 ms", ours=True),
            Limit("total", "p95", 30_000, "one turn", ours=True),
        ),
        DeadlinesMs(connect=3_000, first_token=60_000, stall=60_000, total=600_000),
        8_192,
        "standard",
    ),
    BuiltInClass(
        "voice",
        "The answer is spoken.",
        (
            Limit("ttft", "p95", 400, _TURN_TAKING, ours=True),
            Limit("tpot", "p99", 100, f"{_TURN_TAKING}; speech is slower than this", ours=True),
        ),
        DeadlinesMs(connect=1_000, first_token=3_000, stall=2_000, total=30_000),
        256,
        "interactive",
    ),
    BuiltInClass(
        "extraction",
        "Short structured output from a given text; a program waits for it.",
        (
            Limit("total", "p50", 2_000, "a short structured answer", ours=True),
            Limit("total", "p95", 5_000, "beside GuideLLM's example of 3 to 5 s for a whole answer", ours=True),
            Limit("total", "p99", 10_000, "Nielsen: 10 s keeps attention", ours=True),
            Limit("error_share", "mean", 0.01, "programs retry", ours=True),
        ),
        DeadlinesMs(connect=3_000, first_token=15_000, stall=10_000, total=30_000),
        512,
        "standard",
    ),
    BuiltInClass(
        "batch",
        "Nobody waits; the job has a deadline, and must not slow interactive traffic.",
        (Limit("job_age", "p99", 86_400_000, "the 24 h window of hosted batch APIs", ours=True),),
        DeadlinesMs(connect=10_000, first_token=0, stall=120_000, total=1_800_000),
        4_096,
        "batch",
    ),
)

BUILT_IN: dict[str, BuiltInClass] = {each.name: each for each in _ALL}
"""The classes that ship with paceline, by name."""
