"""What people read, to the letter."""

from __future__ import annotations

from dataclasses import replace

from cases import BARE, FIRING, RESOLVED
from inline_snapshot import snapshot

from paceline.governance.alerts.wording import headline, plain_text


def test_a_page_says_who_what_since_when_how_bad_and_what_next() -> None:
    assert plain_text(FIRING) == snapshot("""\
helpdesk / support-chat: p95 of ttft is over 800 ms (look now)

Owner: support (#support-oncall)
Since: 2026-11-23 14:05 UTC
Over the limit now: 14 % of requests, 5.0 % allowed
Budget left: 31 %, used up in 2 days at this rate
What changed: deployment openai/gpt-5-mini is 30 % slower than last week
What changed: prompts are as long as before
Next: compare deployments: paceline incidents show i-7

https://paceline.example/incidents/i-7\
""")


def test_a_resolved_alert_says_how_long_it_was() -> None:
    assert plain_text(RESOLVED) == snapshot("""\
Resolved: helpdesk / support-chat: p95 of ttft was over 800 ms

Owner: support (#support-oncall)
Since: 2026-11-23 14:05 UTC
Until: 2026-11-23 16:20 UTC, after 2 hours
Over the limit now: 3.0 % of requests, 5.0 % allowed
Budget left: 31 %, used up in 2 days at this rate
What changed: deployment openai/gpt-5-mini is 30 % slower than last week
What changed: prompts are as long as before

https://paceline.example/incidents/i-7\
""")


def test_what_is_not_known_is_left_out() -> None:
    assert plain_text(BARE) == snapshot("""\
<!channel> *batch*: cost of a request is over $0.02 (look this week)

Owner: nobody: this service has no owner
Since: 2026-11-01 00:00 UTC\
""")


def test_an_overdrawn_budget_is_named_so() -> None:
    text = plain_text(replace(FIRING, budget_left=-0.2))
    assert "Budget left: overdrawn by 20 %" in text
    assert "used up" not in text


def test_each_severity_says_how_soon() -> None:
    ends = {
        severity: headline(replace(FIRING, severity=severity)).rpartition("(")[2] for severity in type(FIRING.severity)
    }
    assert list(ends.values()) == ["look now)", "look today)", "look this week)"]


def test_the_key_is_the_incident_s_and_nothing_else_s() -> None:
    assert FIRING.key == RESOLVED.key == replace(FIRING, what="other words", owner="another").key
    assert FIRING.key != BARE.key
    assert len(FIRING.key) <= 255
