"""From a slow deployment to a closed incident, on real processes: provider, gateway, control process, receiver.

The calendar is turned from hour to hour, so that windows of hours and weeks pass in a minute; each hour holds real
calls.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.governance.alerts.receivers import Receiver, http_receiver
from tests.integration.clock import Clock
from tests.integration.installation import PATIENCE_S, Installation, until

from paceline.governance.alerts.senders.webhook import signature
from paceline.governance.incidents.facts import Facts
from paceline.ledger.incidents import Incident

pytestmark = [pytest.mark.faketime, pytest.mark.timeout(400)]

STEP = 300
HOUR = 3600
DAY = 24 * HOUR

STANDARDS = """\
version: 1
providers:
  north: {{dialect: openai, base_url: "{sim}/v1", engine: paceline-sim, key: null}}
  south: {{dialect: openai, base_url: "{south}/v1", engine: paceline-sim, key: null}}
models:
  small: {{deployments: [north/gpt-5.4-mini]}}
  other: {{deployments: [south/gpt-5.4-mini]}}
tasks: {{chat: small}}
classes:
  chat:
    stream_upstream: false
    prompt_cache: false
    budget: {{ttft: null, ttfv: null, tpot: null, stall: null, total: {total}, cost: null}}
use_cases:
  support-chat: {{class: chat, task: chat, models: [other], max_output_tokens: 300}}
teams:
  support: {{contact: "#support", alerts: [{{webhook: env:HOOK, signing_secret: env:SIGNED_WITH}}]}}
services:
  helpdesk: {{owner: support, use_cases: [support-chat]}}
policy: {{mode: observe}}
"""


def engine(times: float = 1.0, token_ms: float = 10.0) -> tuple[str, ...]:
    """A model with room to spare, that takes `times` as long for everything; an answer takes 25 tokens' time."""
    step = token_ms * times
    parts = {"overhead_ms": 6 * step, "overhead_sigma": 0.15, "step_ms": step, "per_running_ms": 0}
    parts |= {"per_prefill_token_ms": 0}
    return ("--model", "gpt-5.4-mini=small," + ",".join(f"{name}={value:g}" for name, value in parts.items()))


@dataclass
class Town:
    """The processes, their calendar, and calls of its one service to both deployments."""

    north: Installation
    south: Installation
    clock: Clock
    receiver: Receiver
    key: str
    pool: ThreadPoolExecutor
    token_ms: float
    sent: int = 0
    long_share: float = 0.0
    faults: list[str] = field(default_factory=list)

    def pass_by(self, seconds: int, calls: int, *, settle: bool = True) -> None:
        """Let time pass that begins with so many calls, all of them in the ledger before it ends."""
        assert all(status == 200 for status in self.pool.map(self._call, range(calls)))
        self.sent += calls
        if settle:
            until(lambda: self._counted() >= self.sent, "the calls to be in the ledger")
        self.clock.forward(seconds)

    def day(self) -> None:
        """Let a day pass."""
        for hour in range(24):
            self.pass_by(HOUR, 40, settle=hour == 23)

    def become(self, times: float) -> None:
        """Let the northern deployment take `times` as long."""
        self.north.stop("sim")
        self.north.sim_options = engine(times, self.token_ms)
        self.north.start("sim")

    def incidents(self) -> list[Incident]:
        with self.north.ledger() as ledger:
            return ledger.incidents.list(ended_since_us=0)

    def facts(self) -> Facts:
        return Facts.loaded(self.incidents()[0].facts)

    def timeline(self, incident: str) -> list[str]:
        with self.north.ledger() as ledger:
            found = ledger.incidents.get(incident)
        assert found is not None
        return [event.text for event in found[1]]

    def events(self, kind: str) -> list[str]:
        with self.north.ledger() as ledger:
            return [event.text for event in ledger.events.between(0, 2**62) if event.kind == kind]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let steady traffic pass until the control process has done something."""

        def passed() -> bool:
            self.pass_by(STEP, 20)
            return condition()

        until(passed, f"{what}:\n{self.north.log('control')}")

    def paceline(self, *arguments: str) -> str:
        """Run a command as its user would."""
        where = ("--data", str(self.north.data.path), "--standards", str(self.north.standards))
        command = [sys.executable, "-m", "paceline", *arguments, *where]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=None, timeout=PATIENCE_S)
        return done.stdout

    def _call(self, number: int) -> int:
        is_long = number * 7 % 40 < self.long_share * 40
        words = "word" * (8_000 if is_long else 100)
        model = "small" if number % 2 else "other"
        body = {"model": model, "messages": [{"role": "user", "content": words}]}
        headers = {
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            "x-sim-output-tokens": "20",
            "x-sim-fault": "delay=100" if is_long else "",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.north.gateway_port, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            with connection.getresponse() as answer:
                answer.read()
                return answer.status
        finally:
            connection.close()

    def _counted(self) -> int:
        with self.north.ledger() as ledger:
            return sum(row.n for row in ledger.counts(0, self.clock.now() + DAY, resolution=60, group=()))


@pytest.fixture
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Town]:
    clock = Clock(tmp_path)
    # With a limit, calls are long beside what a busy machine adds to them; without one there may be many.
    token_ms = 10.0 if request.param == "null" else 20.0
    south = Installation(tmp_path / "south", sim_options=engine(token_ms=token_ms))
    with http_receiver() as receiver, ThreadPoolExecutor(24) as pool:
        text = STANDARDS.replace("{south}", south.sim_url).replace("{total}", request.param)
        environment = clock.environment | {"HOOK": f"{receiver.url}/hook", "SIGNED_WITH": "s3cret"}
        north = Installation(
            tmp_path / "north", standards_text=text, sim_options=engine(token_ms=token_ms), environment=environment
        )
        try:
            south.start("sim")
            north.start("sim", "control", "gateway")
            yield Town(north, south, clock, receiver, north.key("helpdesk", "support-chat"), pool, token_ms)
        finally:
            north.end()
            south.end()


@pytest.mark.parametrize("town", ["590ms"], indirect=True)
def test_a_slow_deployment_becomes_an_incident_an_alert_and_its_end(town: Town) -> None:
    for _ in range(24):
        town.pass_by(STEP, 20)
    assert town.incidents() == []
    town.become(1.3)
    town.wait(lambda: bool(town.receiver.posts), "an alert")

    (incident,) = town.incidents()
    assert (incident.owner, incident.limit) == ("support", ("helpdesk", "support-chat", "total_ms", "p95"))
    assert Facts.loaded(incident.facts).what == "total p95 is over 590 ms"
    slow = "deployment north/gpt-5.4-mini is +"
    town.wait(lambda: town.facts().changed[:1] != () and town.facts().changed[0].startswith(slow), "what explains it")
    assert "take the slow deployment out" in town.facts().next_step
    firing = town.receiver.posts[0]
    assert firing.headers["x-paceline-signature"] == signature(
        "s3cret", firing.headers["x-paceline-timestamp"], firing.body
    )
    (alert,) = firing.json["alerts"]
    assert (alert["status"], alert["labels"]["owner"], alert["labels"]["incident"]) == (
        "firing",
        "support",
        incident.id,
    )
    assert "the same work is slower" in alert["annotations"]["description"]

    town.wait(lambda: town.incidents()[0].severity == "page", "an hour at half of the calls over")
    town.become(1.0)
    town.wait(lambda: town.incidents()[0].state == "mitigated", "its mitigation by the rule")
    assert "it closes with a note" in town.timeline(incident.id)[-1]
    town.paceline("incidents", "note", incident.id, "north was overloaded; moved back")
    town.wait(lambda: town.incidents()[0].state == "resolved", "its end")
    town.wait(lambda: town.receiver.posts[-1].json["status"] == "resolved", "the message of its end")
    assert [one.id for one in town.incidents()] == [incident.id], "one incident in all"
    assert len({post.json["groupKey"] for post in town.receiver.posts}) == 1
    assert [post.json["status"] for post in town.receiver.posts].count("resolved") == 1


def weeks_before(town: Town) -> None:
    """Live through one weekday of four weeks."""
    for _ in range(4):
        town.day()
        town.clock.forward(6 * DAY)


@pytest.mark.parametrize("town", ["null"], indirect=True)
def test_longer_prompts_leave_a_note_and_a_slow_deployment_is_a_regression(town: Town) -> None:
    weeks_before(town)
    town.long_share = 0.4
    town.day()
    until(lambda: town.events("mix"), "the note about the mix")
    assert [one for one in town.incidents() if one.limit.metric.endswith("_ms")] == []
    assert "prompts are longer" in town.events("mix")[0]

    town.long_share = 0.0
    town.clock.forward(6 * DAY)
    town.become(1.3)
    town.day()
    until(lambda: any(one.limit.metric == "total_ms" for one in town.incidents()), "the regression")
    incident = next(one for one in town.incidents() if one.limit.metric == "total_ms")
    assert (incident.kind, incident.owner) == ("regression", "support")
    assert Facts.loaded(incident.facts).changed[0].startswith("deployment north/gpt-5.4-mini is +")
