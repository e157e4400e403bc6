"""Each sender against a real server: payload, signature, what is tried again and what is not."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
from collections.abc import Iterator

import pytest
from cases import BARE, FIRING, RESOLVED
from inline_snapshot import snapshot
from receivers import Mailbox, Receiver, http_receiver, mail_server

from paceline.governance.alerts import NotSentError
from paceline.governance.alerts.senders import email, log, pagerduty, slack, teams, webhook

ALERTMANAGER = snapshot(
    {
        "version": "4",
        "groupKey": '{}:{incident="i-7"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "support",
        "groupLabels": {"incident": "i-7"},
        "commonLabels": {
            "alertname": "PacelineIncident",
            "severity": "page",
            "service": "helpdesk",
            "use_case": "support-chat",
            "owner": "support",
            "incident": "i-7",
        },
        "commonAnnotations": {
            "summary": "helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
            "description": """\
helpdesk / support-chat: p95 of ttft is over 800 ms (look now)

Owner: support (#support-oncall)
Since: 2026-11-23 14:05 UTC
Over the limit now: 14 % of requests, 5.0 % allowed
Budget left: 31 %, used up in 2 days at this rate
What changed: deployment openai/gpt-5-mini is 30 % slower than last week
What changed: prompts are as long as before
Next: compare deployments: paceline incidents show i-7

https://paceline.example/incidents/i-7\
""",
        },
        "externalURL": "https://paceline.example/incidents/i-7",
        "alerts": [
            {
                "status": "firing",
                "labels": {
                    "alertname": "PacelineIncident",
                    "severity": "page",
                    "service": "helpdesk",
                    "use_case": "support-chat",
                    "owner": "support",
                    "incident": "i-7",
                },
                "annotations": {
                    "summary": "helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
                    "description": """\
helpdesk / support-chat: p95 of ttft is over 800 ms (look now)

Owner: support (#support-oncall)
Since: 2026-11-23 14:05 UTC
Over the limit now: 14 % of requests, 5.0 % allowed
Budget left: 31 %, used up in 2 days at this rate
What changed: deployment openai/gpt-5-mini is 30 % slower than last week
What changed: prompts are as long as before
Next: compare deployments: paceline incidents show i-7

https://paceline.example/incidents/i-7\
""",
                },
                "startsAt": "2026-11-23T14:05:00+00:00",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "https://paceline.example/incidents/i-7",
                "fingerprint": "f8c252dbf5fa49b4",
            }
        ],
    }
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


def test_slack_gets_a_header_and_the_facts(receiver: Receiver) -> None:
    slack.send(FIRING, f"{receiver.url}/services/T/B/secret")
    assert receiver.posts[0].headers["content-type"] == "application/json"
    assert receiver.posts[0].json == snapshot(
        {
            "text": ":red_circle: helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
            "blocks": [
                {
                    "type": "header",
                    "text": {
                        "type": "plain_text",
                        "text": "helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
                    },
                },
                {
                    "type": "section",
                    "text": {
                        "type": "mrkdwn",
                        "text": """\
*Owner:* support (#support-oncall)
*Since:* 2026-11-23 14:05 UTC
*Over the limit now:* 14 % of requests, 5.0 % allowed
*Budget left:* 31 %, used up in 2 days at this rate
*What changed:* deployment openai/gpt-5-mini is 30 % slower than last week
*What changed:* prompts are as long as before
*Next:* compare deployments: paceline incidents show i-7\
""",
                    },
                },
                {
                    "type": "context",
                    "elements": [
                        {"type": "mrkdwn", "text": "<https://paceline.example/incidents/i-7|Open the incident>"}
                    ],
                },
            ],
        }
    )


def test_slack_calls_nobody_that_a_name_calls() -> None:
    message = json.dumps(slack.payload(BARE)["blocks"][1])
    assert "<!channel>" not in json.dumps(slack.payload(BARE)["text"])
    assert "<!channel>" not in message


def test_teams_gets_an_adaptive_card(receiver: Receiver) -> None:
    teams.send(FIRING, receiver.url)
    assert receiver.posts[0].json == snapshot(
        {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [
                            {
                                "type": "TextBlock",
                                "size": "Medium",
                                "weight": "Bolder",
                                "wrap": True,
                                "color": "Attention",
                                "text": "helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
                            },
                            {
                                "type": "FactSet",
                                "facts": [
                                    {"title": "Owner", "value": "support (#support-oncall)"},
                                    {"title": "Since", "value": "2026-11-23 14:05 UTC"},
                                    {"title": "Over the limit now", "value": "14 % of requests, 5.0 % allowed"},
                                    {"title": "Budget left", "value": "31 %, used up in 2 days at this rate"},
                                    {
                                        "title": "What changed",
                                        "value": "deployment openai/gpt-5-mini is 30 % slower than last week",
                                    },
                                    {"title": "What changed", "value": "prompts are as long as before"},
                                    {"title": "Next", "value": "compare deployments: paceline incidents show i-7"},
                                ],
                            },
                        ],
                        "actions": [
                            {
                                "type": "Action.OpenUrl",
                                "title": "Open the incident",
                                "url": "https://paceline.example/incidents/i-7",
                            }
                        ],
                    },
                }
            ],
        }
    )


def test_pagerduty_triggers_and_resolves_under_one_key(receiver: Receiver) -> None:
    receiver.answers = [(202, {}), (202, {})]
    for alert in (FIRING, RESOLVED):
        pagerduty.send(alert, "R0UTING", events=f"{receiver.url}/v2/enqueue")
    trigger, resolve = (post.json for post in receiver.posts)
    assert trigger == snapshot(
        {
            "routing_key": "R0UTING",
            "dedup_key": "paceline-f8c252dbf5fa49b47a5679f520dc79db",
            "event_action": "trigger",
            "payload": {
                "summary": "helpdesk / support-chat: p95 of ttft is over 800 ms (look now)",
                "source": "helpdesk",
                "severity": "critical",
                "timestamp": "2026-11-23T14:05:00+00:00",
                "component": "support-chat",
                "group": "support",
                "class": "p95 of ttft is over 800 ms",
                "custom_details": {
                    "Owner": "support (#support-oncall)",
                    "Since": "2026-11-23 14:05 UTC",
                    "Over the limit now": "14 % of requests, 5.0 % allowed",
                    "Budget left": "31 %, used up in 2 days at this rate",
                    "What changed": "deployment openai/gpt-5-mini is 30 % slower than last week; "
                    "prompts are as long as before",
                    "Next": "compare deployments: paceline incidents show i-7",
                },
            },
            "links": [{"href": "https://paceline.example/incidents/i-7", "text": "Open the incident"}],
        }
    )
    assert resolve == {"routing_key": "R0UTING", "dedup_key": trigger["dedup_key"], "event_action": "resolve"}


def test_a_webhook_gets_alertmanager_s_form_and_can_check_the_signature(receiver: Receiver) -> None:
    webhook.send(FIRING, receiver.url, secret="agreed", now_s=1_795_442_700.9)
    post = receiver.posts[0]
    assert post.json == ALERTMANAGER
    expected = hmac.new(b"agreed", b"1795442700." + post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-paceline-timestamp"] == "1795442700"
    assert post.headers["x-paceline-signature"] == f"sha256={expected}"


def test_a_webhook_without_a_secret_has_no_signature_and_an_end_once_it_is_over(receiver: Receiver) -> None:
    webhook.send(RESOLVED, receiver.url)
    post = receiver.posts[0]
    assert "x-paceline-signature" not in post.headers
    assert post.json["status"] == "resolved"
    assert post.json["alerts"][0]["endsAt"] == "2026-11-23T16:20:00+00:00"
    assert post.json["alerts"][0]["fingerprint"] == webhook.payload(FIRING)["alerts"][0]["fingerprint"]


@pytest.mark.parametrize(
    ("status", "headers", "again", "after_s"),
    [
        (429, {"retry-after": "7"}, True, 7.0),
        (429, {"retry-after": "soon"}, True, None),
        (503, {}, True, None),
        (408, {}, True, None),
        (400, {}, False, None),
        (404, {}, False, None),
        (302, {"location": "http://127.0.0.1:1/elsewhere"}, False, None),
    ],
)
def test_what_an_answer_means_for_the_next_try(
    receiver: Receiver, status: int, headers: dict[str, str], again: bool, after_s: float | None
) -> None:
    receiver.answers = [(status, headers)]
    with pytest.raises(NotSentError) as failed:
        slack.send(FIRING, f"{receiver.url}/services/secret")
    assert (failed.value.again, failed.value.after_s) == (again, after_s)
    assert str(status) in failed.value.reason
    assert "secret" not in failed.value.reason
    assert len(receiver.posts) == 1, "no redirect is followed"


def test_a_receiver_that_is_not_there_is_tried_again_and_never_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NotSentError) as failed:
        slack.send(FIRING, f"http://127.0.0.1:{port}/services/secret")
    assert failed.value.again
    assert failed.value.reason == "the receiver was not reached: connection refused"


def test_an_address_of_another_kind_is_not_opened() -> None:
    with pytest.raises(NotSentError) as failed:
        slack.send(FIRING, "file:///etc/hostname")
    assert not failed.value.again


def test_mail_is_one_thread_an_incident(mailbox: Mailbox) -> None:
    for alert in (FIRING, RESOLVED):
        email.send(alert, "oncall@acme.example", server=mailbox.server, sender="paceline@acme.example")
    first, second = mailbox.mails
    assert first["Subject"] == "helpdesk / support-chat: p95 of ttft is over 800 ms (look now)"
    assert second["Subject"] == "Resolved: helpdesk / support-chat: p95 of ttft was over 800 ms"
    assert first["References"] == second["References"] == f"<{FIRING.key}@acme.example>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"
    assert "Owner: support (#support-oncall)" in first.get_content()


def test_a_header_cannot_be_smuggled_into_a_mail() -> None:
    from dataclasses import replace

    mail = email.message(replace(FIRING, service="x\r\nBcc: all@acme.example", incident="i\nX: y"), "a@b", "c@d")
    assert mail["Bcc"] is None
    assert mail["X"] is None


@pytest.mark.parametrize(
    ("verb", "reply", "again"),
    [
        ("RCPT", "550 nobody", False),
        ("RCPT", "451 later", True),
        ("DATA", "554 no", False),
        ("DATA", "421 busy", True),
    ],
)
def test_what_a_mail_server_s_reply_means(mailbox: Mailbox, verb: str, reply: str, again: bool) -> None:
    mailbox.replies[verb] = reply
    with pytest.raises(NotSentError) as failed:
        email.send(FIRING, "oncall@acme.example", server=mailbox.server, sender="p@acme.example")
    assert failed.value.again is again
    assert not mailbox.mails


def test_a_password_is_never_sent_in_the_clear(mailbox: Mailbox) -> None:
    server = mailbox.server.replace("smtp://", "smtp://user:hunter2@")
    with pytest.raises(NotSentError) as failed:
        email.send(FIRING, "oncall@acme.example", server=server, sender="p@acme.example")
    assert not failed.value.again
    assert "hunter2" not in failed.value.reason
    assert not any("AUTH" in line for line in mailbox.said)


def test_the_log_gets_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="paceline.alerts"):
        log.send(BARE)
    assert len(caplog.messages) == 1
    assert "\n" not in caplog.messages[0]
    assert json.loads(caplog.messages[0]) == snapshot(
        {
            "alert": "<!channel> *batch*: cost of a request is over $0.02 (look this week)",
            "key": "paceline-bed9af3a99dce5533d4a71e5e6b891e2",
            "state": "firing",
            "severity": "ticket",
            "service": "<!channel> *batch*",
            "use_case": "",
            "owner": "nobody: this service has no owner",
            "since": "2026-11-01 00:00 UTC",
        }
    )
