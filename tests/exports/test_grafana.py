"""Boards: what is on them, that a gateway has every metric and label they read, that Prometheus takes every query."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.exports.conftest import Lively
from tests.exports.traffic import Prometheus

from paceline.exports.grafana.boards import BOARDS, board, board_text
from paceline.standards import Standards

VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "5m",
    "$service": "helpdesk",
    "$use_case": r"support-chat|night\\.digest",
    "$model": ".*",
    "$deployment": ".*",
}
SELECTOR = re.compile(r"(paceline_[a-z_]+)(?:\{([^}]*)\})?")
BY = re.compile(r"by \(([a-z_, ]+)\)")


def all_panels(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {panel["title"]: panel for panel in made["panels"]}


def queries(made: dict[str, Any]) -> Iterator[str]:
    for panel in made["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (each["expr"] for each in made["annotations"]["list"])


def filled_in(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


def labels_by_family(scrape: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(paceline_[a-z_]+)(?:\{(.*)\})? ", scrape, re.M):
        found.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', labels))
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_has_a_stable_uid_a_choice_of_source_and_its_panels_in_place(known: Standards, name: str) -> None:
    made = json.loads(board_text(name, known))
    assert made["uid"] == f"paceline-{name}"
    assert made["id"] is None
    assert made["templating"]["list"][0]["type"] == "datasource"
    assert made == board(name, known)
    numbers = [panel["id"] for panel in made["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another"
        taken |= cells
        for part in (panel, *panel.get("targets", ())):
            assert part.get("datasource", {"uid": "${datasource}"})["uid"] == "${datasource}"


@pytest.mark.parametrize("name", BOARDS)
def test_a_gateway_has_every_metric_and_label(lively: Lively, scrape: str, name: str) -> None:
    has = labels_by_family(scrape)
    made = board(name, lively.standards)
    selectors = [variable["definition"] for variable in made["templating"]["list"] if variable["type"] == "query"]
    for expr in [*queries(made), *selectors]:
        families = set()
        for family, matchers in SELECTOR.findall(expr):
            assert family in has, f"no gateway exposes {family}"
            assert set(re.findall(r"([a-z_]+)[=!~]+\"", matchers)) <= has[family], f"{family}: {matchers}"
            families.add(family)
        for by in BY.findall(expr):
            names = set(by.split(", "))
            assert any(names <= has[family] for family in families), f"by {by}: {expr}"


def test_every_family_of_a_gateway_is_on_a_board(lively: Lively, scrape: str) -> None:
    shown = " ".join(expr for name in BOARDS for expr in queries(board(name, lively.standards)))
    families = re.findall(r"^# TYPE (\w+)", scrape, re.M)
    assert [family for family in families if family not in shown] == []


@pytest.mark.prometheus
@pytest.mark.parametrize("name", BOARDS)
def test_prometheus_takes_every_query_and_has_data(lively: Lively, prometheus: Prometheus, name: str) -> None:
    for expr in queries(board(name, lively.standards)):
        assert prometheus.query(filled_in(expr)) or expr.endswith("> 0"), f"nothing comes of {expr}"


@pytest.mark.prometheus
def test_figures_are_what_was_sent(lively: Lively, prometheus: Prometheus) -> None:
    panels = all_panels(board("overview", lively.standards))
    found = panels["Within the limits, by service and use case"]
    columns = found["transformations"][1]["options"]["renameByName"]
    exprs = {columns[f"Value #{target['refId']}"]: target["expr"] for target in found["targets"]}
    shares = {
        (name, one["metric"]["service"], one["metric"]["use_case"]): float(one["value"][1])
        for name, expr in exprs.items()
        for one in prometheus.query(filled_in(expr))
    }
    assert {name for name, _, _ in shares} == set(exprs)
    errors = {use_case: share for (name, _, use_case), share in shares.items() if name.startswith("error_share")}
    assert errors["night.digest"] == 1.0
    answered, failed = (
        float(prometheus.query(f"sum(increase(paceline_requests_total{{{chosen}}}[5m]))")[0]["value"][1])
        for chosen in (f'use_case="support-chat",outcome="{name}"' for name in ("ok", "provider_error"))
    )
    assert errors["support-chat"] == pytest.approx(answered / (answered + failed), abs=0.02)
    limits = [
        t for t in panels["Time to first token, p95 by use case"]["targets"] if t["legendFormat"].startswith("limit")
    ]
    (line,) = prometheus.query(filled_in(limits[0]["expr"]))
    assert (line["metric"], line["value"][1]) == ({"use_case": "support-chat"}, "1")


def test_limits_are_lines_and_owners_are_named(known: Standards) -> None:
    panels = all_panels(board("service", known))
    ttft = [target["legendFormat"] for target in panels["Time to first token"]["targets"]]
    assert ttft == ["p50", "p95", "p99", "limit p95", "limit p99"]
    (override,) = panels["Time to first token"]["fieldConfig"]["overrides"]
    assert override["matcher"]["options"] == "/^limit/"
    published = all_panels(board("overview", known))["Owners and published limits"]["options"]["content"]
    assert "| helpdesk | support | support-chat, night_digest |" in published
    assert "| support-chat | chat | ttft p95 1 s |" in published


def test_cells_are_red_below_what_a_limit_asks(known: Standards) -> None:
    found = all_panels(board("overview", known))["Within the limits, by service and use case"]
    steps = {
        each["matcher"]["options"]: [step["value"] for step in each["properties"][0]["value"]["steps"]]
        for each in found["fieldConfig"]["overrides"]
        if each["properties"][0]["id"] == "thresholds"
    }
    assert steps["ttft p95"] == [None, 0.95, 0.96]
    assert steps["error_share 0.5 %"][1] == 0.995


def test_the_way_to_the_own_dashboard_is_there_if_somebody_said_it(known: Standards) -> None:
    assert [link["type"] for link in board("gateway", known)["links"]] == ["dashboards"]
    made = board("gateway", known, "https://paceline.acme.example")
    assert made["links"][1]["url"] == "https://paceline.acme.example"
    for link, titles in ((None, 1), ("https://paceline.acme.example", 2)):
        found = all_panels(board("overview", known, link))["Within the limits, by service and use case"]
        (override,) = [each for each in found["fieldConfig"]["overrides"] if each["matcher"]["options"] == "service"]
        assert len(override["properties"][0]["value"]) == titles
