"""Follows signals: one that is on opens or continues an incident, one that stays off closes it, silence freezes it.

Breaches have a test and a closing rule of their own (`watch`); everything else that looks find comes through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.closing import continues
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.judging import ACTOR, RANK, Happened
from paceline.governance.incidents.rules import Accepted, Rules
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.ledger import Ledger
from paceline.ledger.incidents import Incident, IncidentEvent, LimitKey, WatchWriter

__all__ = ["QUIET", "follow", "subject_of"]

QUIET: Final = {
    Severity.PAGE: timedelta(hours=1),
    Severity.URGENT: timedelta(hours=6),
    Severity.TICKET: timedelta(days=1),
}
"""How long a signal has to be off before its incident closes."""
_REMEMBERED: Final = timedelta(days=31)
"""What ended longer ago has no say."""
_SILENCED: Final = timedelta(days=7)
"""What a person ended comes back when it was off in between, or after so long."""


def subject_of(signal: Signal) -> LimitKey:
    """Return what tells an incident of this signal from others of its kind."""
    return LimitKey(signal.service, signal.use_case, signal.measure, "")


def follow(ledger: Ledger, signals: Iterable[Signal], now: float, rules: Rules) -> list[Happened]:
    """Open, move and close incidents by what looks found. `now`: Unix seconds. Raises `LedgerError`."""
    now_us, minute = int(now * 1e6), int(now // 60)
    found = [one for one in signals if not rules.is_excluded(one.service, one.use_case, minute)]
    if not found:
        return []
    with ledger.incidents.changing() as change:
        since = now_us - int(_REMEMBERED.total_seconds() * 1e6)
        latest = change.latest_by_kind({one.kind for one in found}, since)
        steps = [_Step(change, one, now_us, rules).take(latest.get((one.kind, subject_of(one)))) for one in found]
    return [step for step in steps if step is not None]


class _Step:
    """One signal beside its latest incident."""

    def __init__(self, change: WatchWriter, signal: Signal, now_us: int, rules: Rules) -> None:
        self._change, self._signal, self._now_us, self._rules = change, signal, now_us, rules
        self._subject = subject_of(signal)

    def take(self, latest: Incident | None) -> Happened | None:
        if self._signal.state is Measured.ON:
            return self._on(latest)
        if self._signal.state is Measured.OFF and latest is not None:
            return self._off(latest)
        return None

    def _on(self, latest: Incident | None) -> Happened | None:
        accepted = self._rules.accepted(self._subject)
        if latest is None or not latest.is_open:
            if latest is not None and (self._stays_ended(latest) or (accepted and latest.waiver)):
                return None
            begun = self._begin(latest)
            return self._accept(begun.incident, accepted) if accepted else begun
        self._change.change(latest.id, {"facts": self._facts(), "good_since_us": None})
        if accepted is not None:
            return self._accept(latest.id, accepted)
        before = Severity(latest.severity)
        if RANK.index(self._signal.severity) > RANK.index(before):
            text = f"{before.value} → {self._signal.severity.value}: {self._signal.what}"
            self._change.change(latest.id, {"severity": self._signal.severity.value}, self._event("severity", text))
            return Happened(latest.id, "worsened")
        return None

    def _off(self, latest: Incident) -> Happened | None:
        if latest.good_since_us is None:
            self._change.change(latest.id, {"good_since_us": self._now_us})
        elif latest.is_open:
            off_for = timedelta(microseconds=self._now_us - latest.good_since_us)
            if off_for >= QUIET[Severity(latest.severity)]:
                text = f"resolved: it has been well for {off_for.total_seconds() / 3600:.0f} hours"
                ended = {"state": IncidentState.RESOLVED.value, "ended_us": self._now_us}
                ended["reason"] = latest.reason or Reason.UNKNOWN.value
                self._change.change(latest.id, ended, self._event("state", text))
                return Happened(latest.id, "closed")
        return None

    def _stays_ended(self, latest: Incident) -> bool:
        """Tell whether a person ended it and the signal has not been off since: their word holds."""
        ended = timedelta(microseconds=self._now_us - (latest.ended_us or 0))
        return latest.good_since_us is None and not latest.waiver and ended < _SILENCED

    def _begin(self, latest: Incident | None) -> Happened:
        signal = self._signal
        values: dict[str, str | int | float | None] = {
            "state": IncidentState.DETECTED.value,
            "severity": signal.severity.value,
            "since_us": int(signal.since_s * 1e6) if signal.since_s else self._now_us,
            "provider": signal.provider,
            "facts": self._facts(),
            "good_since_us": None,
            "told": "",
            "waiver": "",
        }
        ended = timedelta(microseconds=self._now_us - latest.ended_us) if latest and latest.ended_us else None
        if latest is not None and ended is not None and continues(ended):
            values |= {"ended_us": None, "reason": "", "since_us": latest.since_us}
            self._change.change(latest.id, values, self._event("state", f"continues: {signal.what}"))
            return Happened(latest.id, "continued")
        values |= {"kind": signal.kind, "owner": self._rules.owner(signal.service), "detected_us": self._now_us}
        values |= {"n": 0, "over_limit": 0, "allowed": 0.0}
        number = self._change.open(values, self._subject, self._event("detected", signal.what))
        for text in signal.changed:
            self._change.note(number, self._event("fact", text))
        return Happened(number, "opened")

    def _accept(self, number: str, by: Accepted) -> Happened:
        text = f"accepted by waiver {by.waiver} until {by.until:%Y-%m-%d}; it is measured on, and tells nobody"
        ended = {"state": IncidentState.ACCEPTED.value, "ended_us": self._now_us, "waiver": by.waiver}
        self._change.change(number, ended, self._event("state", text))
        return Happened(number, "accepted")

    def _facts(self) -> str:
        signal = self._signal
        return Facts(what=signal.what, changed=signal.changed, next_step=signal.next_step).dumped()

    def _event(self, kind: str, text: str) -> IncidentEvent:
        return IncidentEvent(self._now_us, ACTOR, kind, text)
