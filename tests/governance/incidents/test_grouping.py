"""Limits of one use case and services on one provider come under one parent. On each database."""

from __future__ import annotations

from typing import Any

import pytest

from paceline.governance.incidents.acting import end
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.grouping import PROVIDER, group
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.ledger import Ledger
from paceline.ledger.incidents import Incident, IncidentEvent, LimitKey

NOW = 1_795_435_200.0


class Desk:
    """Opens incidents by hand."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def open(
        self, service: str, metric: str = "ttft_ms", *, minute: int = 0, use_case: str = "chat", **more: Any
    ) -> str:
        at_us = int(NOW * 1e6) + minute * 60_000_000
        values = {
            "state": "detected",
            "severity": "ticket",
            "owner": "support",
            "since_us": at_us,
            "detected_us": at_us,
        }
        values |= {"n": 10, "over_limit": 5, "allowed": 0.05, "provider": "openai", **more}
        with self.ledger.incidents.changing() as change:
            event = IncidentEvent(at_us, "paceline", "detected", "over")
            return change.open(values, LimitKey(service, use_case, metric, "p95"), event)

    def group(self, minute: int = 10) -> list[str]:
        return [each.what for each in group(self.ledger, NOW + minute * 60, "platform")]

    def get(self, number: str) -> Incident:
        found = self.ledger.incidents.get(number)
        assert found is not None
        return found[0]

    def end(self, number: str) -> None:
        end(self.ledger, number, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY)


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    return Desk(ledger)


def test_the_first_limit_of_a_use_case_speaks_for_the_others(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("a", "total_ms", minute=1, severity="page")
    elsewhere = desk.open("a", use_case="code", provider="")
    assert desk.group() == ["worsened"], "the worst of them counts"
    assert (desk.get(first).severity, desk.get(second).parent, desk.get(elsewhere).parent) == ("page", first, "")
    assert desk.group() == []
    known = desk.ledger.incidents.get(first)
    assert known is not None
    assert f"with it {second}: total p95" in [event.text for event in known[1]]


def test_a_child_stands_for_itself_when_its_parent_has_ended(desk: Desk) -> None:
    first, second, third = (
        desk.open("a", metric, minute=at) for at, metric in enumerate(("ttft_ms", "total_ms", "tpot_ms"))
    )
    desk.group()
    desk.end(first)
    assert desk.group(11) == []
    assert (desk.get(second).parent, desk.get(third).parent) == ("", second)


def test_three_services_on_one_provider_are_the_providers_incident(desk: Desk) -> None:
    children = [desk.open(name, minute=at * 10) for at, name in enumerate("abc")]
    far = desk.open("d", minute=300)
    other = desk.open("e", provider="anthropic")
    assert desk.group() == ["opened"]
    (parent,) = [one for one in desk.ledger.incidents.list() if one.kind == PROVIDER]
    assert (parent.owner, parent.provider, parent.limit.metric) == ("platform", "openai", "openai")
    assert Facts.loaded(parent.facts).what == "provider openai is slow or failing for 3 services: a, b, c"
    assert {desk.get(child).parent for child in children} == {parent.id}
    assert desk.get(far).parent == desk.get(other).parent == ""
    late = desk.open("f", minute=40)
    assert desk.group() == []
    assert desk.get(late).parent == parent.id


def test_two_services_are_a_coincidence(desk: Desk) -> None:
    desk.open("a")
    desk.open("b")
    desk.open("b", "total_ms")
    assert desk.group() == []


def test_a_providers_incident_ends_with_the_last_of_its_children(desk: Desk) -> None:
    children = [desk.open(name) for name in "abc"]
    desk.group()
    for child in children[:2]:
        desk.end(child)
    assert desk.group() == []
    desk.end(children[2])
    assert desk.group() == ["closed"]
    assert desk.ledger.incidents.list() == []


def test_nothing_open_costs_nothing(desk: Desk) -> None:
    assert desk.group() == []
