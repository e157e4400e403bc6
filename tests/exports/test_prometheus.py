"""Rules: what is in them, that a gateway has every series they read, and that they fire when they should (promtool)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from inline_snapshot import snapshot
from tests.exports.conftest import Lively
from tests.exports.traffic import Prometheus
from tests.integration.installation import until

from paceline.exports.documents import yaml_text
from paceline.exports.objectives import promises
from paceline.exports.prometheus import ALERT, can_tell, prometheus_rules, share_text
from paceline.exports.scrape import FAILED, histogram_of, le_matcher
from paceline.governance.statistics.burn import WINDOWS
from paceline.standards import Standards

SERIES = 'service="helpdesk",use_case="support-chat",model="small",deployment="openai/gpt-5.4-mini"'


TTFT = ("support-chat", "ttft_ms", "p95")


def rules(text: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def alerts(text: str, service: str = "helpdesk") -> list[dict[str, Any]]:
    return [rule for rule in rules(text) if "alert" in rule and rule["labels"].get("service") == service]


def test_an_alert_has_both_windows_the_owner_and_the_way_to_the_page(known: Standards) -> None:
    made = alerts(prometheus_rules(known, "https://paceline.acme.example").text)[0]
    assert re.sub(r"\{[^}]*\}", "{}", made["expr"]).splitlines() == snapshot(
        [
            "paceline:limit_over:increase1h{} / paceline:limit_judged:increase1h{} >= 0.3",
            "and paceline:limit_over:increase1h{} >= 5",
            "and paceline:limit_over:increase5m{} / paceline:limit_judged:increase5m{} >= 0.3",
            "and paceline:limit_over:increase5m{} >= 2",
        ]
    )
    assert made["labels"] == snapshot(
        {
            "service": "helpdesk",
            "use_case": "support-chat",
            "metric": "ttft_ms",
            "percentile": "p95",
            "severity": "page",
            "owner": "support",
            "class": "chat",
        }
    )
    assert made["annotations"]["summary"] == snapshot("helpdesk / support-chat exceeds ttft p95 1 s")
    assert made["annotations"]["description"].split(". ") == snapshot(
        [
            "In the last 1h and 5m at least 30 % of the requests were over the limit ttft p95 1 s; 5 % may be",
            "That is 6 times as fast as the error budget allows.",
        ]
    )
    assert made["annotations"]["runbook_url"] == "https://paceline.acme.example/services/helpdesk"


@pytest.mark.parametrize(("share", "text"), [(0.05, "5 %"), (0.005, "0.5 %"), (0.0005, "0.05 %"), (1 / 3, "33.3 %")])
def test_a_small_share_is_not_rounded_away(share: float, text: str) -> None:
    assert share_text(share) == text


def test_every_limit_has_every_severity_for_each_service(known: Standards) -> None:
    text = prometheus_rules(known).text
    limits = [(rule["labels"]["metric"], rule["labels"]["percentile"]) for rule in alerts(text)]
    assert dict.fromkeys(limits) == dict.fromkeys(
        [
            *(("ttft_ms", "p95"), ("ttft_ms", "p99"), ("stall_ms", "p99"), ("cost_usd", "p95")),
            *(("error_share", "mean"), ("total_ms", "p95"), ("total_ms", "p99")),
        ]
    )
    assert len(limits) == 7 * len(WINDOWS)
    assert {rule["labels"]["owner"] for rule in alerts(text, "watcher")} == {"platform"}
    assert all("runbook_url" not in rule["annotations"] for rule in alerts(text)), "nobody said where the dashboard is"


def test_what_metrics_cannot_tell_is_named(known: Standards) -> None:
    made = prometheus_rules(known)
    assert made.left_out == snapshot(("night_digest: job_age p99 24 h: there is no histogram of it",))
    assert all(each in made.text for each in made.left_out)


@pytest.mark.parametrize(
    ("metric", "limit", "spellings"),
    [
        ("ttft_ms", 1_000, ["1", "1.0"]),
        ("total_ms", 1_234.567, ["1.234567"]),
        ("tpot_ms", 33.5, ["0.0335"]),
        ("cost_usd", 0.02, ["0.02"]),
        ("cost_usd", 0.000_02, ["0.00002", "2e-5", "2e-05"]),
        ("cost_usd", 0.000_000_125, ["0.000000125", "1.25e-7", "1.25e-07"]),
        ("total_ms", 400_000, ["400", "400.0"]),
    ],
)
def test_a_limit_is_found_however_its_boundary_is_spelt(metric: str, limit: float, spellings: list[str]) -> None:
    family = histogram_of(metric)
    assert family is not None
    sign, pattern = re.fullmatch(r'le(=~?)"(.*)"', le_matcher(family.boundary(limit))).groups()  # type: ignore[union-attr]
    for spelling in spellings:
        assert re.fullmatch(pattern if sign == "=~" else re.escape(pattern), spelling)
    assert not re.fullmatch(pattern if sign == "=~" else re.escape(pattern), spellings[0].replace(".", "x") + "1")


def test_a_gateway_has_every_series_that_rules_read(known: Standards, scrape: str) -> None:
    text = prometheus_rules(known).text
    recorded = {rule["record"] for rule in rules(text) if "record" in rule}
    for rule in rules(text):
        for name in re.findall(r"(paceline[:_][a-z0-9_:]+)[{\[]", rule["expr"]):
            assert name in recorded or f"\n{name}{{" in scrape, f"no gateway exposes {name}"


@pytest.mark.prometheus
def test_a_real_prometheus_evaluates_every_rule(lively: Lively, prometheus: Prometheus) -> None:
    text = prometheus_rules(lively.standards).text
    until(lambda: all(rule["lastEvaluation"] > "0002" for rule in prometheus.rules()), "every rule to be evaluated")
    assert {rule["health"] for rule in prometheus.rules()} == {"ok"}
    assert len(prometheus.rules()) == len(rules(text))
    for rule in (each for each in rules(text) if "record" in each):
        chosen = ",".join(f'{name}="{value}"' for name, value in rule["labels"].items())
        query = f"{rule['record']}{{{chosen}}}"
        until(lambda query=query: prometheus.query(query), f"{query} to have data")


def test_a_gateways_buckets_end_at_every_limit(lively: Lively, scrape: str) -> None:
    for promise in filter(can_tell, promises(lively.standards)):
        family = histogram_of(promise.metric)
        if family is None:
            continue
        edges = re.findall(rf'^{family.name}_bucket{{le="([^"]+)"', scrape, re.M)
        matcher = le_matcher(family.boundary(promise.limit.value)).removeprefix("le=")
        pattern = matcher[2:-1] if matcher.startswith("~") else re.escape(matcher[1:-1])
        assert any(re.fullmatch(pattern, edge) for edge in edges), f"{promise.words}: {matcher}"
    assert "\npaceline_limits_without_boundary 0\n" in scrape
    assert re.search(r'paceline_requests_total\{service="helpdesk",.*,outcome="ok"\} [1-9]', scrape)


def test_failed_outcomes_are_those_that_budgets_count() -> None:
    source = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    rows = [line for line in source.splitlines() if "as over every limit" in line and line.startswith("|")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(FAILED)


def unit_test(
    place: Path, text: str, series: dict[str, str], fires: list[str], limit: tuple[str, ...] = TTFT
) -> subprocess.CompletedProcess[str]:
    """Ask promtool which severities of a limit of the help desk fire after two hours of these series."""
    (place / "rules.yml").write_text(text)
    labels = dict(zip(("use_case", "metric", "percentile"), limit, strict=True)) | {"service": "helpdesk"}
    expected = [
        rule["labels"]["severity"]
        for rule in alerts(text)
        if rule["labels"].items() >= labels.items() and rule["labels"]["severity"] in fires
    ]
    chosen = ",".join(f'{name}="{value}"' for name, value in labels.items())
    samples = [{"labels": f'{{severity="{one}"}}', "value": 1} for one in expected]
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count by (severity) (ALERTS{{alertname="{ALERT}",alertstate="firing",{chosen}}})',
                "eval_time": "2h",
                "exp_samples": samples,
            }
        ],
    }
    (place / "tests.yml").write_text(yaml_text([{"rule_files": ["rules.yml"], "tests": [case]}]))
    return subprocess.run(
        [os.environ["PACELINE_TEST_PROMETHEUS"], "test", "rules", "tests.yml"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def histogram(slow: int, fast: int, *, failed: int = 0) -> dict[str, str]:
    """Write what a scrape every minute gives for two hours of so many streamed answers a minute."""
    made = {
        f'paceline_ttft_seconds_bucket{{{SERIES},le="1.0"}}': f"0+{fast}x120",
        f'paceline_ttft_seconds_bucket{{{SERIES},le="2.0"}}': f"0+{fast + slow}x120",
        f"paceline_ttft_seconds_count{{{SERIES}}}": f"1+{fast + slow}x120",
    }
    if fast + slow:
        made[f'paceline_requests_total{{{SERIES},outcome="ok"}}'] = f"0+{fast + slow}x120"
    if failed:
        made[f'paceline_requests_total{{{SERIES},outcome="timeout_connect"}}'] = f"0+{failed}x120"
    return made


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("series", "fires"),
    [
        pytest.param(histogram(0, 100), [], id="all in time"),
        pytest.param(histogram(5, 95), [], id="as many over as may be"),
        pytest.param(histogram(10, 90), ["ticket"], id="twice as many"),
        pytest.param(histogram(20, 80), ["urgent", "ticket"], id="four times as many"),
        pytest.param(histogram(40, 60), ["page", "urgent", "ticket"], id="eight times as many"),
        pytest.param(histogram(0, 0, failed=10), ["page", "urgent", "ticket"], id="nothing is answered at all"),
        pytest.param(histogram(0, 90, failed=10), ["ticket"], id="failures are over"),
    ],
)
def test_alerts_fire_when_both_windows_are_over(
    known: Standards, tmp_path: Path, series: dict[str, str], fires: list[str]
) -> None:
    done = unit_test(tmp_path, prometheus_rules(known).text, series, fires)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_an_outage_is_told_where_nothing_was_ever_answered(known: Standards, tmp_path: Path) -> None:
    chosen = 'service="helpdesk",use_case="night_digest",model="small",deployment="openai/gpt-5.4-mini"'
    series = {f'paceline_requests_total{{{chosen},outcome="provider_error"}}': "0+10x120"}
    limit = ("night_digest", "total_ms", "p95")
    done = unit_test(tmp_path, prometheus_rules(known).text, series, ["page", "urgent", "ticket"], limit)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_promtool_finds_nothing_wrong(known: Standards, tmp_path: Path, component: str) -> None:
    (tmp_path / "rules.yml").write_text(prometheus_rules(known, "https://paceline.acme.example").text)
    done = subprocess.run(
        [component, "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout
