"""The parts of a change add up, and each effect goes to its own part."""

from __future__ import annotations

import numpy as np
import pytest
from inline_snapshot import snapshot

from paceline.governance.statistics.reasons import Facts, reasons
from paceline.governance.statistics.split import Split, quantile, split
from paceline.governance.statistics.tally import Tally


def work(seed: int, *, long_share: float = 0.1, slower: float = 1.0, n: int = 40_000) -> Tally:
    draw = np.random.default_rng(seed)
    stratum = (draw.random(n) < long_share).astype(np.int64)
    seconds = np.where(stratum == 1, 6.0, 2.0) * np.exp(draw.normal(0, 0.3, n)) * slower
    bucket = np.ceil(np.log2(seconds) * 32).astype(np.int64) + 63
    return Tally(np.zeros(n, dtype=np.int64), stratum, np.maximum(bucket, 0), np.ones(n, dtype=np.int64))


@pytest.mark.parametrize(
    ("now", "peer", "wanted"),
    [
        (work(1), work(2), (1.0, 1.0, 1.0)),
        (work(1, long_share=0.25), work(2), (1.3, 1.0, 1.0)),
        (work(1, slower=1.2), work(2), (1.0, 1.0, 1.2)),
        (work(1, slower=1.2), work(2, slower=1.2), (1.0, 1.2, 1.0)),
        (work(1, slower=1.2, long_share=0.25), work(2), (1.3, 1.0, 1.2)),
    ],
    ids=["nothing", "longer prompts", "slower here", "slower everywhere", "both"],
)
def test_each_effect_goes_to_its_part(now: Tally, peer: Tally, wanted: tuple[float, float, float]) -> None:
    parts = split(work(3), now, [(work(4), peer)], 2)
    assert parts.mix * parts.provider * parts.own == pytest.approx(parts.total)
    mix, provider, own = wanted
    assert parts.provider == pytest.approx(provider, rel=0.03)
    assert parts.own == pytest.approx(own, rel=0.03)
    assert (parts.mix > 1.15) == (mix > 1)


def test_work_that_is_new_is_mix() -> None:
    fresh = Tally(*(np.array([v] * 100, dtype=np.int64) for v in (0, 5, 400, 1)))
    parts = split(work(3), fresh, [], 6)
    assert parts.own == pytest.approx(1.0)
    assert parts.shares == pytest.approx((1.0, 0.0, 0.0))
    assert Split(1.0, 1.0, 1.0, 1.0, peers=3).shares == (0.0, 0.0, 0.0)


def test_a_quantile_is_within_a_bucket_and_needs_requests() -> None:
    assert quantile(np.array([0.0, 0.0, 10.0]), 0.5) == pytest.approx(2 ** (2.5 / 32))
    with pytest.raises(ValueError, match="no requests"):
        quantile(np.zeros(3))


def facts(**changed: object) -> Facts:
    usual: dict[str, object] = {
        "input_tokens": 1_000.0,
        "output_tokens": 200.0,
        "cache_hits": 0.3,
        "retried": 0.01,
        "models": {"fast": 0.9, "large": 0.1},
        "deployments": {"east": 1.0},
    }
    return Facts(**(usual | changed))  # type: ignore[arg-type]


def test_the_words_for_everything_at_once() -> None:
    now = facts(
        input_tokens=1_800.0,
        output_tokens=150.0,
        cache_hits=0.1,
        retried=0.2,
        models={"fast": 0.5, "large": 0.5},
        deployments={"east": 0.6, "west": 0.4},
    )
    assert reasons(facts(), now, Split(1.716, 1.1, 1.2, 1.3, peers=3)) == snapshot(
        (
            "the same work is slower, and only here (+30%)",
            "the whole provider is slower (+20%)",
            "prompts are longer: 1,000 to 1,800 tokens on average (+80%)",
            "answers are shorter: 200 to 150 tokens on average (-25%)",
            "model fast has 50% of the requests, and had 90%",
            "deployment east has 60% of the requests, and had 100%",
            "cache hits fell from 30% to 10% of the requests",
            "retries rose from 1% to 20% of the requests",
        )
    )


def test_the_words_for_one_thing_and_for_nothing() -> None:
    assert reasons(facts(), facts(), Split(1.2, 1.0, 1.0, 1.2, peers=3)) == snapshot(
        ("the same work is slower, and only here (+20%)",)
    )
    assert reasons(facts(), facts(input_tokens=2_000.0), Split(1.3, 1.3, 1.0, 1.0, peers=3)) == snapshot(
        (
            "other work came: the mix alone makes the p95 higher (+30%)",
            "prompts are longer: 1,000 to 2,000 tokens on average (+100%)",
        )
    )
    assert reasons(facts(), facts(), Split(1.0, 1.0, 1.0, 1.0, peers=3)) == ()
    assert reasons(facts(), facts(), Split(0.8, 1.0, 0.8, 1.0)) == snapshot(("the whole provider is faster (-20%)",))
