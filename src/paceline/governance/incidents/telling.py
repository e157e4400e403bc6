"""Decides who hears what of an incident, and writes it to the outbox: opened, worse, overdue, still open, over.

What was told stands in the incident and is written together with the messages, so that nothing is lost or told twice by
a crash. Children of another incident and what a waiver accepts are not told. Owns no words beyond those of `Alert`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.channels import channels, not_before
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.judging import RANK
from paceline.governance.incidents.states import IncidentState, due
from paceline.governance.waivers import Waiver, in_force
from paceline.ledger import Ledger
from paceline.ledger.incidents import BREACH, Incident
from paceline.ledger.outbox import Draft
from paceline.standards import Standards

__all__ = ["alert_of", "remind_of_waivers", "tell"]

_OVER: Final = "resolved"
_REMIND_DAYS: Final = (1, 7, 14)
_RECENT: Final = timedelta(days=7)
"""What ended longer ago is not looked at any more."""


@dataclass(frozen=True, slots=True)
class _News:
    event: str
    told: str
    """What the incident keeps of it."""


def tell(ledger: Ledger, standards: Standards, now: float) -> int:
    """Write the messages that are due; return how many. `now`: Unix seconds. Raises `LedgerError`."""
    now_us = int(now * 1e6)
    since = now_us - int(_RECENT.total_seconds() * 1e6)
    remind = timedelta(milliseconds=standards.options.alerting.remind_every)
    pending = [
        (one, news)
        for one in ledger.incidents.list(ended_since_us=since)
        if (news := _news(one, now_us, remind)) is not None
    ]
    if not pending:
        return 0
    drafts = {one.id: list(_drafts(one, news, ledger, standards, now_us)) for one, news in pending}
    written = 0
    with ledger.incidents.changing() as change:
        for one, news in reversed(pending):
            if change.get(one.id) != one:
                continue  # it has just changed: the next round tells what it is then
            change.tell(one.id, news.told, now_us, drafts[one.id])
            written += len(drafts[one.id])
    return written


def remind_of_waivers(ledger: Ledger, standards: Standards, now: float) -> int:
    """Write to owners whose waivers end in two weeks, a week, a day; once each. Raises `LedgerError`."""
    moment, written = datetime.fromtimestamp(now, UTC), 0
    for one in in_force(ledger, standards, now).all:
        left = one.days_left(moment)
        stage = next((days for days in _REMIND_DAYS if left is not None and left < days), None)
        if stage is None or one.ends is None:
            continue
        subject = f"waiver {one.id} {one.ends:%Y-%m-%d} {stage}"
        if ledger.outbox.of(subject):
            continue
        service = standards.options.services.get(one.service)
        owner = (service.owner or "") if service is not None else ""
        alert = _waiver_alert(one, subject, owner, moment)
        drafts = [
            Draft(each.team, each.name, "reminder", alert.dumped(), int(now * 1e6))
            for each in channels(standards, owner, Severity.TICKET)
        ]
        ledger.outbox.put(subject, int(now * 1e6), drafts)
        written += len(drafts)
    return written


def _waiver_alert(one: Waiver, subject: str, owner: str, now: datetime) -> Alert:
    return Alert(
        incident=subject,
        state=State.FIRING,
        severity=Severity.TICKET,
        service=one.service,
        use_case=one.use_case,
        owner=owner,
        contact="",
        what=f"the waiver for {one.scope.partition(': ')[2]} ends on {one.ends:%Y-%m-%d}",
        since=one.starts or now,
        changed=(f"{one.reason} (asked for by {one.requester}, approved by {one.approver})",),
        next_step="bring it within the standards, or ask again: paceline waivers request",
    )


def alert_of(incident: Incident, standards: Standards, event: str = "") -> Alert:
    """Put an incident into an alert."""
    facts, options = Facts.loaded(incident.facts), standards.options
    team = options.teams.get(incident.owner)
    link = options.alerting.link
    return Alert(
        incident=incident.id,
        state=State.FIRING if incident.is_open else State.RESOLVED,
        severity=Severity(incident.severity),
        service=incident.limit.service or f"provider {incident.provider}",
        use_case=incident.limit.use_case,
        owner=incident.owner,
        contact=team.contact if team is not None else "",
        what=facts.what or f"{limit_words(incident.limit)} is over its limit",
        since=_moment(incident.since_us),
        ended=None if incident.ended_us is None else _moment(incident.ended_us),
        share_over=facts.share_over if incident.is_open else None,
        share_allowed=incident.allowed if incident.kind == BREACH else None,
        budget_left=facts.budget_left,
        days_left=facts.days_left,
        changed=facts.changed,
        next_step=facts.next_step or f"paceline incidents show {incident.id}",
        link=f"{link}/incidents/{incident.id}" if link else "",
        event=event if event in ("worsened", "reminder", "overdue", "test") else "",
    )


def _news(one: Incident, now_us: int, remind: timedelta) -> _News | None:
    """Return what is to be told of an incident; none when its owner knows."""
    before, _, stage = one.told.partition(" ")
    is_told = before not in ("", _OVER)
    if not one.is_open:
        return _News(_OVER, _OVER) if is_told else None
    if one.parent:
        return None
    if not is_told:
        return _News("opened", one.severity)
    if RANK.index(Severity(one.severity)) > RANK.index(Severity(before)):
        return _News("worsened", f"{one.severity} {stage}".strip())
    return _late(one, now_us, stage, remind)


def _late(one: Incident, now_us: int, stage: str, remind: timedelta) -> _News | None:
    """Return what is told only because of the time that has passed."""
    next_due = due(Severity(one.severity), IncidentState(one.state), _moment(one.detected_us))
    if next_due is not None and next_due[1] <= _moment(now_us) and stage != next_due[0].value:
        return _News("overdue", f"{one.severity} {next_due[0].value}")
    is_long_ago = one.told_us is not None and timedelta(microseconds=now_us - one.told_us) >= remind
    return _News("reminder", one.told) if is_long_ago else None


def _drafts(one: Incident, news: _News, ledger: Ledger, standards: Standards, now_us: int) -> Iterable[Draft]:
    alert = alert_of(one, standards, news.event)
    text = alert.dumped()
    for team in _teams(one, news, standards):
        options = standards.options.teams.get(team)
        at = not_before(options.quiet_hours if options is not None else None, alert.severity, _moment(now_us))
        due_us = int(at.timestamp() * 1e6)
        for channel in channels(standards, team, alert.severity) if news.event != _OVER else ():
            yield Draft(channel.team, channel.name, news.event, text, due_us)
    if news.event == _OVER:  # whoever heard that it is there hears that it is over
        for heard, name in dict.fromkeys((each.team, each.channel) for each in ledger.outbox.of(one.id)):
            yield Draft(heard, name, news.event, text, now_us)


def _teams(one: Incident, news: _News, standards: Standards) -> list[str]:
    """Name the owner, and past a due time the team it escalates to."""
    team = standards.options.teams.get(one.owner)
    above = [team.escalate_to] if news.event == "overdue" and team is not None and team.escalate_to else []
    return [one.owner, *above]


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)
