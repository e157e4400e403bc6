"""Waivers asked for, decided, in force, at their end; in the file and in the ledger. On each database."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.governance.waivers import Source, Waiver, WaiverState, all_waivers, in_force
from paceline.governance.waivers.deciding import Request, WaiverError, approve, deny, request, revoke
from paceline.ledger import Ledger
from paceline.standards import Standards, load

TEXT = """\
version: 1
models: {small: [openai/a], large: [openai/b]}
providers: {openai: {}}
tasks: {chat: small}
use_cases:
  support-chat: {class: chat, task: chat}
  digest: {class: batch, task: chat}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat, digest]}}
policy: {waiver_days_max: 30}
"""
STANDARDS: Standards = load(TEXT, env={})
ASK = Request("helpdesk", "vendor outage", "dana", 14, use_case="support-chat", limit="ttft p95")
DAY = 86_400.0


def asked(ledger: Ledger, wanted: Request = ASK) -> str:
    return request(ledger, STANDARDS, wanted)[0]


def one(ledger: Ledger, number: str, now: float | None = None) -> Waiver:
    (found,) = [each for each in all_waivers(ledger, STANDARDS, now or time.time()) if each.id == number]
    return found


def test_one_that_is_asked_for_covers_nothing_until_another_person_approves_it(ledger: Ledger) -> None:
    number = asked(ledger)
    assert one(ledger, number).state is WaiverState.PENDING
    assert in_force(ledger, STANDARDS, time.time()).all == ()
    approve(ledger, STANDARDS, number, "lee")
    now = time.time()
    found = in_force(ledger, STANDARDS, now).covering("helpdesk", "support-chat", "ttft_ms", "p95")
    assert found is not None
    assert (found.id, found.source, found.approver, found.scope) == (
        number,
        Source.LEDGER,
        "lee",
        "helpdesk / support-chat: ttft p95",
    )
    assert found.days_left(datetime.fromtimestamp(now, UTC)) == 13
    assert [(entry.actor, entry.action) for entry in ledger.audit.list(subject=f"waiver {number}")] == [
        ("lee", "approve"),
        ("dana", "request"),
    ]


@pytest.mark.parametrize("name", ["dana", " Dana ", "DANA"])
def test_nobody_approves_their_own(ledger: Ledger, name: str) -> None:
    number = asked(ledger)
    with pytest.raises(WaiverError, match="asked for it and cannot approve it"):
        approve(ledger, STANDARDS, number, name)
    assert one(ledger, number).state is WaiverState.PENDING


def test_nobody_cannot_decide(ledger: Ledger) -> None:
    number = asked(ledger)
    for decide in (
        lambda: approve(ledger, STANDARDS, number, " "),
        lambda: deny(ledger, number, "", "no"),
        lambda: revoke(ledger, number, "", "no"),
    ):
        with pytest.raises(WaiverError, match="nobody decides it"):
            decide()
    assert one(ledger, number).state is WaiverState.PENDING


def test_it_ends_by_itself(ledger: Ledger) -> None:
    number = asked(ledger)
    approve(ledger, STANDARDS, number, "lee")
    later = time.time() + 14 * DAY + 1
    assert in_force(ledger, STANDARDS, later).all == ()
    assert one(ledger, number, later).state is WaiverState.EXPIRED


def test_it_can_be_denied_or_revoked_once(ledger: Ledger) -> None:
    denied, revoked, taken_back = asked(ledger), asked(ledger), asked(ledger)
    deny(ledger, denied, "lee", "use the small model")
    approve(ledger, STANDARDS, revoked, "lee")
    revoke(ledger, revoked, "lee", "moved already")
    revoke(ledger, taken_back, "dana", "not needed")
    assert [one(ledger, each).state.value for each in (denied, revoked, taken_back)] == ["denied", "revoked", "revoked"]
    with pytest.raises(WaiverError, match="it is denied and cannot be approved"):
        approve(ledger, STANDARDS, denied, "lee")
    with pytest.raises(WaiverError, match="it is revoked already"):
        revoke(ledger, revoked, "lee", "again")
    assert in_force(ledger, STANDARDS, time.time()).all == ()


@pytest.mark.parametrize(
    ("change", "wrong", "fix"),
    [
        ({"service": "helpdsk"}, "there is no service 'helpdsk'", "did you mean 'helpdesk'?"),
        ({"use_case": "chat"}, "there is no use case 'chat' of helpdesk", "there are: support-chat, digest"),
        ({"limit": "ttft p96"}, "'ttft p96' is no limit of support-chat", "there are: ttft p95, ttft p99"),
        ({"limit": "fast"}, "'fast' is no limit of support-chat", "there are: ttft p95"),
        ({"limit": "", "model": "huge"}, "there is no model 'huge'", "there are: small, large"),
        ({"limit": "", "rule": "speed"}, "'speed' is no rule", "write a code such as G204"),
        ({"rule": "G204"}, "it names several things at once", "one waiver each"),
        ({"days": 31}, "31 days are not allowed", "ask for 1 to 30 (`policy.waiver_days_max`)"),
        ({"days": 0}, "0 days are not allowed", "ask for 1 to 30"),
        ({"reason": " "}, "there is no reason", "say why"),
        ({"requester": ""}, "nobody asks for it", "say who"),
    ],
)
def test_what_cannot_be_waived_is_refused_with_a_way_out(
    ledger: Ledger, change: dict[str, object], wrong: str, fix: str
) -> None:
    with pytest.raises(WaiverError) as error:
        request(ledger, STANDARDS, ASK._replace(**change))  # type: ignore[arg-type]
    assert wrong in str(error.value)
    assert fix in error.value.fix
    assert ledger.waivers.list() == []


def test_a_request_for_what_is_covered_says_so(ledger: Ledger) -> None:
    whole = asked(ledger, ASK._replace(use_case="", limit=""))
    approve(ledger, STANDARDS, whole, "lee")
    _, same = request(ledger, STANDARDS, ASK)
    assert same is not None
    assert same.id == whole


def test_the_standards_may_have_become_stricter_before_the_approval(ledger: Ledger) -> None:
    number = asked(ledger)
    strict = load(TEXT.replace("30", "7"), env={})
    with pytest.raises(WaiverError, match=r"it asks for 14 days, and .* is 7"):
        approve(ledger, strict, number, "lee")


def test_what_is_not_there_or_stands_in_the_file_is_said(ledger: Ledger) -> None:
    for number, fix in (("w_none", "list them"), ("file:0", "change it there")):
        with pytest.raises(WaiverError, match=f"the ledger has no waiver {number}") as error:
            approve(ledger, STANDARDS, number, "lee")
        assert fix in error.value.fix


def test_those_of_the_file_hold_on_their_last_day_too(ledger: Ledger) -> None:
    text = f"""{TEXT}
waivers:
  - {{service: helpdesk, limit: ttft.p95, reason: r, requester: a, approver: b, granted: 2026-11-10, until: 2026-11-20}}
"""
    standards = load(text, env={}, today=date(2026, 11, 10))
    assert standards.faults == ()

    def holds(moment: str) -> bool:
        now = datetime.fromisoformat(f"{moment}+00:00").timestamp()
        return in_force(ledger, standards, now).covering("helpdesk", "digest", "ttft_ms", "p95") is not None

    assert [holds(f"2026-11-{day}") for day in ("09T23:59", "10T00:00", "20T23:59", "21T00:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_limit_in_the_file_must_be_one() -> None:
    waiver = "{service: helpdesk, limit: speed, reason: r, requester: a, approver: b, until: 2026-12-01}"
    text = f"{TEXT}waivers: [{waiver}]\n"
    (fault,) = load(text, env={}, today=date(2026, 11, 10)).faults
    assert (fault.path, fault.message) == ("waivers[0].limit", "'speed' is not a limit")


EVERY = Waiver(
    *("w_1", Source.LEDGER, "a", "", "", "", "", "", "r", "x", "y"),
    WaiverState.APPROVED,
    None,
    datetime(2027, 1, 1, tzinfo=UTC),
)


@given(st.sampled_from(["", "u", "v"]), st.sampled_from(["", "ttft_ms", "total_ms"]), st.sampled_from(["a", "b"]))
def test_a_scope_covers_what_is_within_it_and_nothing_else(use_case: str, metric: str, service: str) -> None:
    waiver = replace(EVERY, use_case=use_case, metric=metric, percentile="p95" if metric else "")
    covered = waiver.covers(service, "u", "ttft_ms", "p95")
    assert covered == (service == "a" and use_case in ("", "u") and metric in ("", "ttft_ms"))
    assert not replace(waiver, rule="G204").covers(service, "u", "ttft_ms", "p95")
    assert not replace(waiver, model="large").covers(service, "u", "ttft_ms", "p95")
