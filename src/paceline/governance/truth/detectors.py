"""Three detectors over the same traffic: ours, a rule on the raw p95, and E-divisive on the adjusted hourly series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from paceline.governance.statistics.onset import adjusted, change_points
from paceline.governance.statistics.regression import Look, alarms, baseline_hours, look
from paceline.governance.statistics.tally import Hourly, Tally, added, excess, thresholds
from paceline.governance.truth.traffic import DAY, STRATA, Effect, Scene, Work, run

__all__ = ["DETECTORS", "Found", "trial"]

DETECTORS: Final = ("ours", "raw p95 +10 %", "E-divisive")
_LOOK_EVERY_H: Final = 2
_FIRST_LOOK_H: Final = 6
_SERIES_H: Final = 4 * DAY


@dataclass(frozen=True, slots=True)
class Found:
    """Which detectors raised an alarm within a day of the onset, and how far off ours dates it in hours."""

    ours: bool
    raw: bool
    divisive: bool
    onset_off_h: int | None


def trial(scene: Scene, effect: Effect, seed: int) -> Found:
    """Make one month and one day of traffic, and let every detector look at the last day."""
    own, peers = run(scene, effect, seed)
    mine, theirs = own.tally(), [peer.tally() for peer in peers]
    points = _points(mine, theirs, scene)
    ours = _ours(mine, theirs, scene, seed)
    nearest = min(points, key=lambda at: abs(at - scene.onset), default=None)
    return Found(
        ours=ours,
        raw=_raw(own, scene),
        divisive=any(at >= scene.onset - 2 for at in points),
        onset_off_h=nearest - scene.onset if ours and nearest is not None else None,
    )


def _ours(own: Tally, peers: list[Tally], scene: Scene, seed: int) -> bool:
    """Look every two hours at the last 24, as the control process does; an alarm at any look counts."""
    before: Look | None = None
    for end in range(scene.onset + _FIRST_LOOK_H, scene.onset + DAY + 1, _LOOK_EVERY_H):
        now = look(own, peers, np.arange(end - DAY, end), STRATA, seed)
        if alarms([(before, now)])[0]:
            return True
        before = now
    return False


def _raw(own: Work, scene: Scene) -> bool:
    """Compare the last day's raw p95 with the same weekdays': 10 % more is an alarm."""
    hours = np.arange(scene.onset, scene.onset + DAY)
    now = own.total_s[np.isin(own.hour, hours)]
    before = own.total_s[np.isin(own.hour, baseline_hours(hours))]
    return bool(np.quantile(now, 0.95) > 1.10 * np.quantile(before, 0.95))


def _points(own: Tally, peers: list[Tally], scene: Scene) -> list[int]:
    """Find the change points of the last four days' hourly series, adjusted for mix and peers."""
    hours = np.arange(scene.onset + DAY - _SERIES_H, scene.onset + DAY)
    before = baseline_hours(hours, 3)

    def hourly(tally: Tally) -> Hourly:
        return excess(tally.during(hours), thresholds(tally.during(before), STRATA), hours)

    theirs = [hourly(peer) for peer in peers]
    together = added(theirs) if theirs else None
    return [int(hours[0]) + point.at for point in change_points(adjusted(hourly(own), together))]
