"""Sends what is in the outbox: in order, tried again, at least once, and never more to a channel than it can bear.

Several messages for people on one channel become one. What fails is tried again with growing pauses for three days;
what cannot be sent at all is in the log. Owns no words and no routes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.channels import Channel, channels
from paceline.governance.alerts.errors import NotSentError
from paceline.governance.alerts.wording import headline
from paceline.ledger import Ledger
from paceline.ledger.outbox import Message
from paceline.standards import Standards

__all__ = ["Delivered", "deliver"]

_log = logging.getLogger("paceline.alerts")

_HOUR_US: Final = 3_600_000_000
_GIVE_UP_US: Final = 72 * _HOUR_US
_FIRST_PAUSE_S: Final = 10.0
_LAST_PAUSE_S: Final = 900.0
_TOGETHER: Final = 3
"""More messages than these at once to one channel for people become one."""
_RANK: Final = (Severity.TICKET, Severity.URGENT, Severity.PAGE)


class Delivered(NamedTuple):
    """What a round did, in messages of the outbox."""

    sent: int = 0
    again: int = 0
    failed: int = 0
    held: int = 0
    """Waiting because their channel has had its share of the hour."""


def deliver(
    ledger: Ledger, standards: Standards, now: float, environment: Mapping[str, str] | None = None
) -> Delivered:
    """Send what is due. `now`: Unix seconds; secrets come from `environment`, the process's own if None.

    A message is noted as sent after it was: one that a crash leaves in between goes twice, with the same key. Raises
    `LedgerError`.
    """
    now_us = int(now * 1e6)
    due = ledger.outbox.due(now_us)
    if not due:
        return Delivered()
    had = ledger.outbox.sent_since(now_us - _HOUR_US)
    by_channel: defaultdict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in due:
        by_channel[message.team, message.channel].append(message)
    done = Delivered()
    for (team, name), messages in by_channel.items():
        channel = next((each for each in channels(standards, team) if each.name == name), None)
        room = standards.options.alerting.per_hour_max - had.get((team, name), 0)
        round_ = _Round(ledger, standards, now_us, environment, channel, room)
        done = Delivered(*(sum(pair) for pair in zip(done, round_.send(messages), strict=True)))
    return done


class _Round(NamedTuple):
    """The messages of one channel."""

    ledger: Ledger
    standards: Standards
    now_us: int
    environment: Mapping[str, str] | None
    channel: Channel | None
    room: int

    def send(self, messages: Sequence[Message]) -> Delivered:
        """Send them, one after the other or as one."""
        if self.channel is None:
            return self._failed(messages, "the standards have this channel no longer")
        if len(messages) > _TOGETHER and self.channel.is_for_people:
            if self.room < 1:
                return Delivered(held=len(messages))
            return self._one(self.channel, messages, _several(messages))
        done = Delivered()
        for index, message in enumerate(messages):
            if index >= self.room:
                return done._replace(held=len(messages) - index)
            sent = self._one(self.channel, [message], Alert.loaded(message.alert), index)
            done = Delivered(*(sum(pair) for pair in zip(done, sent, strict=True)))
        return done

    def _one(self, channel: Channel, messages: Sequence[Message], alert: Alert, place: int = 0) -> Delivered:
        numbers = [message.id for message in messages]
        try:
            channel.sender(self.standards.options.alerting, self.environment)(alert)
        except NotSentError as error:
            oldest = min(message.at_us for message in messages)
            if not error.again or self.now_us - oldest > _GIVE_UP_US:
                return self._failed(messages, error.reason)
            tries = max(message.tries for message in messages)
            pause_s = error.after_s or min(_LAST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(tries, 10))
            self.ledger.outbox.again(numbers, self.now_us + int(pause_s * 1e6), error.reason)
            return Delivered(again=len(numbers))
        # Messages that went alone are told apart by their time.
        self.ledger.outbox.sent(numbers, self.now_us + place)
        return Delivered(sent=len(numbers))

    def _failed(self, messages: Sequence[Message], reason: str) -> Delivered:
        self.ledger.outbox.failed([message.id for message in messages], self.now_us, reason)
        for message in messages:
            said = headline(Alert.loaded(message.alert))
            _log.error("not sent to %s by %s: %s (%s)", message.team, message.channel, said, reason)
        return Delivered(failed=len(messages))


def _several(messages: Sequence[Message]) -> Alert:
    """Put many into one: as severe as the worst of them."""
    alerts = [Alert.loaded(message.alert) for message in messages]
    worst = max(alerts, key=lambda alert: (alert.state is State.FIRING, _RANK.index(alert.severity)))
    firing = sum(alert.state is State.FIRING for alert in alerts)
    what = f"{firing} opened or still open, {len(alerts) - firing} over"
    return replace(
        worst,
        incident=f"several-{messages[0].id}",
        service=f"{len(alerts)} incidents",
        use_case="",
        what=what,
        since=min(alert.since for alert in alerts),
        ended=None,
        state=State.FIRING if firing else State.RESOLVED,
        event="",
        link=worst.link.rpartition("/")[0],
        among=tuple(headline(alert) for alert in alerts),
    )
