"""Incidents: the list, and one with its timeline, its messages, how its limit went, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from paceline.dashboard.charts import Line, LineChart, Mark, line_chart
from paceline.dashboard.sources import Sources
from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.states import REASONS, IncidentState, due
from paceline.ledger.incidents import BREACH, Incident
from paceline.ledger.reading import Resolution

__all__ = ["KINDS_SHOWN", "STATES", "listed", "one", "shown", "summary", "words_of"]

STATES: Final = ("open", "ended", "all")
KINDS_SHOWN: Final = ("page", "urgent", "ticket")
_BACK_S: Final = 28 * 86_400
_BEFORE_S: Final = 6 * 3_600
_COURSES: Final[tuple[tuple[float, Resolution], ...]] = ((43_200, 10), (float("inf"), 60))
"""Up to this length in seconds: the rows that a course is read from."""
_COURSE_MAX_S: Final = 7 * 86_400


def listed(sources: Sources, state: str, chosen: dict[str, str | None]) -> dict[str, Any]:
    """Return the open ones, or those that ended in the last 28 days too; `chosen`: team, severity, service."""
    found = _recent(sources)
    in_state = [each for each in found if state == "all" or each.is_open == (state == "open")]
    wanted = {name: value for name, value in chosen.items() if value}
    left = [each for each in in_state if all(_of(each, name) == value for name, value in wanted.items())]
    rows = [shown(each) for each in left]
    return {
        "rows": sorted(rows, key=lambda row: not row["incident"].is_open),
        "state": state,
        "chosen": chosen,
        "summary": summary(sources, found),
        "teams": sorted({each.owner for each in found} - {""}),
        "services": sorted({each.limit.service for each in found} - {""}),
        "total": len(in_state),
        "now": sources.clock(),
    }


def summary(sources: Sources, found: Sequence[Incident] | None = None) -> dict[str, Any]:
    """Return how many are open, how many of them wait too long, and how fast people and services were in 28 days."""
    found = _recent(sources) if found is None else found
    first = sources.ledger.incidents.first_acts(int((sources.clock() - _BACK_S) * 1e6))
    taken = [(first[each.id] - each.detected_us) / 1e6 for each in found if each.id in first]
    ended = [(each.ended_us - each.detected_us) / 1e6 for each in found if each.ended_us is not None]
    open_ones = [each for each in found if each.is_open]
    return {
        "open": len(open_ones),
        "pages": sum(each.severity == Severity.PAGE for each in open_ones),
        "overdue": sum(_is_overdue(each, sources.clock()) for each in open_ones),
        "ended": len(ended),
        "acknowledged_s": sum(taken) / len(taken) if taken else None,
        "ended_s": sum(ended) / len(ended) if ended else None,
    }


def one(sources: Sources, number: str) -> dict[str, Any] | None:
    """Return one and all there is about it; none for none."""
    known = sources.ledger.incidents.get(number)
    if known is None:
        return None
    found, events = known
    entries = [(event.at_us, event.actor, event.kind, event.text) for event in events]
    messages = sources.ledger.outbox.of(number)
    entries += [(each.at_us, "paceline", "told", f"{each.event}: {each.team}, {each.channel}") for each in messages]
    state = IncidentState(found.state)
    children = [each for each in sources.ledger.incidents.list() if each.parent == number]
    end = found.ended_us / 1e6 if found.ended_us is not None else sources.clock()
    return {
        **shown(found),
        "facts": Facts.loaded(found.facts),
        "timeline": sorted(entries, key=lambda entry: entry[0]),
        "due": due(Severity(found.severity), state, datetime.fromtimestamp(found.detected_us / 1e6, UTC)),
        "is_overdue": found.is_open and _is_overdue(found, sources.clock()),
        "onward": _onward(state),
        "reasons": {reason.value: said for reason, said in REASONS.items()},
        "children": [shown(each) for each in children],
        "course": _course(sources, found, end) if found.kind == BREACH else None,
        "window": {"since": _written(found.since_us / 1e6 - 60), "until": _written(end + 60)},
        "now": sources.clock(),
    }


def words_of(incident: Incident) -> str:
    """Return what is wrong, as a clause."""
    return Facts.loaded(incident.facts).what or f"{limit_words(incident.limit)} is over its limit"


def shown(incident: Incident) -> dict[str, Any]:
    """Return an incident as lists show it."""
    subject = " / ".join(name for name in (incident.limit.service, incident.limit.use_case) if name)
    return {
        "incident": incident,
        "subject": subject or f"provider {incident.provider}",
        "what": words_of(incident),
        "kind": limit_words(incident.limit) if incident.kind == BREACH else incident.kind.replace("_", " "),
        "state_words": IncidentState(incident.state).words,
        "share_over": incident.over / incident.n if incident.n else None,
    }


def _recent(sources: Sources) -> list[Incident]:
    return sources.ledger.incidents.list(ended_since_us=int((sources.clock() - _BACK_S) * 1e6))


def _of(incident: Incident, name: str) -> str:
    return {"team": incident.owner, "severity": incident.severity, "service": incident.limit.service}[name]


def _is_overdue(incident: Incident, now: float) -> bool:
    detected = datetime.fromtimestamp(incident.detected_us / 1e6, UTC)
    following = due(Severity(incident.severity), IncidentState(incident.state), detected)
    return following is not None and following[1].timestamp() < now


def _onward(state: IncidentState) -> list[str]:
    order = [IncidentState.DETECTED, IncidentState.TRIAGED, IncidentState.INVESTIGATING, IncidentState.MITIGATED]
    return [each.value for each in order[order.index(state) + 1 :]] if state in order else []


def _course(sources: Sources, found: Incident, end: float) -> LineChart:
    """Draw the share over the limit from before it began, beside what is allowed."""
    since = max(found.since_us / 1e6 - _BEFORE_S, end - _COURSE_MAX_S)
    minutes = next(rows for most, rows in _COURSES if end - since <= most)

    def read() -> dict[int, tuple[int, int]]:
        limit = found.limit
        only = {"service": limit.service, "use_case": limit.use_case}
        reading = sources.ledger.reading(since, end, resolution=minutes, only=only)  # type: ignore[arg-type]
        return {
            row.minute: (row.n, row.over)
            for row in reading.limits(())
            if (row.metric, row.percentile) == (limit.metric, limit.percentile)
        }

    counted = sources.kept(("course", found.id), read)
    step = minutes * 60
    times = range(int(since // step * step), int(end), step)
    shares = [(float(at), _share(counted.get(at // 60))) for at in times]
    marks = [Mark(found.since_us / 1e6, "began"), Mark(found.detected_us / 1e6, "detected")]
    title = f"{limit_words(found.limit)}: requests over the limit"
    allowed = [("allowed", found.allowed * 100)]
    return line_chart(title, "%", [Line("over", tuple(shares))], since, end, limits=allowed, marks=marks)


def _share(counts: tuple[int, int] | None) -> float | None:
    return 100 * counts[1] / counts[0] if counts and counts[0] else None


def _written(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ}"
