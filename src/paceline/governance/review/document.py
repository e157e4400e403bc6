"""The review as values: what was found in one week or month, and nothing of how it reads.

Money is US dollars, shares run from 0 to 1, times are Unix seconds, days are ISO dates. None is "not known" or "none".
Every tuple is sorted, so that the same ledger gives the same review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

__all__ = [
    "Action",
    "BudgetLeft",
    "ClassResult",
    "Coverage",
    "Incident",
    "LimitResult",
    "Mover",
    "Outcome",
    "Overhead",
    "Review",
    "ServiceResult",
    "Spend",
    "Waiver",
]


@dataclass(frozen=True, slots=True)
class LimitResult:
    """One limit of a use case, counted exactly against the standards as they are now."""

    text: str
    """`ttft p95 ≤ 800 ms`."""
    n: int
    """Requests judged."""
    over: int
    allowed: float
    """Share of requests that may be over it."""
    measured: str
    """The percentile itself, with its unit; empty where there is none."""
    state: str
    """`within`, `over`, `too_few`, `no_traffic`."""
    before: float | None
    """Share over it in the period before."""
    waived: str = ""
    """Last day of the waiver that accepts its breach; empty for none."""

    @property
    def share(self) -> float | None:
        """Share over it."""
        return self.over / self.n if self.n else None

    @property
    def times(self) -> float:
        """How many times the allowed share; infinite where nothing is allowed and something was over."""
        if not self.over:
            return 0.0
        return self.over / self.n / self.allowed if self.allowed else float("inf")


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """One service's use case beside its budget."""

    service: str
    use_case: str
    class_: str
    owner: str
    requests: int
    requests_before: int
    state: str
    """`within`, `over`, `too_few`, `no_traffic`, `no_budget`."""
    limits: tuple[LimitResult, ...]
    """Worst first."""

    @property
    def is_waived(self) -> bool:
        """Tell whether waivers accept every limit of it that was broken."""
        broken = [limit for limit in self.limits if limit.state == "over"]
        return bool(broken) and all(limit.waived for limit in broken)


@dataclass(frozen=True, slots=True)
class ClassResult:
    """All use cases of a class together: how many services' use cases were within, over, or had too little to tell."""

    class_: str
    within: int
    over: int
    unknown: int
    requests: int


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that was open in the period."""

    id: str
    kind: str
    service: str
    use_case: str
    owner: str
    severity: str
    what: str
    began: float
    detected: float
    ended: float | None
    """None while it is open at the period's end, whatever came later."""
    state: str
    reason: str
    age_days: float
    """From its beginning to its end, or to the period's."""
    is_new: bool
    """Detected in the period."""
    overdue: str
    """What should have happened by the period's end: `triaged`; empty for nothing."""
    waiver: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Spend:
    """One service's money."""

    service: str
    owner: str
    spent: float
    before: float
    """In the period before."""
    month: float
    """Since the month's first day."""
    budget: float | None
    expected: float | None
    """At the month's end; with `lower` and `upper`, which hold it nine times of ten."""
    lower: float | None
    upper: float | None
    state: str
    """`over`, `heading over`, `within`, `too early to tell`, `no budget`."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A use case whose mean request costs more or less than in the period before."""

    service: str
    use_case: str
    owner: str
    requests: int
    cost: float
    before: float
    extra: float
    """What the change cost in the period; negative for what it saved."""
    input_tokens: float
    input_before: float
    output_tokens: float
    output_before: float


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """The error budget of a use case's most used limit, over 28 days."""

    service: str
    use_case: str
    owner: str
    limit: str
    left: float
    """Share of it that is left; below 0 when it is overdrawn."""
    days_left: float | None
    """Days until it is used up if every day were as the last; None for never."""
    n: int


@dataclass(frozen=True, slots=True)
class Overhead:
    """Time that the gateway itself added to a call, microseconds."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    p50_before: float | None
    p95_before: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a service's traffic can be accounted for."""

    service: str
    owner: str
    requests: int
    tagged: float
    tagged_before: float | None
    cost: float | None
    """Share of paid calls whose cost is known; None without any."""
    cost_before: float | None
    off_standard: float
    """Share of calls for models outside the standards."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception that ended in the period or ends soon after it."""

    id: str
    """Empty for one of the standards file."""
    service: str
    use_case: str
    what: str
    """What it lifts."""
    reason: str
    requester: str
    approver: str
    last_day: str
    days_left: int
    """From the period's end; negative for one that is over."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do until the next review, which checks by itself whether it happened."""

    id: str
    """The same in every review for the same thing: `incident i_…`, `budget helpdesk/support-chat`."""
    kind: str
    """`incident`, `budget`, `spend`, `waiver`, `tags`, `prices`, `owner`: says how it is checked."""
    owner: str
    service: str
    use_case: str
    text: str
    """What to do, as an order."""
    condition: str
    """What the next review looks for."""
    about: str = ""
    """The incident's or the waiver's id."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action of the review before."""

    action: Action
    result: str
    """`done`, `not done`, `cannot tell`."""
    why: str


@dataclass(frozen=True, slots=True)
class Review:
    """One review."""

    id: str
    period: str
    words: str
    """The period as people say it: `16 to 22 November 2026`."""
    since: float
    until: float
    organisation: str
    summary: tuple[str, ...]
    """Sentences for somebody who was not there."""
    services: tuple[ServiceResult, ...]
    """Worst first."""
    classes: tuple[ClassResult, ...]
    incidents: tuple[Incident, ...]
    """Open ones first, the most severe and oldest at the head; then those that ended."""
    spend: tuple[Spend, ...]
    movers: tuple[Mover, ...]
    budgets: tuple[BudgetLeft, ...]
    overhead: Overhead
    coverage: tuple[Coverage, ...]
    unidentified: int
    """Calls without a valid key."""
    waivers: tuple[Waiver, ...]
    outcomes: tuple[Outcome, ...]
    """What became of the last review's actions."""
    actions: tuple[Action, ...]
    has_last: bool = False
    """There is a review of the period before."""

    def document(self) -> dict[str, Any]:
        """Return the JSON form; `class` for `class_`."""
        found: dict[str, Any] = {"version": 1, **asdict(self)}
        for name in ("services", "classes"):
            found[name] = [{key.rstrip("_"): value for key, value in each.items()} for each in found[name]]
        return found

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Review:
        """Read what `document` gave: a review as it was written, of this version or an older one."""
        return _read(cls, document)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was called and nothing is open."""
        return not (self.incidents or any(each.requests for each in self.services))


_Part = TypeVar("_Part")

_PARTS: Final[dict[str, type[Any]]] = {
    "services": ServiceResult,
    "limits": LimitResult,
    "classes": ClassResult,
    "incidents": Incident,
    "spend": Spend,
    "movers": Mover,
    "budgets": BudgetLeft,
    "overhead": Overhead,
    "coverage": Coverage,
    "waivers": Waiver,
    "outcomes": Outcome,
    "action": Action,
    "actions": Action,
}
"""What the fields of this name hold."""


def _read(kind: type[_Part], said: Mapping[str, Any]) -> _Part:
    """Build a part from its JSON form; what it does not know is left out."""
    known = {f"{name}_" if name == "class" else name: value for name, value in said.items()}
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # every part is a dataclass
    return kind(**{name: _value(name, known[name]) for name in names if name in known})


def _value(name: str, value: Any) -> Any:
    part = _PARTS.get(name)
    if isinstance(value, list | tuple):
        return tuple(each if part is None or isinstance(each, str) else _read(part, each) for each in value)
    return _read(part, value) if part is not None and isinstance(value, Mapping) else value
