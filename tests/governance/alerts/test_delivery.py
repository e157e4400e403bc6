"""The outbox on real sockets: order, retries, restarts, rate limits, many as one; on each database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cases import FIRING, RESOLVED
from inline_snapshot import snapshot
from receivers import Receiver, http_receiver

from paceline.governance.alerts.alert import Alert
from paceline.governance.alerts.channels import channels
from paceline.governance.alerts.delivery import Delivered, deliver
from paceline.ledger import Ledger, open_ledger
from paceline.ledger.outbox import Draft
from paceline.standards import Standards, load

NOW = 1_795_435_200.0
STANDARDS = load(
    """\
version: 1
alerting: {per_hour_max: 10}
teams:
  support: {alerts: [{slack: env:HOOK}]}
  ops: {alerts: [{webhook: env:HOOK, signing_secret: env:SIGN}]}
  silent: {}
""",
    env={},
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as opened:
        yield opened


class Desk:
    """Writes messages, sends them."""

    def __init__(self, ledger: Ledger, receiver: Receiver) -> None:
        self.ledger, self.receiver = ledger, receiver
        self.standards: Standards = STANDARDS
        self.env = {"HOOK": f"{receiver.url}/hook", "SIGN": "s3cret"}

    def put(self, team: str, *alerts: Alert, event: str = "opened", due: float = NOW) -> None:
        (channel,) = channels(self.standards, team)
        for alert in alerts:
            draft = Draft(team, channel.name, event, alert.dumped(), int(due * 1e6))
            self.ledger.outbox.put(alert.incident, int(NOW * 1e6), [draft])

    def send(self, after_s: float = 0.0) -> Delivered:
        return deliver(self.ledger, self.standards, NOW + after_s, self.env)

    def told(self) -> list[str]:
        return [post.json["text"] for post in self.receiver.posts]


@pytest.fixture
def desk(ledger: Ledger, receiver: Receiver) -> Desk:
    return Desk(ledger, receiver)


def test_an_alert_is_the_same_after_the_ledger() -> None:
    assert Alert.loaded(FIRING.dumped()) == FIRING
    assert Alert.loaded(RESOLVED.dumped()) == RESOLVED


def test_what_is_due_is_sent_once_and_in_order(desk: Desk) -> None:
    desk.put("support", FIRING)
    desk.put("support", RESOLVED, event="resolved")
    assert desk.send() == Delivered(sent=1), "of an incident one at a time"
    assert desk.send(2) == Delivered(sent=1)
    assert desk.send(4) == Delivered()
    assert desk.told() == snapshot(
        [
            ":red_circle: helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
            ":white_check_mark: Resolved: helpdesk / support-chat: p95 of ttft was over 800 ms",
        ]
    )
    first, second = desk.ledger.outbox.of(FIRING.incident)
    assert (first.sent_us, second.tries) == (int(NOW * 1e6), 1)


def test_it_survives_a_restart_and_is_tried_again_with_pauses(where: str, receiver: Receiver) -> None:
    with open_ledger(where) as ledger:
        desk = Desk(ledger, receiver)
        receiver.answers = [(503, {}), (429, {"retry-after": "60"})]
        desk.put("support", FIRING)
        assert desk.send() == Delivered(again=1)
    with open_ledger(where) as ledger:
        desk = Desk(ledger, receiver)
        assert desk.send(5) == Delivered(), "ten seconds' pause"
        assert desk.send(11) == Delivered(again=1)
        (message,) = ledger.outbox.of(FIRING.incident)
        assert (message.tries, message.error) == (2, "the receiver answered 429")
        assert desk.send(60) == Delivered(), "as long as the receiver asked for"
        assert desk.send(72) == Delivered(sent=1)
    assert len({json.dumps(post.json) for post in receiver.posts}) == 1, "the same message each time"


def test_what_can_never_arrive_is_given_up_and_said_so(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.receiver.answers = [(404, {})]
    desk.put("support", FIRING)
    assert desk.send() == Delivered(failed=1)
    assert desk.send(3600) == Delivered()
    assert "the receiver answered 404" in caplog.text
    assert desk.env["HOOK"] not in caplog.text


def test_after_three_days_it_is_given_up(desk: Desk) -> None:
    desk.receiver.answers = [(500, {}), (500, {})]
    desk.put("support", FIRING)
    assert desk.send() == Delivered(again=1)
    assert desk.send(73 * 3600) == Delivered(failed=1)


def test_one_that_waits_holds_back_only_its_own_incident(desk: Desk) -> None:
    desk.receiver.answers = [(500, {})]
    desk.put("support", FIRING, RESOLVED)
    desk.put("support", replace(FIRING, incident="i-9"))
    assert desk.send() == Delivered(sent=1, again=1)
    assert desk.send(1) == Delivered()
    assert desk.send(11) == Delivered(sent=1)
    assert desk.send(12) == Delivered(sent=1)


def test_a_channel_that_is_gone_is_told_in_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.put("support", FIRING)
    desk.standards = load("version: 1\nteams: {support: {alerts: [{slack: env:OTHER}]}}", env={})
    assert desk.send() == Delivered(failed=1)
    assert "the standards have this channel no longer" in caplog.text


def test_a_team_without_channels_is_told_in_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.put("silent", FIRING)
    with caplog.at_level("WARNING", logger="paceline.alerts"):
        assert desk.send() == Delivered(sent=1)
    assert "p95 of ttft is over 800 ms" in caplog.text


def test_many_for_people_come_as_one(desk: Desk) -> None:
    desk.put("support", *(replace(FIRING, incident=f"i-{at}", service=f"s{at}") for at in range(4)))
    desk.put("support", replace(RESOLVED, incident="i-r"), event="resolved")
    assert desk.send() == Delivered(sent=5)
    (post,) = desk.receiver.posts
    assert post.json == snapshot(
        {
            "text": ":red_circle: 5 incidents: 4 opened or still open, 1 over (look now)",
            "blocks": [
                {
                    "type": "header",
                    "text": {"type": "plain_text", "text": "5 incidents: 4 opened or still open, 1 over (look now)"},
                },
                {
                    "type": "section",
                    "text": {
                        "type": "mrkdwn",
                        "text": """\
*Incident:* s0 / support-chat: p95 of ttft is over 800 ms (look now)
*Incident:* s1 / support-chat: p95 of ttft is over 800 ms (look now)
*Incident:* s2 / support-chat: p95 of ttft is over 800 ms (look now)
*Incident:* s3 / support-chat: p95 of ttft is over 800 ms (look now)
*Incident:* Resolved: helpdesk / support-chat: p95 of ttft was over 800 ms\
""",
                    },
                },
                {
                    "type": "context",
                    "elements": [{"type": "mrkdwn", "text": "<https://paceline.example/incidents|Open the incident>"}],
                },
            ],
        }
    )


def test_programs_get_each_by_its_key_within_the_hours_share(desk: Desk) -> None:
    desk.put("ops", *(replace(FIRING, incident=f"i-{at}") for at in range(13)))
    assert desk.send() == Delivered(sent=10, held=3)
    assert desk.send(3) == Delivered(held=3)
    assert len({post.json["groupKey"] for post in desk.receiver.posts}) == 10
    assert all(post.headers["x-paceline-signature"].startswith("sha256=") for post in desk.receiver.posts)
    assert desk.send(3601) == Delivered(sent=3)


def test_what_is_due_later_waits(desk: Desk) -> None:
    desk.put("support", FIRING, due=NOW + 600)
    assert desk.send(599) == Delivered()
    assert desk.send(600) == Delivered(sent=1)


def test_old_messages_are_forgotten_and_waiting_ones_kept(desk: Desk) -> None:
    desk.put("support", FIRING)
    desk.send()
    desk.put("support", replace(FIRING, incident="i-late"), due=NOW + 1e6)
    assert desk.ledger.outbox.forget(int((NOW + 1) * 1e6)) == 1
    assert [message.incident for message in desk.ledger.outbox.since(0)] == ["i-late"]
