"""Makes the traffic of services on one provider, with known effects: real lengths, day and week, a drifting provider.

Latency is a fixed part, a part by input tokens and a part by output tokens, times the provider's state (shared by all),
the service's own state (not shared, so that peers are no perfect control), the load and a request's own noise. States
are autocorrelated. All draws come from one seed. It ranks methods; it does not foretell a production's rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from paceline.governance.statistics.tally import Counts, Floats, Tally
from paceline.governance.truth.lengths import gaps, lengths

__all__ = ["EFFECTS", "STRATA", "Effect", "Scene", "Work", "run"]

DAY: Final = 24
_INPUT_BOUNDS: Final = (1_000, 4_000, 16_000, 64_000)
_OUTPUT_BOUNDS: Final = (64, 256, 1_000)
_OUTPUTS: Final = len(_OUTPUT_BOUNDS) + 1
DEPLOYMENTS: Final = 2
STRATA: Final = (len(_INPUT_BOUNDS) + 1) * _OUTPUTS * DEPLOYMENTS
_FIRST_BUCKET: Final = -64
"""The sketches' bucket that is 0 here: values of 2^(-64/32) s."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes at the onset. Factors of latency, and the share of long prompts."""

    name: str
    is_slower: bool
    """True where the service itself got slower: the alarm that must come."""
    own: float = 1.0
    provider: float = 1.0
    deployment: float = 1.0
    """Of the second deployment only, which gets 40 % of the calls."""
    slow_share: float = 0.0
    slow_factor: float = 1.0
    long_share: float = 0.10


EFFECTS: Final = (
    Effect("none", is_slower=False),
    Effect("mix shift", is_slower=False, long_share=0.25),
    Effect("+10 %", is_slower=True, own=1.10),
    Effect("+20 %", is_slower=True, own=1.20),
    Effect("4 % of calls 2x", is_slower=True, slow_share=0.04, slow_factor=2.0),
    Effect("+20 % hidden", is_slower=True, own=1.20, long_share=0.04),
    Effect("provider +20 %", is_slower=False, provider=1.20),
    Effect("one deployment +30 %", is_slower=True, deployment=1.30),
)
"""The effects of issue 5. A provider-wide one is the provider's incident, not each service's."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How much traffic there is, for how long, and how unsteady the provider is."""

    hours: int = 29 * DAY
    onset: int = 28 * DAY
    rate: float = 150.0
    """Requests per hour, the mean of a working day, of the service and of each peer."""
    peers: int = 3
    state: float = 0.03
    """Standard deviation of the provider's log state: 0.03 is calm, 0.10 is noisy."""
    own_state: float = 0.01
    noise: float = 0.35
    """Standard deviation of a request's log latency, lengths given."""
    whole: Path | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Work:
    """One service's requests in order of hour, a place in each array is one request."""

    hour: Counts
    input_tokens: Counts
    output_tokens: Counts
    deployment: Counts
    total_s: Floats

    @property
    def stratum(self) -> Counts:
        """Number of the stratum, below `STRATA`."""
        cell = np.searchsorted(_INPUT_BOUNDS, self.input_tokens, side="right") * _OUTPUTS
        cell += np.searchsorted(_OUTPUT_BOUNDS, self.output_tokens, side="right")
        return np.asarray(cell * DEPLOYMENTS + self.deployment, dtype=np.int64)

    def tally(self) -> Tally:
        """Count it as the ledger does: buckets of 2^(1/32)."""
        bucket = np.ceil(np.log2(self.total_s) * 32).astype(np.int64) - 1 - _FIRST_BUCKET
        one = np.ones(len(bucket), dtype=np.int64)
        return Tally(self.hour, self.stratum, np.clip(bucket, 0, 640), one, self.input_tokens)


def run(scene: Scene, effect: Effect, seed: int) -> tuple[Work, list[Work]]:
    """Make a service with an effect from the onset on, and its peers, which only the provider's part of it touches."""
    draw = np.random.default_rng(seed)
    provider = np.exp(_drift(draw, scene.hours, scene.state))
    provider[scene.onset :] *= effect.provider
    peers = [_service(draw, scene, Effect("none", is_slower=False), provider) for _ in range(scene.peers)]
    return _service(draw, scene, effect, provider), peers


def load(hours: int) -> Floats:
    """Traffic by hour of the week, 1 at the peak: afternoons of working days; nights 25 %, weekends 40 % of it."""
    hour = np.arange(hours)
    day = 0.625 + 0.375 * np.cos((hour % DAY - 15) * 2 * math.pi / DAY)
    return np.asarray(day * np.where(hour // DAY % 7 >= 5, 0.4, 1.0), dtype=np.float64)


def _drift(draw: np.random.Generator, hours: int, deviation: float, rho: float = 0.8) -> Floats:
    """Draw an AR(1) by hour with this standard deviation."""
    steps = draw.normal(0.0, deviation * math.sqrt(1 - rho * rho), hours)
    state = np.empty(hours)
    now = draw.normal(0.0, deviation)
    for at in range(hours):
        now = rho * now + steps[at]
        state[at] = now
    return state


def _arrivals(draw: np.random.Generator, scene: Scene) -> Counts:
    """Hours of requests: the trace's own gaps, shuffled, on a clock that runs with the load."""
    clock = np.concatenate([[0.0], np.cumsum(load(scene.hours) * scene.rate / load(DAY).mean())])
    real = gaps("conv", scene.whole)
    many = int(clock[-1] * 1.1) + 100
    at = np.cumsum(draw.choice(real, many))
    at = at[at < clock[-1]]
    return np.asarray(np.searchsorted(clock, at, side="right") - 1, dtype=np.int64)


def _prompts(draw: np.random.Generator, scene: Scene, is_long: npt.NDArray[np.bool_]) -> tuple[Counts, Counts]:
    """Real lengths; a long prompt is a conversation's with a document of median 12,000 tokens before it."""
    real = lengths("conv", scene.whole)
    pick = draw.integers(0, len(real.input_tokens), len(is_long))
    document = np.exp(draw.normal(math.log(12_000), 0.5, len(is_long)))
    inputs = real.input_tokens[pick] + np.where(is_long, document, 0.0).astype(np.int64)
    return inputs, real.output_tokens[pick]


def _service(draw: np.random.Generator, scene: Scene, effect: Effect, provider: Floats) -> Work:
    hour = _arrivals(draw, scene)
    many = len(hour)
    after = hour >= scene.onset
    is_long = draw.random(many) < np.where(after, effect.long_share, 0.10)
    inputs, outputs = _prompts(draw, scene, is_long)
    deployment = (draw.random(many) < 0.4).astype(np.int64)
    own = np.exp(_drift(draw, scene.hours, scene.own_state))
    factor = provider[hour] * own[hour] * (1 + 0.1 * load(scene.hours)[hour])
    factor = factor * np.exp(draw.normal(0.0, scene.noise, many))
    slow = draw.random(many) < effect.slow_share
    change = effect.own * np.where(deployment == 1, effect.deployment, 1.0) * np.where(slow, effect.slow_factor, 1.0)
    total = (0.15 + inputs * 150e-6 + outputs * 12e-3) * factor * np.where(after, change, 1.0)
    return Work(hour, inputs, outputs, deployment, total)
