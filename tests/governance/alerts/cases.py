"""The alerts that the tests send."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from paceline.governance.alerts import Alert, Severity, State

FIRING = Alert(
    incident="i-7",
    state=State.FIRING,
    severity=Severity.PAGE,
    service="helpdesk",
    use_case="support-chat",
    owner="support",
    contact="#support-oncall",
    what="p95 of ttft is over 800 ms",
    since=datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    share_over=0.143,
    share_allowed=0.05,
    budget_left=0.31,
    days_left=2.4,
    changed=("deployment openai/gpt-5-mini is 30 % slower than last week", "prompts are as long as before"),
    next_step="compare deployments: paceline incidents show i-7",
    link="https://paceline.example/incidents/i-7",
)
RESOLVED = replace(FIRING, state=State.RESOLVED, ended=datetime(2026, 11, 23, 16, 20, tzinfo=UTC), share_over=0.03)
BARE = Alert(
    incident="i-8",
    state=State.FIRING,
    severity=Severity.TICKET,
    service="<!channel> *batch*",
    use_case="",
    owner="",
    contact="",
    what="cost of a request is over $0.02",
    since=datetime(2026, 11, 1, tzinfo=UTC),
)
