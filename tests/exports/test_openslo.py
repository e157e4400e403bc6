"""OpenSLO: the objects, what the specification asks of them, and that the queries count what rules count."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from paceline.exports.openslo import object_name, openslo_text
from paceline.governance.statistics.burn import WINDOWS
from paceline.standards import Standards

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,47}", fullmatch=True)
RFC_1123 = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SHORTHAND = re.compile(r"[1-9][0-9]*[mhdwMQY]")


@pytest.fixture
def objects(known: Standards) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(openslo_text(known)))


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def test_an_slo_a_limit_with_team_class_and_source(objects: list[dict[str, Any]]) -> None:
    slos = of_kind(objects, "SLO")
    assert list(slos) == snapshot(
        [
            "helpdesk--support-chat--ttft--p95",
            "helpdesk--support-chat--ttft--p99",
            "helpdesk--support-chat--stall--p99",
            "helpdesk--support-chat--cost--p95",
            "helpdesk--support-chat--error-share--mean",
            "helpdesk--night-digest--total--p95-12747f28",
            "helpdesk--night-digest--total--p99-3cb6f760",
            "helpdesk--night-digest--job-age--p99-714613d6",
            "watcher--support-chat--ttft--p95",
            "watcher--support-chat--ttft--p99",
            "watcher--support-chat--stall--p99",
            "watcher--support-chat--cost--p95",
            "watcher--support-chat--error-share--mean",
        ]
    )
    one = slos["helpdesk--support-chat--cost--p95"]
    assert one["metadata"] == snapshot(
        {
            "name": "helpdesk--support-chat--cost--p95",
            "displayName": "helpdesk / support-chat: cost p95 $0.02",
            "labels": {"team": "support", "class": "chat", "use_case": "support-chat"},
            "annotations": {
                "paceline.dev/service": "helpdesk",
                "paceline.dev/metric": "cost_usd",
                "paceline.dev/percentile": "p95",
                "paceline.dev/limit": "0.02",
                "paceline.dev/source": "use case support-chat",
            },
        }
    )
    assert one["spec"]["timeWindow"] == [{"duration": "28d", "isRolling": True}]
    assert one["spec"]["objectives"] == [{"displayName": "cost p95 $0.02", "target": 0.95}]
    assert [each["alertPolicyRef"] for each in one["spec"]["alertPolicies"]] == [
        "support--page--5",
        "support--urgent--5",
        "support--ticket--5",
    ]


def test_a_limit_that_no_metric_tells_of_is_named_by_its_source(objects: list[dict[str, Any]]) -> None:
    (name,) = [name for name in of_kind(objects, "SLO") if "job-age" in name]
    ratio = of_kind(objects, "SLO")[name]["spec"]["indicator"]["spec"]["ratioMetric"]
    assert ratio["bad"]["metricSource"]["type"] == "paceline"
    assert ratio["bad"]["metricSource"]["spec"] == snapshot(
        {
            "service": "helpdesk",
            "use_case": "night_digest",
            "metric": "job_age_ms",
            "percentile": "p99",
            "count": "over",
        }
    )


def test_a_policy_has_governances_factor_and_windows(objects: list[dict[str, Any]]) -> None:
    policies = of_kind(objects, "AlertPolicy")
    conditions = [
        each["spec"]["conditions"][0]["spec"] for name, each in policies.items() if name.startswith("support--")
    ]
    assert conditions[: len(WINDOWS)] == snapshot(
        [
            {
                "severity": "page",
                "condition": {
                    "kind": "burnrate",
                    "op": "gte",
                    "threshold": 6.0,
                    "lookbackWindow": "1h",
                    "alertAfter": "5m",
                },
            },
            {
                "severity": "urgent",
                "condition": {
                    "kind": "burnrate",
                    "op": "gte",
                    "threshold": 3.0,
                    "lookbackWindow": "6h",
                    "alertAfter": "30m",
                },
            },
            {
                "severity": "ticket",
                "condition": {
                    "kind": "burnrate",
                    "op": "gte",
                    "threshold": 1.5,
                    "lookbackWindow": "3d",
                    "alertAfter": "6h",
                },
            },
        ]
    )


def test_every_object_is_what_the_specification_asks(objects: list[dict[str, Any]]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(names)) == len(names)
    for each in objects:
        assert each["apiVersion"] == "openslo/v1"
        assert RFC_1123.fullmatch(each["metadata"]["name"])
        assert len(each["spec"].get("description", "")) <= 1050
    targets, policies = of_kind(objects, "AlertNotificationTarget"), of_kind(objects, "AlertPolicy")
    for policy in policies.values():
        (condition,) = policy["spec"]["conditions"]
        told = condition["spec"]["condition"]
        assert told["kind"] == "burnrate"
        assert told["op"] in {"lte", "gte", "lt", "gt"}
        assert told["threshold"] > 1
        assert SHORTHAND.fullmatch(told["lookbackWindow"])
        assert SHORTHAND.fullmatch(told["alertAfter"])
        assert {each["targetRef"] for each in policy["spec"]["notificationTargets"]} <= targets.keys()
    services = of_kind(objects, "Service")
    for slo in of_kind(objects, "SLO").values():
        spec = slo["spec"]
        assert spec["service"] in services
        assert spec["budgetingMethod"] == "Occurrences"
        (window,), (objective,) = spec["timeWindow"], spec["objectives"]
        assert SHORTHAND.fullmatch(window["duration"])
        assert 0 < objective["target"] < 1
        assert {each["alertPolicyRef"] for each in spec["alertPolicies"]} <= policies.keys()
        assert spec["indicator"]["spec"]["ratioMetric"].keys() == {"counter", "bad", "total"}


def queries(objects: list[dict[str, Any]]) -> list[str]:
    return [
        part["metricSource"]["spec"]["query"]
        for slo in of_kind(objects, "SLO").values()
        for part in slo["spec"]["indicator"]["spec"]["ratioMetric"].values()
        if isinstance(part, dict) and part["metricSource"]["type"] == "Prometheus"
    ]


def test_queries_read_series_that_a_gateway_has(objects: list[dict[str, Any]], scrape: str) -> None:
    assert queries(objects)
    for query in queries(objects):
        assert "increase(" not in query, "a counter, of which the tool takes the increase"
        assert all(f"\n{name}{{" in scrape for name in re.findall(r"(paceline_[a-z_]+)\{", query))


@pytest.mark.prometheus
def test_prometheus_understands_the_queries(objects: list[dict[str, Any]], tmp_path: Path, component: str) -> None:
    rules = [{"record": f"q{at}", "expr": query} for at, query in enumerate(queries(objects))]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "slo", "rules": rules}]}))
    done = subprocess.run(
        [component, "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=2, max_size=2, unique_by=tuple))
def test_names_are_valid_and_stay_different(pair: list[list[str]]) -> None:
    one, other = (object_name(*parts) for parts in pair)
    assert RFC_1123.fullmatch(one)
    assert one != other


def test_a_name_that_needs_no_change_has_none() -> None:
    assert object_name("helpdesk", "support-chat") == "helpdesk--support-chat"
    assert object_name("a_b", "c") != object_name("a-b", "c")
