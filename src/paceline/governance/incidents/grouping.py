"""Puts incidents that belong together under one: limits of one use case, and services on one provider.

One parent speaks for its children: they are measured and closed by their own rules, and tell nobody. Owns who is whose
parent, and the life of parents that stand for a provider.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.judging import ACTOR, RANK, Happened
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.ledger import Ledger
from paceline.ledger.incidents import BREACH, Incident, IncidentEvent, LimitKey, WatchWriter

__all__ = ["PROVIDER", "group"]

PROVIDER: Final = "provider"
"""The kind of an incident that stands for a provider."""

_ALIKE: Final = {BREACH, "regression", "errors"}
"""Kinds that have the same causes."""
_SERVICES: Final = 3
"""Services with trouble on one provider, from which on it is the provider's."""
_TOGETHER_US: Final = 3_600_000_000
"""They began within so long of each other."""


def group(ledger: Ledger, now: float, owner: str = "") -> list[Happened]:
    """Find parents for open incidents, and let go of those whose parent has ended. `owner` answers for providers.

    Raises `LedgerError`.
    """
    if not any(one.kind in _ALIKE or one.kind == PROVIDER for one in ledger.incidents.list()):
        return []
    with ledger.incidents.changing() as change:
        grouping = _Grouping(change, int(now * 1e6), owner)
        grouping.release()
        grouping.limits_of_one_use_case()
        grouping.services_of_one_provider()
        grouping.close_providers()
        return grouping.happened


class _Grouping:
    def __init__(self, change: WatchWriter, now_us: int, owner: str) -> None:
        self._change, self._now_us, self._owner = change, now_us, owner
        self.happened: list[Happened] = []

    def _open(self, *, alone: bool = True) -> list[Incident]:
        found = [one for one in self._change.open_ones() if not alone or not one.parent]
        return sorted(found, key=lambda one: (one.detected_us, one.id))

    def release(self) -> None:
        """Let children whose parent has ended stand for themselves."""
        known = {one.id for one in self._open(alone=False)}
        for one in self._open(alone=False):
            if one.parent and one.parent not in known:
                text = f"{one.parent} has ended and this goes on"
                self._change.change(one.id, {"parent": ""}, self._event(text))

    def limits_of_one_use_case(self) -> None:
        """Let the first speak for the others."""
        by_use_case: defaultdict[tuple[str, str], list[Incident]] = defaultdict(list)
        for one in self._open():
            if one.kind in _ALIKE and one.limit.use_case:
                by_use_case[one.limit.service, one.limit.use_case].append(one)
        for first, *others in by_use_case.values():
            self._adopt(first, others)

    def services_of_one_provider(self) -> None:
        """Open an incident for a provider on which several services have trouble at once."""
        parents = {one.limit.metric: one for one in self._open() if one.kind == PROVIDER}
        by_provider: defaultdict[str, list[Incident]] = defaultdict(list)
        for one in self._open():
            if one.kind in _ALIKE and one.provider:
                by_provider[one.provider].append(one)
        for provider, children in sorted(by_provider.items()):
            parent, near = parents.get(provider), _near(children)
            if parent is not None:
                self._adopt(parent, [one for one in children if abs(one.since_us - parent.since_us) <= _TOGETHER_US])
            elif len({one.limit.service for one in near}) >= _SERVICES:
                self._adopt(self._begin(provider, near), near)

    def close_providers(self) -> None:
        """End a provider's incident when none of its children is open."""
        needed = {one.parent for one in self._open(alone=False)}
        for one in self._open():
            if one.kind == PROVIDER and one.id not in needed:
                ended = {"state": IncidentState.RESOLVED.value, "ended_us": self._now_us}
                ended["reason"] = one.reason or Reason.PROVIDER.value
                text = "resolved: no service has trouble with it any more"
                self._change.change(one.id, ended, self._event(text, "state"))
                self.happened.append(Happened(one.id, "closed"))

    def _begin(self, provider: str, children: Sequence[Incident]) -> Incident:
        names = sorted({one.limit.service for one in children})
        what = f"provider {provider} is slow or failing for {len(names)} services: {', '.join(names)}"
        facts = Facts(what=what, next_step="look at the provider's status page; fallbacks take over where they are set")
        values = {
            "kind": PROVIDER,
            "state": IncidentState.DETECTED.value,
            "severity": _worst(children).value,
            "owner": self._owner,
            "since_us": min(one.since_us for one in children),
            "detected_us": self._now_us,
            "provider": provider,
            "facts": facts.dumped(),
            "n": 0,
            "over_limit": 0,
            "allowed": 0.0,
        }
        subject = LimitKey("", "", provider, "")
        number = self._change.open(values, subject, self._event(what, "detected"))
        self.happened.append(Happened(number, "opened"))
        opened = self._change.get(number)
        assert opened is not None  # noqa: S101  # written above, in this transaction
        return opened

    def _adopt(self, parent: Incident, children: Iterable[Incident]) -> None:
        adopted = [one for one in children if one.id != parent.id]
        for one in adopted:
            said = limit_words(one.limit) if one.kind == BREACH else Facts.loaded(one.facts).what
            self._change.change(one.id, {"parent": parent.id}, self._event(f"belongs to {parent.id}"))
            where = f"{one.limit.service} / {one.limit.use_case}: " if one.limit.service != parent.limit.service else ""
            self._change.note(parent.id, self._event(f"with it {one.id}: {where}{said}"))
        worst = _worst([parent, *adopted])
        if worst.value != parent.severity:
            text = f"{parent.severity} → {worst.value}, by {', '.join(one.id for one in adopted)}"
            self._change.change(parent.id, {"severity": worst.value}, self._event(text, "severity"))
            self.happened.append(Happened(parent.id, "worsened"))

    def _event(self, text: str, kind: str = "fact") -> IncidentEvent:
        return IncidentEvent(self._now_us, ACTOR, kind, text)


def _near(children: Sequence[Incident]) -> list[Incident]:
    """Return the largest set that began within the time of each other."""
    ordered = sorted(children, key=lambda one: one.since_us)
    sets = [[one for one in ordered if 0 <= one.since_us - first.since_us <= _TOGETHER_US] for first in ordered]
    return max(sets, key=len, default=[])


def _worst(incidents: Iterable[Incident]) -> Severity:
    return max((Severity(one.severity) for one in incidents), key=RANK.index)
