"""Standards that the tests of exports share, a real gateway with its metrics text, and a real Prometheus."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from tests.exports import traffic
from tests.exports.traffic import Prometheus
from tests.integration.installation import Installation, installation, until

from paceline import standards
from paceline.exports.prometheus import prometheus_rules
from paceline.standards import Standards

TEXT = """\
version: 1
organisation: Acme
providers:
  openai: {key: env:OPENAI_API_KEY}
models:
  small: {deployments: [openai/gpt-5.4-mini]}
tasks: {chat: small}
classes:
  slow:
    extends: chat
    budget: {ttft: null, tpot: null, stall: null, error_share: null, total: {p95: 7s, p99: 400s}, job_age: {p99: 24h}}
use_cases:
  support-chat: {class: chat, task: chat, budget: {tpot: null, cost: {p95: 0.02}}}
  night_digest: {class: slow, task: chat}
teams:
  support: {contact: "#support"}
  platform: {contact: "#platform"}
services:
  helpdesk: {owner: support, use_cases: [support-chat, night_digest]}
  watcher: {owner: platform, use_cases: [support-chat]}
"""


@pytest.fixture
def known() -> Standards:
    """Two services, two use cases, limits that metrics can tell of and others."""
    return standards.load(TEXT, today=date(2026, 11, 23)).sound()


@dataclass(frozen=True)
class Lively:
    """A gateway that has answered requests of every kind."""

    at: Installation
    key: str
    standards: Standards


@pytest.fixture(scope="session")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lively]:
    """A running gateway whose every family of metrics has moved."""
    place = tmp_path_factory.mktemp("lively")
    with installation(place, standards_text=traffic.STANDARDS, sim_options=traffic.SIM) as at:
        key = at.key("helpdesk")
        traffic.send(at, key)
        traffic.send(at, key)
        yield Lively(at, key, standards.load(at.standards.read_text()).sound())


@pytest.fixture(scope="session")
def scrape(lively: Lively) -> str:
    """Its metrics text."""
    return traffic.scraped(lively.at)


@pytest.fixture(scope="session")
def prometheus(lively: Lively, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus with paceline's rules that has seen that gateway's counters grow."""
    program = Path(os.environ["PACELINE_TEST_PROMETHEUS"]).with_name("prometheus")
    place = tmp_path_factory.mktemp("prometheus")
    rules = prometheus_rules(lively.standards).text
    with traffic.prometheus(program, place, lively.at.control_port, rules) as running:
        grown = 'increase(paceline_requests_total{outcome="provider_error"}[1m]) > 0'

        def has_grown() -> bool:
            traffic.send(lively.at, lively.key)
            return bool(running.query(grown))

        until(has_grown, "Prometheus to see counters grow")
        yield running
